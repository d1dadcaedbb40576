/** The person's own rules in DOCKER-USER, the chain that Docker leaves to them. */
import type { HostFacts } from '../../host/facts.ts';
import type { VerdictStep } from '../../path/verdict.ts';
import type { Cause } from '../diagnosis.ts';
import { option, ruleAt } from '../rule-shape.ts';
import { iptables, rulingSentence } from '../words.ts';

const DOCKER_USER = 'DOCKER-USER';

export const dockerUser: Cause = {
  id: 'docker-user',
  find: (subject) => {
    const { obstacle } = subject;
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.kind !== 'rule' || obstacle.verdict.outcome === 'accept' || obstacle.verdict.outcome === 'undetermined')
      return null;
    const through = obstacle.verdict.steps.some(
      (step) => step.chain === DOCKER_USER && step.action !== 'return' && step.hook === 'forward',
    );
    const own = by.chain === DOCKER_USER || (through && comesFrom(subject.facts, obstacle.verdict.steps, by.chain ?? ''));
    if (!own) return null;
    const command = iptables(subject, by);
    if (obstacle.direction === 'reply' && (obstacle.rule === null || option(obstacle.rule, '--ctstate') === null)) {
      return {
        sentence: `Your own rule in ${DOCKER_USER} drops the answers too: it does not ask whether a packet belongs to a connection that ${subject.src.name} began.`,
        evidence: [rulingSentence(obstacle.verdict)],
        fix: `${command} -I ${DOCKER_USER} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
        fixFor: 'To let answers pass before it',
      };
    }
    return {
      sentence: `Your own rule in ${DOCKER_USER} ${obstacle.verdict.outcome === 'reject' ? 'refuses' : 'drops'} ${obstacle.direction === 'reply' ? 'the answer' : 'it'}, before Docker's rules are asked.`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: `${command} -D ${by.chain} ${by.rule}`,
      fixFor: 'To remove that rule',
    };
  },
};

/** True where the chain was entered from DOCKER-USER and not left again. */
const comesFrom = (facts: HostFacts, steps: readonly VerdictStep[], chain: string): boolean => {
  const jump = steps.findLastIndex(
    (step) => (step.action === 'jump' || step.action === 'goto') && ruleAt(facts, step)?.target?.name === chain,
  );
  const entered = steps[jump];
  if (entered === undefined) return false;
  return (
    entered.chain === DOCKER_USER ||
    (entered.chain !== null && entered.chain !== chain && comesFrom(facts, steps.slice(0, jump), entered.chain))
  );
};
