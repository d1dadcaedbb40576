/**
 * A bridge that has learnt a container's MAC address behind another port than the one its cable is in: frames go there until the
 * container speaks again or the entry ages (br_fdb_update, ageing_time of 300 s; bridge(8)).
 */
import type { Cause } from '../diagnosis.ts';

export const staleFdb: Cause = {
  id: 'stale-fdb',
  find: ({ facts, topology, target, unanswered }) => {
    const { endpoint, bridge } = target;
    const port = endpoint?.host?.interface ?? null;
    const mac = endpoint?.mac ?? null;
    if (port === null || mac === null || bridge === null || endpoint?.host?.bridge !== bridge) return null;
    const learnt = facts.self.fdb?.find((entry) => entry.mac === mac && entry.master === bridge && !isFixed(entry.state)) ?? null;
    if (learnt === null || learnt.dev === port) return null;
    // Two containers with one address are another matter, and behind such a port there may be a bridge of its own.
    const shared = topology.containers.some(
      ({ name, endpoints }) => name !== target.container?.name && endpoints.some((other) => other.mac === mac),
    );
    if (shared) return null;
    return {
      weight: unanswered ? 'cause' : 'note',
      sentence: `The bridge ${bridge} believes ${target.name} behind ${learnt.dev}, but its cable is in ${port}: frames for it go astray until it speaks again or the entry ages.`,
      evidence: [`${mac} dev ${learnt.dev} master ${bridge}${learnt.state === null ? '' : ` ${learnt.state}`}`],
      fix: `bridge fdb del ${mac} dev ${learnt.dev} master`,
      fixFor: 'To have it learnt anew',
    };
  },
};

const isFixed = (state: string | null): boolean => state === 'permanent' || state === 'static';
