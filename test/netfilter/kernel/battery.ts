/** Loads rules that only count into one chain of each backend, sends packets, and says where the kernel and the evaluation differ. */
import { parseMac } from '../../../src/base/ip-address.ts';
import { isBuiltin } from '../../../src/netfilter/builtin.ts';
import { compileRuleset } from '../../../src/netfilter/compile.ts';
import type { BaseChain, MatchEnv } from '../../../src/netfilter/evaluation.ts';
import type { Skb } from '../../../src/netfilter/skb.ts';
import { type Backend, countersOf, differences, hostEnv, readRules } from './counters.ts';
import { arriving, craft, type PacketPlan } from './craft.ts';
import { loadable, restore } from './loading.ts';
import { HOST_DEVICE, type NamespacePair, SENDER_MAC } from './namespaces.ts';

export const BACKENDS: readonly Backend[] = ['nft', 'legacy'];
export type Family = 'ip' | 'ip6';

const tableText = (table: string, chains: readonly BatteryChain[]): string =>
  [
    `*${table}`,
    ...chains.map(({ chain }) => `:${chain} ${isBuiltin(table, chain) ? 'ACCEPT' : '-'} [0:0]`),
    ...chains.flatMap(({ chain, rules }) => rules.map((rule) => `-A ${chain} ${rule}`)),
    'COMMIT',
    '',
  ].join('\n');

export interface BatteryChain {
  readonly table: string;
  readonly chain: string;
  readonly rules: readonly string[];
}

export class Battery {
  readonly #pair: NamespacePair;
  readonly #family: Family;
  readonly #asked: readonly BatteryChain[];
  /** With the user chains that these call. */
  readonly #all: readonly BatteryChain[];
  readonly #compiled = new Map<Backend, readonly BaseChain[]>();

  /** Rules that this kernel cannot load are left out, in both backends alike, and named on stderr. */
  constructor(pair: NamespacePair, family: Family, chains: readonly BatteryChain[], called: readonly BatteryChain[] = []) {
    this.#pair = pair;
    this.#family = family;
    this.#asked = chains.map(({ table, chain, rules }) => {
      const users = called.filter((user) => user.table === table);
      const load = (backend: Backend) => (some: readonly string[]) =>
        restore(pair, backend, family, tableText(table, [{ table, chain, rules: some }, ...users]));
      return { table, chain, rules: BACKENDS.reduce((rest, backend) => loadable(rest, load(backend)), rules) };
    });
    this.#all = [...this.#asked, ...called];
    for (const backend of BACKENDS) {
      for (const table of new Set(this.#all.map((entry) => entry.table))) {
        const entries = this.#all.filter((entry) => entry.table === table);
        restore(pair, backend, family, tableText(table, entries));
      }
      this.#compiled.set(backend, compileRuleset(readRules(pair, backend, family)));
    }
  }

  /** Sends the packet; `change` makes what arrives into what a chain sees, null where the packet never comes by there. */
  async differences(
    plan: PacketPlan,
    env: MatchEnv = hostEnv(),
    change: (skb: Skb, chain: string) => Skb | null = (skb) => skb,
  ): Promise<string[]> {
    const bytes = craft(plan);
    const packet = arriving(plan, bytes, HOST_DEVICE, parseMac(SENDER_MAC) as number);
    return this.differencesOf(
      () => this.#pair.send(bytes, plan.frame),
      (chain) => change(packet, chain),
      env,
    );
  }

  /** The same for a packet that comes about in another way. */
  async differencesOf(send: () => Promise<void> | void, packet: (chain: string) => Skb | null, env: MatchEnv): Promise<string[]> {
    const read = () => new Map(BACKENDS.map((backend) => [backend, countersOf(readRules(this.#pair, backend, this.#family))]));
    const before = read();
    await send();
    const after = read();
    return BACKENDS.flatMap((backend) => {
      const outcomes = (this.#compiled.get(backend) ?? []).flatMap((base) => {
        const seen = this.#isAsked(`${base.table} ${base.name} `) ? packet(base.name) : null;
        return seen === null ? [] : [base.evaluate(seen, env, false)];
      });
      const found = differences(before.get(backend) ?? new Map(), after.get(backend) ?? new Map(), outcomes, (key) => this.#isAsked(key));
      return found.map((line) => `${backend}: ${line}`);
    });
  }

  #isAsked(key: string): boolean {
    return this.#all.some(({ table, chain }) => key.startsWith(`${table} ${chain} `));
  }
}
