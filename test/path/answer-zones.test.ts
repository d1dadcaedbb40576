/** Answers that connection tracking does not recognise: exempt, or in another zone than their request. nf_conntrack_core.c, xt_CT.c. */
import { describe, expect, it } from 'vitest';
import { judgeBoth } from '../../src/path/judge.ts';
import { addRules, IPTABLES, type Scene, scene } from './scene.ts';

const hostWith = (...rules: readonly string[]): Scene => scene('28.5', { raw: { [IPTABLES]: addRules('raw', ...rules) } });
const published = { in: 'eth0', src: '203.0.113.2', dst: '203.0.113.1', proto: 'tcp', sport: 40000, dport: 8080 } as const;
const outward = (world: Scene) => ({ in: world.bridge('test_net1'), src: world.ip('web1'), dst: '203.0.113.2', proto: 'icmp' }) as const;

describe('the answer to a translated request', () => {
  it('is not found where only the request is put in a zone', () => {
    const { verdict, reply } = judgeBoth(hostWith('-A PREROUTING -i eth0 -j CT --zone 5').model, published);
    expect(verdict.outcome).toBe('accept');
    expect(reply).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'answer-unrecognised', about: { address: '172.17.0.2' } } });
  });

  it('is not found where only the answer is put in a zone: it is for the host itself then', () => {
    const world = hostWith('-A PREROUTING -i eth0 -j CT --zone 5');
    const { verdict, reply } = judgeBoth(world.model, outward(world));
    expect(verdict.outcome).toBe('accept');
    expect(reply).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'answer-unrecognised', about: { address: '203.0.113.1' } } });
  });

  it.each([
    ['both directions are put in the zone', ['-A PREROUTING -j CT --zone 5']],
    ['the zone holds for the direction of the request only', ['-A PREROUTING -i eth0 -j CT --zone-orig 5']],
  ])('is found where %s', (_, rules) => {
    expect(judgeBoth(hostWith(...rules).model, published).reply?.outcome).toBe('accept');
  });

  it('is refused by the asker where a rule exempts it, and that rule decides', () => {
    const { reply } = judgeBoth(hostWith('-A PREROUTING -i docker0 -j CT --notrack').model, published);
    expect(reply).toMatchObject({
      outcome: 'drop',
      decidedBy: {
        kind: 'rule',
        table: 'raw',
        chain: 'PREROUTING',
        text: '-A PREROUTING -i docker0 -j CT --notrack',
        reason: 'answer-untracked',
      },
    });
  });
});
