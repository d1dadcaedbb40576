/**
 * Rulesets of native nftables in the shapes that hosts have, as the JSON that `nft -j list ruleset` prints: kube-proxy's nftables mode
 * (pkg/proxy/nftables: verdict maps of services, a chain for each service and endpoint) and flat lists.
 */
import { address } from './rulesets.ts';

const document = (entries: readonly object[]): string =>
  JSON.stringify({ nftables: [{ metainfo: { json_schema_version: 1 } }, ...entries] });

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const meta = (key: string) => ({ meta: { key } });
const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
const COUNTER = { counter: { packets: 0, bytes: 0 } };

class Table {
  readonly entries: object[] = [];
  readonly #place: { readonly family: string; readonly table: string };
  #handle = 1;

  constructor(family: string, table: string) {
    this.#place = { family, table };
    this.entries.push({ table: { family, name: table, handle: 1 } });
  }

  chain(name: string, base: object = {}): void {
    this.entries.push({ chain: { ...this.#place, name, handle: ++this.#handle, ...base } });
  }

  rule(chain: string, ...expr: readonly object[]): void {
    this.entries.push({ rule: { ...this.#place, chain, handle: ++this.#handle, expr } });
  }

  map(name: string, type: readonly string[], elem: readonly (readonly [object, object])[]): void {
    this.entries.push({ map: { ...this.#place, name, handle: ++this.#handle, type, map: 'verdict', elem } });
  }
}

const base = (type: string, hook: string, prio: number, policy = 'accept') => ({ type, hook, prio, policy });

/** Services with three endpoints each: two rules a service, two an endpoint. */
export const nativeKubeProxy = (rules: number): string => {
  const table = new Table('ip', 'kube-proxy');
  const services = Math.floor(rules / 8);
  table.chain('mark-for-masquerade');
  table.rule('mark-for-masquerade', { mangle: { key: meta('mark'), value: { '|': [meta('mark'), 0x4000] } } });
  const elements: [object, object][] = [];
  for (let service = 0; service < services; service++) {
    const ip = address(0xac1e_0001, service);
    const chain = `service-${service}-ns/svc-${service}/tcp/http`;
    const endpoints = [0, 1, 2].map((at) => ({
      ip: address(0x0a10_0000, service * 3 + at),
      name: `endpoint-${service}-${at}-ns/svc/tcp/http`,
    }));
    for (const endpoint of endpoints) {
      table.chain(endpoint.name);
      table.rule(endpoint.name, match(payload('ip', 'saddr'), endpoint.ip), { jump: { target: 'mark-for-masquerade' } });
      table.rule(endpoint.name, match(meta('l4proto'), 'tcp'), { dnat: { addr: endpoint.ip, port: 8080 } });
    }
    table.chain(chain);
    table.rule(
      chain,
      match(payload('ip', 'daddr'), ip),
      match(payload('tcp', 'dport'), 80),
      match(payload('ip', 'saddr'), { prefix: { addr: '10.16.0.0', len: 12 } }, '!='),
      { jump: { target: 'mark-for-masquerade' } },
    );
    const ways = endpoints.map(({ name }, at) => [at, { goto: { target: name } }]);
    table.rule(chain, { vmap: { key: { numgen: { mode: 'random', mod: 3, offset: 0 } }, data: { set: ways } } });
    elements.push([{ concat: [ip, 'tcp', 80] }, { goto: { target: chain } }]);
  }
  table.map('service-ips', ['ipv4_addr', 'inet_proto', 'inet_service'], elements);
  table.chain('services');
  table.rule('services', {
    vmap: { key: { concat: [payload('ip', 'daddr'), meta('l4proto'), payload('th', 'dport')] }, data: '@service-ips' },
  });
  table.chain('nat-prerouting', base('nat', 'prerouting', -100));
  table.rule('nat-prerouting', { jump: { target: 'services' } });
  return document(table.entries);
};

/** A blocklist, each rule with an address of its own, before one that accepts. */
export const nativeList = (rules: number): string =>
  list(rules, (index) => [match(payload('ip', 'saddr'), address(0x0b00_0000, index * 7)), COUNTER, { drop: null }]);

/** The worst of lists: each rule is decided by its last condition only. */
export const nativePortList = (rules: number): string =>
  list(rules, (index) => [
    match(payload('ip', 'saddr'), { prefix: { addr: '10.0.0.0', len: 8 } }),
    match(meta('iifname'), 'eth0'),
    match(payload('tcp', 'dport'), 1024 + (index % 60000)),
    COUNTER,
    { drop: null },
  ]);

const list = (rules: number, rule: (index: number) => readonly object[]): string => {
  const table = new Table('inet', 'filter');
  table.chain('forward', base('filter', 'forward', 0, 'drop'));
  for (let index = 0; index < rules - 1; index++) table.rule('forward', ...rule(index));
  table.rule('forward', match(payload('tcp', 'dport'), 80), { accept: null });
  return document(table.entries);
};
