/** The host has no way to the destination, or one that says no. */
import type { DecisionReason } from '../../path/verdict.ts';
import type { Cause } from '../diagnosis.ts';

const MARTIANS = new Map<DecisionReason, string>([
  ['martian-source', 'source'],
  ['martian-destination', 'destination'],
]);

export const noRoute: Cause = {
  id: 'no-route',
  find: ({ obstacle, target, src, dnat }) => {
    const by = obstacle?.verdict.decidedBy;
    // Between the host and itself there is a way; a translation led elsewhere.
    if ((obstacle?.direction === 'reply' || by?.reason === 'martian-source') && src.isHost && dnat !== null) return null;
    if (obstacle === null || by?.kind !== 'route' || obstacle.verdict.outcome === 'accept' || obstacle.verdict.outcome === 'undetermined')
      return null;
    const end = obstacle.direction === 'reply' ? src : target;
    const { reason, about } = by;
    const martian = reason === undefined ? undefined : MARTIANS.get(reason);
    const down = reason === 'link-down' ? about?.device : undefined;
    const none = reason === 'no-route';
    const scope = reason === 'source-scope';
    if (martian === undefined && down === undefined && !none && !scope && reason !== 'refusing-route') return null;
    const address = about?.address ?? end.name;
    const fix =
      down !== undefined
        ? { fix: `ip link set ${down} up`, fixFor: 'To bring it up' }
        : none
          ? {
              fix: `ip ${address.includes(':') ? '-6 ' : ''}route add ${address} via GATEWAY`,
              fixFor: 'To give it one, by the router that knows the way',
            }
          : reason === 'refusing-route'
            ? {
                fix: `ip ${address.includes(':') ? '-6 ' : ''}route get ${address}`,
                fixFor: 'To see what answers it (ip rule shows where it stands)',
              }
            : {};
    const told = obstacle.verdict.steps.find((step) => step.action === 'drop')?.note;
    return {
      sentence:
        martian !== undefined
          ? `The kernel takes the ${martian} address for impossible on that interface (a "martian"), and drops the packet silently.`
          : down !== undefined
            ? `The way to ${end.name} leads by ${down}, which is down.`
            : scope
              ? `The source address means something on its own link only, so the host does not forward the packet.`
              : none
                ? `The host has no route to ${end.name}.`
                : `The host has a route for ${end.name} that refuses: ${by.text}.`,
      evidence: [told === undefined ? by.text : `${by.text}; ${told}`],
      ...fix,
    };
  },
};
