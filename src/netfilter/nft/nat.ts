/** dnat, snat, masquerade, redirect. net/netfilter/nft_nat.c, nft_masq.c, nft_redir.c; nft(8) "NAT STATEMENTS". */
import { formatIp, type IpAddress, type IpPrefix, prefixOf } from '../../base/ip-address.ts';
import type { MatchEnv } from '../evaluation.ts';
import type { Condition } from '../matches/condition.ts';
import type { Hook, RuleRef } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import { mapInto, masqueraded, redirected, translated } from '../targets/nat.ts';
import { chooseAddress, choosePort, type NatRange, portChoice } from '../targets/nat-range.ts';
import { type CompiledTarget, type TargetResult, unknownTarget } from '../targets/target.ts';
import { addressOf, type Datatype, type Interval, intervalOf, known } from './datatypes.ts';
import { compileMap, isOperand, operandOf } from './expressions.ts';
import { isObject, listOf, namedBody, textOf, textsOf } from './json.ts';
import { BREAK, type NftContext, type NotUnderstood } from './operand.ts';
import { networkNeed } from './payload.ts';
import { printConstant } from './print-constants.ts';

export type NatName = 'dnat' | 'snat' | 'masquerade' | 'redirect';

export interface CompiledNat {
  readonly text: string;
  readonly needs: readonly Condition[];
  readonly target: (ref: RuleRef) => CompiledTarget;
}

/** What an address or port expression gives for one packet. */
type Span = { readonly span: Interval | null; readonly addressPort?: Interval } | typeof BREAK | { readonly unknown: string };

interface Part {
  readonly text: string;
  readonly needs: readonly Condition[];
  readonly ask: (skb: Skb, env: MatchEnv, hook: Hook) => Span;
}

const NOTHING: Part = { text: '', needs: [], ask: () => ({ span: null }) };

export const compileNat = (name: NatName, body: unknown, context: NftContext): CompiledNat | NotUnderstood => {
  const fields = isObject(body) ? body : {};
  const family = textOf(fields['family']) ?? (context.family === 'ip' || context.family === 'ip6' ? context.family : null);
  const flags = textsOf(fields['flags']);
  const isPrefix = textsOf(fields['type_flags']).includes('prefix');
  const version = family === 'ip6' ? 6 : 4;
  const address =
    fields['addr'] === undefined ? NOTHING : partOf(fields['addr'], known(version === 4 ? 'ipv4_addr' : 'ipv6_addr'), context);
  const port = fields['port'] === undefined ? NOTHING : partOf(fields['port'], known('inet_service'), context);
  if ('problem' in address) return address;
  if ('problem' in port) return port;
  const shownFlags = flags.filter((flag) => flag !== 'netmap');
  const to = destinationText(name, address.text, fields['port'] === undefined ? null : port.text, version);
  const familyText = context.family !== 'ip' && context.family !== 'ip6' && address !== NOTHING && family !== null ? ` ${family}` : '';
  const text = `${name}${to === '' ? '' : `${familyText}${isPrefix ? ' prefix' : ''} to ${to}`}${shownFlags.length === 0 ? '' : ` ${shownFlags.join(',')}`}`;
  const needsFamily = address !== NOTHING && family !== null ? networkNeed(context, version) : [];
  const random = { random: flags.includes('random'), fullyRandom: flags.includes('fully-random') };
  return {
    text,
    needs: [...needsFamily, ...address.needs, ...port.needs],
    target: (ref) => ({
      inert: false,
      run: (skb, env, hook) => {
        const asked = askBoth(address, port, skb, env, hook);
        if (typeof asked === 'string') return unknownTarget(asked).run(skb, env, hook);
        if (asked === null) return { kind: 'break', failed: `${text}: no element for this packet` };
        const { range, choices } = asked;
        return give(name, { ...range, ...random }, isPrefix, choices, skb, env, ref);
      },
    }),
  };
};

interface Asked {
  readonly range: Pick<NatRange, 'addresses' | 'ports' | 'basePort'>;
  /** Where the map's key is not known: what may come out. */
  readonly choices: string | null;
}

/** Null where a map has nothing for the packet; a text where nothing can be said. */
const askBoth = (address: Part, port: Part, skb: Skb, env: MatchEnv, hook: Hook): Asked | string | null => {
  const to = address.ask(skb, env, hook);
  const toPort = port.ask(skb, env, hook);
  if (to === BREAK || toPort === BREAK) return null;
  if ('unknown' in to) return { range: { addresses: null, ports: null, basePort: null }, choices: to.unknown };
  if ('unknown' in toPort) return toPort.unknown;
  const ports = to.addressPort ?? toPort.span;
  return {
    range: {
      addresses: to.span === null ? null : { from: addressOf(to.span.from), to: addressOf(to.span.to) },
      ports: ports === null ? null : { from: ports.from as number, to: ports.to as number },
      basePort: null,
    },
    choices: null,
  };
};

