/** Answers that are settled before the host's path begins, or that the host's path does not see. */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import type { HostModel } from './model.ts';
import { namespaceOf, type Place } from './places.ts';
import type { End } from './question-ends.ts';
import type { DecidedBy, DecisionSubject, Verdict, VerdictOutcome } from './verdict.ts';

export const settle = (outcome: VerdictOutcome, decidedBy: DecidedBy, unknowns: readonly string[] = []): Verdict => ({
  outcome,
  decidedBy,
  nat: [],
  out: null,
  steps: [
    {
      hook: 'routing',
      table: null,
      chain: null,
      rule: null,
      text: decidedBy.text,
      action: outcome === 'undetermined' ? 'continue' : outcome,
    },
  ],
  unknowns,
  evidence: 'predicted',
});

const beside = (text: string, about: DecisionSubject): DecidedBy => ({ kind: 'bridge', text, reason: 'beside-host-rules', about });

/** Networks whose traffic the host's own rules do not see, where what they do instead is not known. */
export const hiddenSource = (model: HostModel, place: Place): Verdict | null => {
  const driver = place.network?.driver ?? '';
  const name = place.container.name;
  const subject: DecisionSubject = { container: name, ...(place.parent === null ? {} : { device: place.parent }) };
  if (driver === 'macvlan' || driver === 'ipvlan') {
    const netns = namespaceOf(model.facts, place.container)?.id;
    if (netns !== undefined && place.interface !== null && model.parents.inside(netns, place.interface) !== null) return null;
    return settle('undetermined', beside(`${driver} on ${place.parent ?? 'its parent'}`, subject), [
      `${name} is on a ${driver} network: its frames leave by ${place.parent ?? 'the parent'} below the host's rules, and what of its own namespace was read does not say more`,
    ]);
  }
  if (driver === 'overlay' && isWalked(model, place)) return null;
  if (place.bridge === null) {
    return settle('undetermined', beside(`${driver === '' ? 'unknown' : driver} network ${place.endpoint.network}`, subject), [
      `the ${driver === '' ? 'unknown' : driver} network ${place.endpoint.network} has no bridge in the host's namespace: the host's rules do not see what ${name} sends there`,
    ]);
  }
  return null;
};

/** Whether packets of the container can be followed through its own namespace, and from there into that of its network. */
const isWalked = (model: HostModel, place: Place): boolean => {
  const own = namespaceOf(model.facts, place.container);
  const link = own?.facts.links?.find(({ name }) => name === place.interface);
  const far = own === null || link === undefined ? null : model.wires.peerOf(own.id, link);
  return own !== null && model.inside(own.id) !== null && far !== null && far.netns !== null && model.inside(far.netns) !== null;
};

/** A container that no packet of this host's rules reaches by the network that was asked about. */
export const hiddenTarget = (to: End, target: IpAddress): Verdict | null => {
  if (to.kind !== 'container') return null;
  const place = to.places.find((entry) =>
    [entry.endpoint.ipv4, entry.endpoint.ipv6].some((ip) => ip !== null && formatIp(ip) === formatIp(target)),
  );
  const driver = place?.network?.driver;
  if (place === undefined || driver !== 'overlay') return null;
  return settle('undetermined', beside(`overlay network ${place.endpoint.network}`, { container: to.container.name }), [
    `${to.container.name} is on an overlay network: packets reach it inside VXLAN, in a namespace that the host's rules do not see`,
  ]);
};
