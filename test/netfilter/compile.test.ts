/** Which built-in chains are hooked in where. netfilter_ipv4.h; xtables_ipv4 in iptables' nft.c; docs of nft(8). */
import { describe, expect, it } from 'vitest';
import { compileRuleset } from '../../src/netfilter/compile.ts';
import { MATCHES } from '../../src/netfilter/matches/index.ts';
import { parseSave } from '../../src/netfilter/parse/save.ts';
import { registryOf } from '../../src/netfilter/registry.ts';
import { TARGETS } from '../../src/netfilter/targets/index.ts';
import { chainOf, compileRules, env, single, skb } from './support.ts';

const TEXT = ['raw', 'mangle', 'nat', 'filter', 'security']
  .map((table) =>
    [
      `*${table}`,
      ...['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'].map((chain) => `:${chain} ACCEPT [0:0]`),
      ':DOCKER - [0:0]',
      'COMMIT',
    ].join('\n'),
  )
  .join('\n');

const listed = (backend: 'nft' | 'legacy') =>
  compileRuleset(parseSave(TEXT, { backend, family: 'ip' })).map(
    ({ table, name, hook, priority, type }) => `${table} ${name} ${hook} ${priority} ${type}`,
  );

describe('base chains', () => {
  it('have the hooks, priorities and types of iptables-nft', () => {
    expect(listed('nft')).toEqual([
      'raw PREROUTING prerouting -300 filter',
      'raw OUTPUT output -300 filter',
      'mangle PREROUTING prerouting -150 filter',
      'mangle INPUT input -150 filter',
      'mangle FORWARD forward -150 filter',
      'mangle OUTPUT output -150 route',
      'mangle POSTROUTING postrouting -150 filter',
      'nat PREROUTING prerouting -100 nat',
      'nat INPUT input 100 nat',
      'nat OUTPUT output -100 nat',
      'nat POSTROUTING postrouting 100 nat',
      'filter INPUT input 0 filter',
      'filter FORWARD forward 0 filter',
      'filter OUTPUT output 0 filter',
      'security INPUT input 150 filter',
      'security FORWARD forward 150 filter',
      'security OUTPUT output 150 filter',
    ]);
  });

  it('have security before nat INPUT in the kernel’s own tables', () => {
    expect(listed('legacy').filter((line) => line.startsWith('security'))).toEqual([
      'security INPUT input 50 filter',
      'security FORWARD forward 50 filter',
      'security OUTPUT output 50 filter',
    ]);
  });
});

describe('the raw table', () => {
  const lines = [
    ':PREROUTING ACCEPT [0:0]',
    '-A PREROUTING -m conntrack --ctstate NEW -j DROP',
    '-A PREROUTING -m conntrack --ctstate INVALID -j CT --notrack',
  ];
  const chain = chainOf(compileRules('raw', lines), 'PREROUTING');

  it('runs before there is a connection, and keeps what CT decides', () => {
    const outcome = single(chain.evaluate(skb(), env(), false));
    expect(outcome.steps.map((step) => step.action)).toEqual(['notrack', 'policy']);
    expect(outcome.skb.ct.state).toBe('UNTRACKED');
  });

  it('gives the connection back otherwise', () => {
    const packet = skb({ ct: { state: 'ESTABLISHED' } });
    const plain = chainOf(compileRules('raw', [':PREROUTING ACCEPT [0:0]', '-A PREROUTING -m conntrack --ctstate INVALID']), 'PREROUTING');
    expect(single(plain.evaluate(packet, env(), false)).skb.ct).toEqual(packet.ct);
  });

  it('finds the connection of a packet that comes back on lo', () => {
    expect(single(chain.evaluate(skb({ inDev: 'lo' }), env(), false)).verdict).toBe('drop');
  });
});

describe('registries', () => {
  it('refuse two modules of one name', () => {
    expect(() => registryOf([{ name: 'tcp' }, { name: 'tcp' }])).toThrow("two modules are called 'tcp'");
  });

  it('hold every match and target once', () => {
    expect(registryOf(MATCHES).size).toBe(MATCHES.length);
    expect(registryOf(TARGETS).size).toBe(TARGETS.length);
  });
});
