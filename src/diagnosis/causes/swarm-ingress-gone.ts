/** A swarm node with an ingress network whose DOCKER-INGRESS chain is gone: ports of services are not taken in. */
import type { Cause } from '../diagnosis.ts';
import { chainNamed, rulesetsOf } from '../rule-shape.ts';

export const swarmIngressGone: Cause = {
  id: 'swarm-ingress-gone',
  find: ({ verdict, dst, dnat, facts, family, protocol }) => {
    if (verdict.outcome !== 'accept' || verdict.out !== 'local' || !dst.isHost || dst.port === null || dnat !== null || family !== 4)
      return null;
    if (!verdict.steps.some(({ socket }) => socket === 'closed')) return null;
    if (!facts.networks.some(({ name, driver }) => name === 'ingress' && driver === 'overlay')) return null;
    const rulesets = rulesetsOf(facts, family);
    if (rulesets.length === 0 || rulesets.some((ruleset) => chainNamed(ruleset, 'nat', 'DOCKER-INGRESS') !== null)) return null;
    return {
      sentence: `This is a swarm node, and the chain that takes in ports of services (DOCKER-INGRESS) is not there: if a service publishes ${protocol} port ${dst.port}, nothing forwards it.`,
      evidence: ['network ingress (overlay) is there, chain DOCKER-INGRESS of table nat is not'],
      fix: 'systemctl restart docker',
      fixFor: 'To have Docker write its rules anew',
    };
  },
};
