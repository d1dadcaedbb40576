/**
 * Chains with an index answer as chains without: ipt_do_table in ip_tables.c asks every rule. Whoever asks for near misses gets every
 * rule asked here too, so both ways of one evaluator are held against each other.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChainIndex, type RulePins } from '../../src/netfilter/chain-index.ts';
import type { HookOutcome } from '../../src/netfilter/evaluation.ts';
import { chainOf, compileRules, env, skb } from './support.ts';

const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.1.1', '192.0.2.1', '192.0.2.77');
const address6 = fc.constantFrom('fd00::1', 'fd00::2', 'fd00:0:0:1::1', '2001:db8::1', '2001:db8:0:1::1');
const device = fc.constantFrom('eth0', 'eth1', 'docker0', 'br-a', 'br-b');

const maybe = (text: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof({ weight: 2, arbitrary: text }, fc.constant(''));

const rule = (source: fc.Arbitrary<string>, lengths: readonly number[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      maybe(
        fc.tuple(fc.constantFrom('', '! '), source, fc.constantFrom(...lengths)).map(([not, ip, length]) => `${not}-s ${ip}/${length}`),
      ),
      maybe(
        fc.tuple(fc.constantFrom('', '! '), source, fc.constantFrom(...lengths)).map(([not, ip, length]) => `${not}-d ${ip}/${length}`),
      ),
      maybe(fc.tuple(fc.constantFrom('', '! '), device, fc.constantFrom('', '+')).map(([not, name, plus]) => `${not}-i ${name}${plus}`)),
      maybe(fc.tuple(fc.constantFrom('', '! '), device).map(([not, name]) => `${not}-o ${name}`)),
      fc.constantFrom('', '-m limit --limit 5/sec', '-p tcp -m tcp --dport 80', '-m mark --mark 0x1'),
      fc.constantFrom('', '-j ACCEPT', '-j DROP', '-j SUB', '-g SUB', '-j RETURN', '-j MARK --set-xmark 0x1/0x1', '-j LOG'),
    )
    .map((words) => words.filter(Boolean).join(' '));

const told = (outcomes: readonly HookOutcome[]): unknown =>
  outcomes.map(({ verdict, decided, steps, assumptions }) => ({
    verdict,
    decided: decided.text,
    steps: steps.map((step) => [step.ref.chain, step.ref.rule, step.action, step.note, step.uncertain]),
    assumptions,
  }));

describe('a chain with an index', () => {
  it.each([
    ['ip' as const, address, [8, 24, 32], 4 as const],
    ['ip6' as const, address6, [32, 64, 128], 6 as const],
  ])('ends, records and assumes what asking every rule does: %s', (family, addresses, lengths, version) => {
    const rules = fc.array(rule(addresses, lengths), { minLength: 8, maxLength: 60 });
    fc.assert(
      fc.property(rules, rules, addresses, addresses, device, fc.option(device), (forward, sub, src, dst, inDev, outDev) => {
        const chains = compileRules(
          'filter',
          [
            ':FORWARD DROP [0:0]',
            ':SUB - [0:0]',
            ...forward.map((text) => `-A FORWARD ${text}`),
            ...sub.map((text) => `-A SUB ${text.replace(/ ?-[jg] SUB/, '')}`),
          ],
          { family },
        );
        const packet = skb({ family: version, src, dst, inDev, outDev });
        const chain = chainOf(chains, 'FORWARD');
        expect(told(chain.evaluate(packet, env(), false))).toEqual(told(chain.evaluate(packet, env(), true)));
      }),
      { numRuns: 400 },
    );
  });

  it('is made only where a pin tells rules apart', () => {
    const pinned = (outDev: string): RulePins => ({ inDev: null, outDev, src: null, dst: null, dport: null });
    const to = (count: number, name: (index: number) => string): RulePins[] =>
      Array.from({ length: count }, (_, index) => pinned(name(index)));
    expect(ChainIndex.of(to(20, () => 'eth0'))).toBeNull();
    expect(ChainIndex.of(to(4, (index) => `br-${index}`))).toBeNull();
    expect(ChainIndex.of([...Array(20)].map(() => null))).toBeNull();
    const index = ChainIndex.of([...to(20, (at) => `br-${at}`), null, ...to(3, () => 'br-2')]);
    const packet = skb({ outDev: 'br-2' });
    const met: number[] = [];
    for (let at = 0; at < 24; at++) {
      at = index?.next(at, packet) ?? at;
      met.push(at);
    }
    expect(met).toEqual([2, 20, 21, 22, 23]);
  });
});
