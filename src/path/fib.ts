/**
 * Route look-up as the kernel does it: policy rules in order, in each table the longest prefix, then TOS and metric.
 * ip-rule(8), ip-route(8); fib_table_lookup in net/ipv4/fib_trie.c, fib6_rule_lookup in net/ipv6/fib6_rules.c.
 */
import { formatIp, type IpAddress, inPrefix, prefixOf } from '../base/ip-address.ts';
import type { InterfaceAddress, NamespaceFacts, PolicyRule, Route } from '../host/facts.ts';

export interface FibQuery {
  readonly dst: IpAddress;
  /** Null where the source is not chosen yet. */
  readonly src: IpAddress | null;
  /** `lo` for packets made on this host (LOOPBACK_IFINDEX). */
  readonly iif: string;
  readonly oif: string | null;
  readonly mark: number;
  readonly tos: number | null;
}

export interface NextHop {
  readonly dev: string | null;
  readonly gateway: IpAddress | null;
}

export type FibResult =
  | { readonly kind: 'route'; readonly route: Route; readonly hop: NextHop }
  /** A policy rule refused by itself. */
  | { readonly kind: 'refused'; readonly action: 'blackhole' | 'unreachable' | 'prohibit'; readonly text: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** One possible result. `assumption` says on what it rests where there is more than one. */
export interface FibAnswer {
  readonly result: FibResult;
  readonly assumption: string | null;
}

export class Fib {
  readonly #tables = new Map<string, Route[]>();
  readonly #rules: { readonly 4: readonly PolicyRule[]; readonly 6: readonly PolicyRule[] };
  readonly #known: { readonly 4: boolean; readonly 6: boolean };
  readonly #assumedRules: { readonly 4: boolean; readonly 6: boolean };

  constructor(facts: NamespaceFacts) {
    const routes = facts.routes ?? [];
    for (const route of routes) this.#add(route);
    const known = { 4: routes.some((route) => route.family === 4), 6: routes.some((route) => route.family === 6) };
    for (const family of [4, 6] as const) {
      // A listing of the main table alone lacks the local one, which follows from the addresses.
      if (known[family] && !this.#tables.has(`${family} local`))
        for (const route of localRoutes(facts.addresses ?? [], family)) this.#add(route);
    }
    // An empty list that was read means: no routes at all. Only a command that is noted as missing leaves a family unknown.
    this.#known = {
      4: facts.routes !== null && (known[4] || !facts.missing.has('ip -j -4 route show table all')),
      6: facts.routes !== null && (known[6] || !facts.missing.has('ip -j -6 route show table all')),
    };
    const rules = { 4: rulesOf(facts, 4), 6: rulesOf(facts, 6) };
    this.#assumedRules = { 4: rules[4] === null, 6: rules[6] === null };
    this.#rules = { 4: rules[4] ?? defaultRules(4), 6: rules[6] ?? defaultRules(6) };
    for (const table of this.#tables.values()) table.sort((x, y) => (y.prefix.length ?? 0) - (x.prefix.length ?? 0) || x.metric - y.metric);
  }

  known(family: 4 | 6): boolean {
    return this.#known[family];
  }

  /** True where `ip rule` was not read, so that the kernel's default rules stand in. */
  assumedRules(family: 4 | 6): boolean {
    return this.#assumedRules[family];
  }

  /** Rules beside the kernel's own three, or local routes beside those of addresses (fib4_has_custom_rules). */
  hasCustomRules(family: 4 | 6): boolean {
    return this.#rules[family].some((rule) => rule.priority !== 0 && rule.priority !== 32766 && rule.priority !== 32767);
  }

  lookup(query: FibQuery): readonly FibAnswer[] {
    const family = query.dst.version;
    if (!this.#known[family]) return [{ result: { kind: 'unknown', reason: `the IPv${family} routes were not read` }, assumption: null }];
    const answers: FibAnswer[] = [];
    this.#walk(query, this.#rules[family], 0, null, answers);
    return answers;
  }

  /** The best route of one table, or null; `dev` limits it to routes of that device. */
  inTable(table: string, dst: IpAddress, dev: string | null): Route | null {
    for (const route of this.#tables.get(`${dst.version} ${table}`) ?? []) {
      if (inPrefix(dst, route.prefix) && (dev === null || route.dev === null || route.dev === dev)) return route;
    }
    return null;
  }

  #add(route: Route): void {
    const key = `${route.family} ${route.table}`;
    const table = this.#tables.get(key);
    if (table === undefined) this.#tables.set(key, [route]);
    else table.push(route);
  }

  /** Goes through the rules from `at`; a rule whose selectors are not evaluated is followed both ways. */
  #walk(query: FibQuery, rules: readonly PolicyRule[], at: number, assumption: string | null, answers: FibAnswer[]): void {
    for (let i = at; i < rules.length; i++) {
      const rule = rules[i] as PolicyRule;
      const hit = selects(rule, query);
      if (hit === 'no') continue;
      if (hit === 'maybe') {
        this.#walk(query, rules, i + 1, join(assumption, `the packet does not match the routing rule "${rule.text}"`), answers);
        this.#apply(query, rules, i, rule, join(assumption, `the packet matches the routing rule "${rule.text}"`), answers);
        return;
      }
      this.#apply(query, rules, i, rule, assumption, answers);
      return;
    }
    answers.push({ result: { kind: 'none' }, assumption });
  }

  #apply(
    query: FibQuery,
    rules: readonly PolicyRule[],
    at: number,
    rule: PolicyRule,
    assumption: string | null,
    answers: FibAnswer[],
  ): void {
    switch (rule.action) {
      case 'lookup': {
        const found = this.#inTableFor(query, rule.table ?? 'main');
        if (found === null || (rule.suppressPrefixLength !== null && (found.prefix.length ?? 0) <= rule.suppressPrefixLength)) {
          this.#walk(query, rules, at + 1, assumption, answers);
          return;
        }
        if (found.type === 'throw') {
          this.#walk(query, rules, at + 1, assumption, answers);
          return;
        }
        for (const answer of hopsOf(found, query, assumption)) answers.push(answer);
        return;
      }
      case 'goto': {
        const target = rules.findIndex((other) => other.priority >= (rule.goto ?? 0));
        this.#walk(query, rules, target < 0 ? rules.length : Math.max(target, at + 1), assumption, answers);
        return;
      }
      case 'nop':
        this.#walk(query, rules, at + 1, assumption, answers);
        return;
      case 'unknown':
        answers.push({ result: { kind: 'unknown', reason: `the routing rule "${rule.text}" is not understood` }, assumption });
        return;
      default:
        answers.push({ result: { kind: 'refused', action: rule.action, text: rule.text }, assumption });
    }
  }

  #inTableFor(query: FibQuery, table: string): Route | null {
    const scoped = query.dst.version === 6 && isScoped(query.dst);
    const wanted = query.oif ?? (scoped && query.iif !== 'lo' ? query.iif : null);
    for (const route of this.#tables.get(`${query.dst.version} ${table}`) ?? []) {
      if (!inPrefix(query.dst, route.prefix)) continue;
      if (route.tos !== null && route.tos !== (query.tos ?? 0)) continue;
      if (route.flags.includes('dead')) continue;
      if (wanted !== null && !usesDevice(route, wanted)) continue;
      return route;
    }
    return null;
  }
}

