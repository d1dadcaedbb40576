/** What a native rule's matches pin it to, for chain-index.ts: addresses, prefixes, ports and device names. */
import { type IpPrefix, parsePrefix } from '../../base/ip-address.ts';
import type { RulePins } from '../chain-index.ts';
import { isObject, type JsonObject, namedBody, numberOf, textOf } from './json.ts';
import type { NftFamily } from './ruleset.ts';

interface Draft {
  inDev: string | null;
  outDev: string | null;
  src: IpPrefix | null;
  dst: IpPrefix | null;
  dport: number | null;
}

/** Devices of frames may be ports that are not known. */
export const pinsOf = (statements: readonly JsonObject[], family: NftFamily): RulePins | null => {
  const pins: Draft = { inDev: null, outDev: null, src: null, dst: null, dport: null };
  const seesDevices = family === 'ip' || family === 'ip6' || family === 'inet';
  for (const { match } of statements) {
    if (!isObject(match) || (match['op'] !== '==' && match['op'] !== undefined)) continue;
    const left = namedBody(match['left']);
    if (left === null || !isObject(left.body)) continue;
    const { body } = left;
    if (left.name === 'meta' && seesDevices) {
      const name = textOf(match['right']);
      if (name === null || name.endsWith('*') || name.startsWith('@')) continue;
      if (body['key'] === 'iifname') pins.inDev ??= name;
      else if (body['key'] === 'oifname') pins.outDev ??= name;
    } else if (left.name === 'payload' && (body['protocol'] === 'ip' || body['protocol'] === 'ip6')) {
      if (body['field'] === 'saddr') pins.src ??= prefixOf(match['right']);
      else if (body['field'] === 'daddr') pins.dst ??= prefixOf(match['right']);
    } else if (left.name === 'payload' && body['field'] === 'dport') pins.dport ??= numberOf(match['right']);
  }
  return Object.values(pins).every((pin) => pin === null) ? null : pins;
};

const prefixOf = (json: unknown): IpPrefix | null => {
  if (typeof json === 'string') return json.startsWith('@') ? null : parsePrefix(json);
  const named = namedBody(json);
  if (named?.name !== 'prefix' || !isObject(named.body)) return null;
  return parsePrefix(`${String(named.body['addr'])}/${String(named.body['len'])}`);
};
