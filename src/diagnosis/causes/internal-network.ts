/** The network is --internal: no way in or out, and the container has no default route. */
import { type Case, insideOf, networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { givenNot, option, stops } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

export const internalNetwork: Cause = {
  id: 'internal-network',
  find: (subject) => {
    const { obstacle, src, target } = subject;
    if (obstacle === null || obstacle.verdict.outcome === 'accept') return null;
    const network = [src.network ?? networkOn(subject, subject.inDevice), target.network].find((candidate) => candidate?.internal === true);
    if (network == null || src.network?.id === target.network?.id) return null;
    const { rule } = obstacle;
    const bridge = network.claimedBridge;
    const byDesign =
      rule !== null &&
      stops(rule) &&
      (givenNot(rule, '-d') !== null ||
        givenNot(rule, '-s') !== null ||
        option(rule, '-i')?.values[0] === bridge ||
        option(rule, '-o')?.values[0] === bridge);
    if (!byDesign && obstacle.verdict.decidedBy.kind !== 'policy' && obstacle.verdict.decidedBy.kind !== 'route') return null;
    const inner = src.network?.id === network.id ? src : target;
    const name = inner.container?.name ?? inner.name;
    const leaving = inner === src;
    return {
      sentence: `Network ${network.name} of ${name} is --internal: by design there is no way ${leaving ? 'out of' : 'into'} it.${leaving ? routeNote(subject) : ''}`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: `docker network connect ${leaving ? 'bridge' : (src.network?.name ?? 'bridge')} ${name}`,
      fixFor: leaving ? `To give ${name} a second network that leads out` : `To give ${name} a second network`,
    };
  },
};

const routeNote = (subject: Case): string => {
  const routes = insideOf(subject, subject.src.container)?.routes;
  if (routes == null || routes.some((route) => route.prefix.length === 0 && route.type === 'unicast')) return '';
  return ` ${subject.src.name} has no default route, so it does not even send such a packet.`;
};
