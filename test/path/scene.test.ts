/**
 * The standard scene on three recorded hosts, with goldens to review. test/lab/scene.test.ts sends such packets on real hosts and compares the
 * kernel's counters; what is asked here of hostmode, nonemode, sidecar, multi and macvlan is prediction only.
 */
import { describe, expect, it } from 'vitest';
import { judgeBoth } from '../../src/path/judge.ts';
import { answerBetween } from '../../src/path/question.ts';
import { brief, ENGINES, scene } from './scene.ts';

const QUESTIONS: readonly (readonly [string, string, string])[] = [
  ['web1', 'web2', 'icmp'],
  ['web2', 'web3', 'icmp'],
  ['web1', 'outside', 'icmp'],
  ['web1', 'outside', 'tcp:443'],
  ['outside', '203.0.113.1', 'tcp:8080'],
  ['outside', '203.0.113.1', 'tcp:8081'],
  ['outside', '203.0.113.1', 'tcp:8082'],
  ['outside', 'pub', 'tcp:80'],
  ['pub', 'publocal', 'tcp:80'],
  ['n1', 'n2', 'icmp'],
  ['i1', 'outside', 'icmp'],
  ['web1', 'host', 'icmp'],
  ['web1', '203.0.113.1', 'tcp:8080'],
  ['nm1', 'outside', 'icmp'],
  ['host', 'web1', 'icmp'],
  ['host', '203.0.113.1', 'tcp:8080'],
  ['host', '127.0.0.1', 'tcp:8081'],
  ['hostmode', 'outside', 'icmp'],
  ['web1', 'hostmode', 'tcp:80'],
  ['nonemode', 'outside', 'icmp'],
  ['sidecar', 'web2', 'icmp'],
  ['multi', 'web2', 'icmp'],
  ['multi', 'outside', 'icmp'],
  ['web1', 'multi', 'icmp'],
  ['mv1', 'outside', 'icmp'],
  ['mv1', 'host', 'icmp'],
  ['host', 'mv1', 'icmp'],
  ['web1', 'mv1', 'icmp'],
];

describe.each(ENGINES)('the scene on engine %s', (engine) => {
  const world = scene(engine);

  it('answers every pair with the rule that counted it', async () => {
    const lines = QUESTIONS.map(([src, dst, proto]) => {
      const { words, verdict, reply } = answerBetween(world.model, world.topology, src, dst, proto);
      return `${words}\n  ${brief(world, verdict)}\n  reply: ${brief(world, reply)}\n`;
    });
    await expect(lines.join('')).toMatchFileSnapshot(`../golden/path/scene-${engine}.txt`);
  });

  it('reads the recorded host without a problem', () => {
    expect(world.facts.self.problems).toEqual([]);
  });

  it('keeps every step of a masqueraded ping in the order of the kernel', async () => {
    const { verdict } = judgeBoth(world.model, { in: world.bridge('test_net1'), src: world.ip('web1'), dst: '203.0.113.2', proto: 'icmp' });
    const steps = verdict.steps.map(
      (step) =>
        `${step.hook} ${step.table ?? '-'}/${step.chain ?? '-'}#${step.rule ?? '-'} ${step.action}: ${step.text}${step.note === undefined ? '' : ` (${step.note})`}`,
    );
    await expect(`${steps.join('\n')}\n`).toMatchFileSnapshot(`../golden/path/masquerade-steps-${engine}.txt`);
  });
});