const give = (
  name: NatName,
  range: NatRange,
  isPrefix: boolean,
  choices: string | null,
  skb: Skb,
  env: MatchEnv,
  by: RuleRef,
): TargetResult => {
  const withoutPorts = range.ports === null ? { ...range, random: false, fullyRandom: false } : range;
  switch (name) {
    case 'masquerade':
      return masqueraded(skb, env, range, by);
    case 'redirect':
      return redirected(skb, env, range, by);
    case 'dnat': {
      const port = choosePort(withoutPorts, skb.dstPort, skb.protocol);
      const address = choices === null ? mapped(range, isPrefix, skb.dst) : { value: null, note: choices };
      return translated(skb, { kind: 'dnat', side: 'destination', address, port, choice: portChoice(range) }, by);
    }
    case 'snat': {
      const port = choosePort(range, skb.srcPort, skb.protocol);
      const address = choices === null ? mapped(range, isPrefix, skb.src) : { value: null, note: choices };
      return translated(skb, { kind: 'snat', side: 'source', address, port, choice: portChoice(range) }, by);
    }
  }
};

const mapped = (range: NatRange, isPrefix: boolean, current: IpAddress): ReturnType<typeof chooseAddress> => {
  const net = isPrefix && range.addresses !== null ? prefixBetween(range.addresses.from, range.addresses.to) : null;
  return net === null ? chooseAddress(range, current) : { value: mapInto(current, net) };
};

/** The net that begins and ends there; null where the two are no net's. */
const prefixBetween = (from: IpAddress, to: IpAddress): IpPrefix | null => {
  for (let length = 0; length <= (from.version === 4 ? 32 : 128); length++) {
    const net = prefixOf(from, length);
    if (formatIp(net.address) !== formatIp(from)) continue;
    const last = (address: number, mask: number): number => (address | ~mask) >>> 0;
    const { address, mask } = net;
    const v6 = from.version === 6;
    if (
      last(address.a, mask.a) === to.a &&
      (!v6 || (last(address.b, mask.b) === to.b && last(address.c, mask.c) === to.c && last(address.d, mask.d) === to.d))
    )
      return net;
  }
  return null;
};

const partOf = (json: unknown, type: Datatype, context: NftContext): Part | NotUnderstood => {
  const named = namedBody(json);
  if (named?.name === 'map') return mapPart(named.body, type, context);
  const interval = intervalOf(type, json);
  if (interval !== null) return { text: printConstant(type, json), needs: [], ask: () => ({ span: interval }) };
  const operand = operandOf(json, context);
  if (!isOperand(operand)) return { problem: `${JSON.stringify(json)} is not understood: ${operand.problem}` };
  return {
    text: operand.text,
    needs: operand.needs,
    ask: (skb, env, hook) => {
      const answer = operand.ask(skb, env, hook);
      if (answer === BREAK) return BREAK;
      return typeof answer === 'object' ? answer : { span: { from: answer, to: answer } };
    },
  };
};

const mapPart = (body: unknown, type: Datatype, context: NftContext): Part | NotUnderstood => {
  const map = compileMap(body, context);
  if ('problem' in map) return map;
  return {
    text: map.text,
    needs: map.key.needs,
    ask: (skb, env, hook) => {
      const found = map.find(skb, env, hook);
      if (found === BREAK) return BREAK;
      if ('unknown' in found) {
        const shown = map
          .index()
          .elements.slice(0, 8)
          .map(({ data }) => printConstant(type, data));
        return { unknown: `one of ${[...new Set(shown)].join(', ')}: ${found.unknown}` };
      }
      const named = namedBody(found.data);
      const [first, second] = named?.name === 'concat' ? (listOf(named.body) ?? []) : [found.data];
      const span = intervalOf(type, first);
      const addressPort = second === undefined ? null : intervalOf(known('inet_service'), second);
      if (span === null || (second !== undefined && addressPort === null))
        return { unknown: `the value ${JSON.stringify(found.data)} is not understood` };
      return addressPort === null ? { span } : { span, addressPort };
    },
  };
};

/** `10.0.0.1:80`, `[fd00::1]:80`, `:80`. */
const destinationText = (name: NatName, address: string, port: string | null, version: 4 | 6): string => {
  if (port === null) return address;
  if (address === '' || name === 'masquerade' || name === 'redirect') return `:${port}`;
  const host =
    version === 6
      ? address
          .split('-')
          .map((part) => `[${part}]`)
          .join('-')
      : address;
  return `${host}:${port}`;
};
