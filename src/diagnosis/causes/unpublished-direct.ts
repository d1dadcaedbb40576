/** A container's port that is not published, asked directly: the default for the bridge, or the policy of FORWARD. */
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { given, givenNot, option, stops, testsOnly } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

export const unpublishedDirect: Cause = {
  id: 'unpublished-direct',
  find: (subject) => {
    const { obstacle, target, dnat, protocol } = subject;
    if (obstacle === null || obstacle.direction !== 'request' || dnat !== null || target.container === null || target.bridge === null)
      return null;
    if (networkOn(subject, subject.inDevice) !== null || subject.inDevice === null) return null;
    const { rule } = obstacle;
    const by = obstacle.verdict.decidedBy;
    const whole =
      rule !== null &&
      stops(rule) &&
      given(rule, '-o') === target.bridge &&
      (option(rule, '-i') === null || givenNot(rule, '-i') === target.bridge) &&
      testsOnly(rule, ['-i', '-o']);
    const policy = by.kind === 'policy' && by.table === 'filter' && obstacle.verdict.outcome === 'drop';
    if (!whole && !policy) return null;
    const what =
      target.port === null
        ? `${protocol} to ${target.name} itself is not let in from outside`
        : `port ${target.port} of ${target.name} is not published`;
    return {
      sentence: `${target.name} was asked at its own address from outside its network, and ${what}.`,
      evidence: [rulingSentence(obstacle.verdict)],
      ...(target.port === null
        ? {}
        : { fix: `docker run -p ${target.port}:${target.port} …`, fixFor: `To publish it (${target.name} must be created anew)` }),
    };
  },
};
