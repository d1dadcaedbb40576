/**
 * Two containers in different bridge networks. The rule that keeps them apart has had four shapes: a pair of bridges (1.12), a
 * bridge that is left to (to 28), any way into a bridge but its own (28), and an address that is reached by a foreign bridge (28).
 */
import type { Case } from '../case.ts';
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { given, givenNot, stops, testsOnly } from '../rule-shape.ts';
import { rulingLine } from '../words.ts';

export const networkIsolation: Cause = {
  id: 'network-isolation',
  find: (subject) => {
    const { obstacle, src, target, inDevice } = subject;
    if (obstacle === null || obstacle.direction !== 'request' || obstacle.verdict.outcome === 'accept') return null;
    const from = networkOn(subject, inDevice);
    const to = target.network ?? networkOn(subject, subject.outDevice);
    if (from === null || to === null || from.id === to.id || from.driver !== 'bridge' || to.driver !== 'bridge') return null;
    if (!keepsApart(subject, from.claimedBridge ?? '', target.bridge ?? to.claimedBridge ?? '')) return null;
    const common = sharedNetwork(subject);
    const way = subject.outDevice === null ? '' : ` The packet comes in by ${inDevice} and would leave by ${subject.outDevice};`;
    const published = subject.dnat === null ? '' : `${target.name}'s port is published, but asked from another network: `;
    return {
      sentence: `${published}${src.name} and ${target.name} are in different Docker networks (${from.name}, ${to.name}), which Docker keeps apart.${common === null ? '' : ` They share ${common}: its addresses work.`}`,
      evidence: [`${way} ${rulingLine(obstacle.verdict)}`.trim()],
      ...(common === null
        ? { fix: `docker network connect ${to.name} ${src.container?.name ?? 'CONTAINER'}`, fixFor: 'To let them talk' }
        : {}),
    };
  },
};

const sharedNetwork = (subject: Case): string | null => {
  const mine = new Set(subject.src.container?.endpoints.map((endpoint) => endpoint.network));
  return subject.target.container?.endpoints.find((endpoint) => endpoint.network !== null && mine.has(endpoint.network))?.network ?? null;
};

const keepsApart = (subject: Case, inBridge: string, outBridge: string): boolean => {
  const { obstacle } = subject;
  if (obstacle?.verdict.decidedBy.kind === 'policy') return obstacle.verdict.steps.some((step) => step.hook === 'forward');
  const rule = obstacle?.rule ?? null;
  if (rule === null || !stops(rule)) return false;
  const left = given(rule, '-o') === outBridge && testsOnly(rule, ['-o', '-i']);
  const fromOther = given(rule, '-i') === null || given(rule, '-i') === inBridge;
  const byAddress = given(rule, '-d') !== null && givenNot(rule, '-i') === outBridge && testsOnly(rule, ['-d', '-i', '-p', '--dport']);
  return (left && fromOther) || byAddress;
};
