/** The words for what decided: rows, lines and path all use these. */
import { describe, expect, it } from 'vitest';
import type { DecidedBy, Verdict } from '../../src/path/verdict.ts';
import { byWords, decidedByWords, natWords } from '../../src/report/decision.ts';
import { dropVerdict, policyVerdict, publishedVerdict } from './fixtures.ts';

const cases: readonly (readonly [string, DecidedBy])[] = [
  ['filter DOCKER-USER #3', { kind: 'rule', backend: 'nft', family: 'ip', table: 'filter', chain: 'DOCKER-USER', rule: 3, text: '-A' }],
  ['raw PREROUTING #1 (legacy)', { kind: 'rule', backend: 'legacy', family: 'ip', table: 'raw', chain: 'PREROUTING', rule: 1, text: '-A' }],
  [
    'nft inet firewalld filter_FORWARD',
    { kind: 'rule', backend: 'nftables', family: 'inet', table: 'firewalld', chain: 'filter_FORWARD', text: '' },
  ],
  ['FORWARD policy', { kind: 'policy', backend: 'nft', family: 'ip', table: 'filter', chain: 'FORWARD', text: 'FORWARD policy DROP' }],
  ['mangle FORWARD policy', { kind: 'policy', backend: 'nft', family: 'ip', table: 'mangle', chain: 'FORWARD', text: '' }],
  ['sysctl net.ipv4.ip_forward = 0', { kind: 'sysctl', text: 'net.ipv4.ip_forward = 0' }],
  ['route unreachable 10.0.0.0/8', { kind: 'route', text: 'unreachable 10.0.0.0/8' }],
  ['no route', { kind: 'route', text: '' }],
  ['route default via 10.0.0.1', { kind: 'route', text: 'default via 10.0.0.1' }],
  ['no route in i1 to 10.0.0.1', { kind: 'route', text: 'no route in i1 to 10.0.0.1' }],
  ['bridge port veth1 of br0: hairpin off', { kind: 'bridge', text: 'port veth1 of br0: hairpin off' }],
  ['macvlan on eth0', { kind: 'bridge', text: 'macvlan on eth0' }],
];

describe('what decided, in words', () => {
  it.each(cases)('%s', (words, by) => {
    expect(decidedByWords(by)).toBe(words);
  });

  it('lets no control character of a rule through', () => {
    expect(decidedByWords({ kind: 'default', text: 'a\u001b[31mb' })).not.toContain('\u001b');
  });
});

describe('translations, in words', () => {
  const masquerade: Verdict = {
    ...policyVerdict,
    nat: [{ kind: 'masquerade', from: '172.18.0.2', to: '203.0.113.1', by: { table: 'nat', chain: 'POSTROUTING', rule: 1, text: '-A' } }],
  };

  it('is null where there is none', () => {
    expect(natWords(dropVerdict)).toBeNull();
  });

  it('names the kind and where to', () => {
    expect(natWords(publishedVerdict)).toBe('DNAT → 172.17.0.2:80');
    expect(natWords(masquerade)).toBe('MASQUERADE as 203.0.113.1');
  });

  it('stands where it happens: the destination before the decision, the source after it', () => {
    expect(byWords(publishedVerdict)).toBe('DNAT → 172.17.0.2:80 · filter DOCKER #1 (legacy)');
    expect(byWords(masquerade)).toBe('FORWARD policy · MASQUERADE as 203.0.113.1');
  });
});
