/** Reverse path filtering: the way back to the sender does not lead by the interface that the packet came in by. */
import type { Cause } from '../diagnosis.ts';

export const reversePath: Cause = {
  id: 'reverse-path',
  find: ({ obstacle, inDevice, target, src }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'rp-filter' || obstacle.verdict.outcome !== 'drop') return null;
    const reply = obstacle.direction === 'reply';
    const device = by.about?.device ?? (reply ? target.bridge : inDevice) ?? 'IF';
    const drop = obstacle.verdict.steps.find((step) => step.action === 'drop');
    const legs = (reply ? target : src).container?.endpoints.length ?? 0;
    const several = legs > 1 ? ` ${(reply ? target : src).name} is in several networks and answers by the one of its default route.` : '';
    return {
      sentence: `The ${reply ? 'answer' : 'packet'} comes in by ${device}, but the way back to its sender leads by another interface, so the kernel takes the sender for forged (rp_filter).${several}`,
      evidence: [[by.text, drop?.note].filter((part) => part !== undefined).join('; ')],
      fix: `sysctl -w net.ipv4.conf.${device}.rp_filter=2`,
      fixFor: 'To accept any interface that has a way back',
    };
  },
};
