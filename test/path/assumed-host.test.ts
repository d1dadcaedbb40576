/** Rules without a host: what can be said of a packet, and on what the rest hangs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../../src/base/ip-address.ts';
import { readOtherRules, withOtherRules } from '../../src/host/other-rules.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { type AssumedPlace, assumedHost, NO_PLACE } from '../../src/path/assumed-host.ts';
import { judgeBoth } from '../../src/path/judge.ts';
import type { PacketSpec } from '../../src/path/verdict.ts';

const FILTER = `*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -p tcp -j ACCEPT
-A FORWARD -p udp -j REJECT
-A OUTPUT -p tcp -m tcp --dport 25 -j REJECT
COMMIT
`;

const judged = (rules: string, place: Partial<AssumedPlace>, spec: Partial<PacketSpec>) => {
  const read = readFacts(parseSnapshot('{"vethscope":1}'));
  const other = readOtherRules({ iptables: { name: 'rules', text: rules } });
  if (other === null) throw new Error('no rules');
  const model = assumedHost({ ...read, self: withOtherRules(read.self, other) }, { ...NO_PLACE, ...place });
  return judgeBoth(model, { in: null, src: '198.51.100.7', dst: '192.0.2.1', proto: 'tcp', sport: 40_000, dport: 22, ...spec });
};
const prefixes = (...texts: string[]) => texts.map((text) => parsePrefix(text) as NonNullable<ReturnType<typeof parsePrefix>>);
const local = prefixes('192.0.2.1');

describe('a host of which only rules are known', () => {
  it('says nothing about packets whose end it may be, but what each way would come to', () => {
    const { verdict, reply } = judged(FILTER, {}, {});
    expect(verdict.outcome).toBe('undetermined');
    expect(verdict.decidedBy.text).toBe("whether 198.51.100.7 or 192.0.2.1 is the host's own address is not known (--local)");
    expect(verdict.unknowns[0]).toMatch(/forwarded: undetermined by filter FORWARD #2; for the host itself: .*; sent by the host: accept/);
    expect(reply).toBeNull();
  });

  it('decides where every way ends the same', () => {
    const everywhere = '*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n-A PREROUTING -p tcp -j DROP\n-A OUTPUT -p tcp -j DROP\nCOMMIT\n';
    const { verdict } = judged(everywhere, {}, {});
    expect(verdict.outcome).toBe('drop');
    expect(verdict.unknowns.at(-1)).toContain('sent by the host: drop by raw OUTPUT #1');
  });

  it.each([
    ['for the host itself, by a device that is told', { local, in: 'eth0' }, {}, 'accept', 'INPUT'],
    ['for the host itself, by another', { local, in: 'eth1' }, {}, 'drop', 'INPUT'],
    ['for the host itself, where the rule asks for the device', { local }, {}, 'undetermined', 'INPUT'],
    ['for the host itself, where no rule asks', { local }, { dport: 23 }, 'drop', 'INPUT'],
    ['sent by the host', { local: prefixes('198.51.100.0/24') }, { dport: 25 }, 'reject', 'OUTPUT'],
    ['forwarded by devices that are told', { local: [], in: 'eth1', out: 'eth0' }, {}, 'accept', 'FORWARD'],
    ['forwarded the other way', { local: [], in: 'eth0', out: 'eth1' }, {}, 'drop', 'FORWARD'],
    ['forwarded, whatever the devices', { local: [] }, { proto: 'udp' }, 'reject', 'FORWARD'],
  ] as const)('judges a packet %s', (_what, place, spec, outcome, chain) => {
    const { verdict } = judged(FILTER, place, spec);
    expect([verdict.outcome, verdict.decidedBy.chain]).toEqual([outcome, chain]);
  });

  it('lets the answer come back by the same devices', () => {
    const text = FILTER.replace('-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', '-A FORWARD -i eth0 -o eth1 -j DROP');
    const { verdict, reply } = judged(text, { local: [], in: 'eth1', out: 'eth0' }, {});
    expect([verdict.outcome, reply?.outcome, reply?.decidedBy.text]).toEqual(['accept', 'drop', '-A FORWARD -i eth0 -o eth1 -j DROP']);
  });

  it('makes up no routes and no devices', () => {
    const { verdict } = judged(FILTER, { local }, { dport: 23 });
    expect(JSON.stringify(verdict)).not.toMatch(/assumed|"\/(in|out)"/);
    expect(judged('*filter\n:FORWARD ACCEPT\nCOMMIT\n', { local: [] }, {}).verdict.out).toBeNull();
  });

  it('knows nothing of the family that no rules were given of', () => {
    const { verdict } = judged(FILTER, {}, { src: '2001:db8::1', dst: '2001:db8::2' });
    expect([verdict.outcome, verdict.decidedBy.text]).toEqual(['undetermined', 'no rules of IPv6 were given (--ip6tables FILE)']);
  });

  it('says without devices and addresses only what is true whatever they are', () => {
    const device = fc.constantFrom('eth0', 'eth1', 'eth2');
    const part = (option: string) =>
      fc.option(
        fc.tuple(fc.boolean(), device).map(([not, name]) => `${not ? '! ' : ''}${option} ${name} `),
        { nil: '' },
      );
    const rule = fc
      .tuple(
        fc.constantFrom('INPUT', 'FORWARD', 'OUTPUT'),
        part('-i'),
        part('-o'),
        fc.constantFrom('', '-p tcp ', '-p udp '),
        fc.constantFrom('ACCEPT', 'DROP', 'REJECT'),
      )
      .map(([chain, i, o, proto, target]) => `-A ${chain} ${chain === 'OUTPUT' ? '' : i}${chain === 'INPUT' ? '' : o}${proto}-j ${target}`);
    const policy = fc.constantFrom('ACCEPT', 'DROP');
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 6 }),
        policy,
        policy,
        policy,
        device,
        device,
        fc.constantFrom([], ['192.0.2.1'], ['198.51.100.7']),
        (rules, i, f, o, from, to, own) => {
          const text = `*filter\n:INPUT ${i}\n:FORWARD ${f}\n:OUTPUT ${o}\n${rules.join('\n')}\nCOMMIT\n`;
          const { verdict: open } = judged(text, {}, {});
          const { verdict: told } = judged(text, { in: from, out: to, local: prefixes(...own) }, {});
          expect(told.outcome).not.toBe('undetermined');
          if (open.outcome !== 'undetermined') expect(told.outcome).toBe(open.outcome);
        },
      ),
      { numRuns: 150 },
    );
  });
});
