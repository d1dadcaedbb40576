/**
 * Route look-up as the kernel does it: policy rules in order, in each table the longest prefix, then TOS and metric.
 * ip-rule(8), ip-route(8); fib_table_lookup in net/ipv4/fib_trie.c, fib6_rule_lookup in net/ipv6/fib6_rules.c.
 */
import { formatIp, type IpAddress, inPrefix, prefixOf } from '../base/ip-address.ts';
import type { InterfaceAddress, NamespaceFacts, PolicyRule, Route } from '../host/facts.ts';
import { hasPorts } from '../netfilter/protocols.ts';

export interface FibQuery {
  readonly dst: IpAddress;
  /** Null where the source is not chosen yet. */
  readonly src: IpAddress | null;
  /** `lo` for packets made on this host (LOOPBACK_IFINDEX). */
  readonly iif: string;
  readonly oif: string | null;
  readonly mark: number;
  /** Why the mark is not to be relied on. */
  readonly markUnknown?: string | undefined;
  readonly tos: number | null;
  /** What rules by protocol and port see; absent where the kernel looks up without a packet. */
  readonly transport?: { readonly protocol: number; readonly sport: number | null; readonly dport: number | null };
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
  readonly #vrfs: ReadonlySet<string>;
  readonly #ignoreLinkDown: ReadonlySet<string>;