const join = (x: string | null, y: string): string => (x === null ? y : `${x}; ${y}`);

/** Link-local unicast and multicast mean an interface, not the host (RFC 4007). */
const isScoped = (ip: IpAddress): boolean => (ip.a & 0xffc0_0000) >>> 0 === 0xfe80_0000 || ip.a >>> 24 === 0xff;

export const usesDevice = (route: Route, dev: string): boolean => route.dev === dev || route.nexthops.some((hop) => hop.dev === dev);

const hopsOf = (route: Route, query: FibQuery, assumption: string | null): readonly FibAnswer[] => {
  const hops = query.oif === null ? route.nexthops : route.nexthops.filter((hop) => hop.dev === query.oif);
  if (hops.length === 0) return [{ result: { kind: 'route', route, hop: { dev: route.dev, gateway: route.gateway } }, assumption }];
  return hops.map((hop) => ({
    result: { kind: 'route', route, hop: { dev: hop.dev, gateway: hop.gateway } },
    assumption:
      hops.length === 1
        ? assumption
        : join(
            assumption,
            `of the next hops of "${route.text}" the kernel picks ${hop.gateway === null ? '' : `${formatIp(hop.gateway)} `}dev ${hop.dev}`,
          ),
  }));
};

const selects = (rule: PolicyRule, query: FibQuery): 'yes' | 'no' | 'maybe' => {
  const plain =
    (rule.from === null || (query.src !== null && inPrefix(query.src, rule.from)) || (query.src === null && rule.from.length === 0)) &&
    (rule.to === null || inPrefix(query.dst, rule.to)) &&
    (rule.iif === null || rule.iif === query.iif) &&
    (rule.oif === null || rule.oif === query.oif) &&
    (rule.fwmark === null || (query.mark & (rule.fwmask ?? 0xffff_ffff)) >>> 0 === (rule.fwmark & (rule.fwmask ?? 0xffff_ffff)) >>> 0);
  if (rule.unsupported.length > 0) return plain ? 'maybe' : rule.not ? 'yes' : 'no';
  return plain !== rule.not ? 'yes' : 'no';
};

