/** Connection tracking begins with the first rule that needs it (nf_ct_netns_get); until then nat chains are not consulted. */
import { describe, expect, it } from 'vitest';
import { judge, judgeBoth } from '../../src/path/judge.ts';
import type { PacketSpec } from '../../src/path/verdict.ts';
import { IPTABLES, type Scene, scene } from './scene.ts';

const nat = (rules: string): string => `*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]
:MINE - [0:0]\n-A PREROUTING -j MINE\n-A MINE -p udp -j RETURN\n${rules}COMMIT\n`;
const hostWith = (rules: string, conntrack = ''): Scene =>
  scene('28.5', {
    raw: { [IPTABLES]: () => nat(rules), 'nft -j list ruleset': () => '{"nftables":[]}', 'conntrack -L -o extended': () => conntrack },
  });
const toHost: PacketSpec = { in: 'eth0', src: '203.0.113.2', dst: '203.0.113.1', proto: 'tcp', sport: 40000, dport: 9999 };
const chains = (world: Scene): readonly (string | null)[] => judge(world.model, toHost).steps.map(({ chain }) => chain);

describe('connection tracking', () => {
  it('leaves nat chains unasked where no rule needs it', () => {
    expect(chains(hostWith(''))).not.toContain('PREROUTING');
    const verdict = judge(hostWith('').model, toHost, { explain: true });
    expect(verdict.phases?.find(({ kind }) => kind === 'conntrack')).toMatchObject({
      result: 'skip',
      note: 'no rule asks for connection tracking',
    });
    expect(judgeBoth(hostWith('').model, toHost).reply?.outcome).toBe('accept');
  });

  it.each([
    ['a translation', '-A POSTROUTING -o eth7 -j MASQUERADE\n'],
    ['a state', '-A MINE -m conntrack --ctstate NEW -j RETURN\n'],
    ['a mark of connections', '-A MINE -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff\n'],
    ['a rule that cannot be read', '-A MINE -m unheardof --of it -j RETURN\n'],
  ])('asks them where %s is in some rule', (_, rule) => {
    expect(chains(hostWith(rule))).toContain('PREROUTING');
  });

  it('takes connections that are listed as a sign that somebody asks', () => {
    const listed =
      'ipv4     2 udp      17 20 src=203.0.113.2 dst=203.0.113.1 sport=5 dport=6 src=203.0.113.1 dst=203.0.113.2 sport=6 dport=5 mark=0 use=1\n';
    expect(chains(hostWith('', listed))).toContain('PREROUTING');
  });
});