  constructor(facts: NamespaceFacts) {
    const vrfs = new Set((facts.links ?? []).filter((link) => link.kind === 'vrf').map((link) => link.name));
    this.#vrfs = new Set([
      ...vrfs,
      ...(facts.links ?? []).filter((link) => link.master !== null && vrfs.has(link.master)).map((link) => link.name),
    ]);
    this.#ignoreLinkDown = new Set(
      [...(facts.sysctls ?? [])]
        .map(([name, value]) => (value === '1' ? /^net\.ipv4\.conf\.(.+)\.ignore_routes_with_linkdown$/.exec(name)?.[1] : undefined))
        .filter((name) => name !== undefined)
        .map((name) => name.replaceAll('/', '.')),
    );
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
    // fib_insert_alias: the longest prefix, then the greatest TOS, then the least metric.
    for (const table of this.#tables.values())
      table.sort((x, y) => (y.prefix.length ?? 0) - (x.prefix.length ?? 0) || (y.tos ?? 0) - (x.tos ?? 0) || x.metric - y.metric);
  }

  known(family: 4 | 6): boolean {
    return this.#known[family];
  }

  /** True where `ip rule` was not read, so that the kernel's default rules stand in. */
  assumedRules(family: 4 | 6): boolean {
    return this.#assumedRules[family];
  }

  /** Rules beside the kernel's own three (fib4_has_custom_rules). */
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
      const hit = this.#selects(rule, query);
      if (hit === 'no') continue;
      if (hit === 'maybe') {
        this.#walk(
          query,
          rules,
          i + 1,
          join(assumption, `the packet does not match the routing rule "${rule.text}"${whyMaybe(query)}`),
          answers,
        );
        this.#apply(
          query,
          rules,
          i,
          rule,
          join(assumption, `the packet matches the routing rule "${rule.text}"${whyMaybe(query)}`),
          answers,
        );
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
        if (rule.l3mdev === true) {
          answers.push({
            result: { kind: 'unknown', reason: `the tables of VRF devices are not looked into ("${rule.text}")` },
            assumption,
          });
          return;
        }
        const found = this.#inTableFor(query, rule.table ?? 'main');
        // A route that refuses is never suppressed (fib_rules_lookup asks only where the look-up gave no error).
        const refuses = found?.type === 'blackhole' || found?.type === 'unreachable' || found?.type === 'prohibit';
        const suppressed = !refuses && rule.suppressPrefixLength !== null && (found?.prefix.length ?? 0) <= rule.suppressPrefixLength;
        if (found === null || suppressed) {
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
        // Only rules further down can be aimed at; without one of that number the rule has no effect (fib_nl_newrule, "unresolved").
        const target = rules.findIndex((other, index) => index > at && other.priority === rule.goto);
        this.#walk(query, rules, target < 0 ? at + 1 : target, assumption, answers);
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
      if (route.from !== undefined && (query.src === null || !inPrefix(query.src, route.from))) continue;
      if (this.#isDead(route.flags, route.dev)) continue;
      const hops = route.nexthops.filter((hop) => !this.#isDead(hop.flags ?? [], hop.dev));
      if (route.nexthops.length > 0 && hops.length === 0) continue;
      if (wanted !== null && route.dev !== wanted && !hops.some((hop) => hop.dev === wanted)) continue;
      return hops.length === route.nexthops.length ? route : { ...route, nexthops: hops };
    }
    return null;
  }

  /** fib_lookup_good_nhc: next hops that are dead, or without carrier where the sysctl says so. */
  #isDead(flags: readonly string[], dev: string | null): boolean {
    if (flags.includes('dead')) return true;
    return flags.includes('linkdown') && dev !== null && (this.#ignoreLinkDown.has(dev) || this.#ignoreLinkDown.has('all'));
  }

  /** fib_rule_match and fib4_rule_match. */
  #selects(rule: PolicyRule, query: FibQuery): 'yes' | 'no' | 'maybe' {
    const conditions: readonly (boolean | null)[] = [
      rule.from === null || (query.src === null ? rule.from.length === 0 : inPrefix(query.src, rule.from)),
      rule.to === null || inPrefix(query.dst, rule.to),
      rule.iif === null || rule.iif === query.iif,
      rule.oif === null || rule.oif === query.oif,
      markMatches(rule, query),
      rule.tos === undefined || rule.tos === ((query.tos ?? 0) & IPTOS_DSCP_MASK),
      rule.protocol === undefined || rule.protocol === (query.transport?.protocol ?? 0),
      portMatches(rule.sport, query, query.transport?.sport),
      portMatches(rule.dport, query, query.transport?.dport),
      // What is received belongs to nobody and counts as root's (sock_net_uid without a socket); whose a local packet is, nobody tells.
      rule.uids === undefined || (query.iif === 'lo' ? null : rule.uids[0] === 0),
      rule.l3mdev !== true || this.#vrfs.has(query.iif) || (query.oif !== null && this.#vrfs.has(query.oif)),
      rule.unsupported.length === 0 || null,
    ];
    if (conditions.includes(false)) return rule.not ? 'yes' : 'no';
    if (conditions.includes(null)) return 'maybe';
    return rule.not ? 'no' : 'yes';
  }
}

const IPTOS_DSCP_MASK = 0xfc;

const markMatches = (rule: PolicyRule, query: FibQuery): boolean | null => {
  if (rule.fwmark === null) return true;
  if (query.markUnknown !== undefined) return null;
  const mask = rule.fwmask ?? 0xffff_ffff;
  return (query.mark & mask) >>> 0 === (rule.fwmark & mask) >>> 0;
};

const portMatches = (range: readonly [number, number] | undefined, query: FibQuery, port: number | null | undefined): boolean | null => {
  if (range === undefined) return true;
  if (query.transport !== undefined && hasPorts(query.transport.protocol) && port === null) return null;
  return (port ?? 0) >= range[0] && (port ?? 0) <= range[1];
};

const whyMaybe = (query: FibQuery): string => (query.markUnknown === undefined ? '' : `: ${query.markUnknown}`);

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

const rulesOf = (facts: NamespaceFacts, family: 4 | 6): readonly PolicyRule[] | null => {
  const rules = (facts.policyRules ?? []).filter((rule) => rule.family === family);
  return rules.length === 0 ? null : rules;
};

/** What the kernel sets up in a new namespace (fib_default_rules_init, fib6_rules_net_init). */
export const defaultRules = (family: 4 | 6): readonly PolicyRule[] =>
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