const rulesOf = (facts: NamespaceFacts, family: 4 | 6): readonly PolicyRule[] | null => {
  const rules = (facts.policyRules ?? []).filter((rule) => rule.family === family);
  return rules.length === 0 ? null : rules;
};

/** What the kernel sets up in a new namespace (fib_default_rules_init, fib6_rules_net_init). */
const defaultRules = (family: 4 | 6): readonly PolicyRule[] =>
  (family === 4
    ? ([
        [0, 'local'],
        [32766, 'main'],
        [32767, 'default'],
      ] as const)
    : ([
        [0, 'local'],
        [32766, 'main'],
      ] as const)
  ).map(([priority, table]) => ({
    family,
    priority,
    from: null,
    to: null,
    iif: null,
    oif: null,
    fwmark: null,
    fwmask: null,
    not: false,
    table,
    action: 'lookup',
    goto: null,
    unsupported: [],
    suppressPrefixLength: null,
    text: `${priority}: from all lookup ${table}`,
  }));

/** The entries that the kernel makes in the local table for each address (fib_add_ifaddr). */
export const localRoutes = (addresses: readonly InterfaceAddress[], family: 4 | 6): readonly Route[] =>
  addresses
    .filter((address) => address.ip.version === family)
    .flatMap((address) => {
      const full = family === 4 ? 32 : 128;
      const make = (type: 'local' | 'broadcast', ip: IpAddress, length: number): Route => ({
        family,
        type,
        table: 'local',
        prefix: prefixOf(ip, length),
        gateway: null,
        dev: address.interface,
        source: address.ip,
        metric: 0,
        scope: type === 'local' ? 'host' : 'link',
        tos: null,
        mtu: null,
        flags: [],
        nexthops: [],
        text: `${type} ${formatIp(ip)}${length === full ? '' : `/${length}`} dev ${address.interface} table local`,
      });
      const routes = [make('local', address.ip, full)];
      if (family === 4 && address.ip.a >>> 24 === 127) routes.push(make('local', address.ip, address.prefix.length ?? 8));
      if (address.broadcast !== null) routes.push(make('broadcast', address.broadcast, full));
      return routes;
    });
