/** The container's own routes send the answer out by another device than the question came in by: into a VPN that takes all traffic. */
import { formatIp } from '../../base/ip-address.ts';
import type { Cause } from '../diagnosis.ts';

export const answerAstray: Cause = {
  id: 'answer-astray',
  inside: true,
  find: ({ obstacle, src, target }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'answer-astray' || src.ip === null) return null;
    const name = by.namespace ?? target.name;
    const device = by.about?.device ?? 'another device';
    return {
      sentence: `${name} gets the packet, and its own routes send the answer out by ${device} instead of back to ${src.name}: nothing inside says that ${formatIp(src.ip)} is not to be reached by the tunnel.`,
      evidence: [by.text],
      fix: `nsenter -t $(docker inspect -f '{{.State.Pid}}' ${name}) -n ip rule add to ${formatIp(src.ip)} lookup main pref 99`,
      fixFor: `To have ${name} answer directly until it is started again (better by the image's own setting for local networks)`,
    };
  },
};
