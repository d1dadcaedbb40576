/** DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP: the translation a new connection gets. xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, xt_NETMAP.c. */
import { formatIp, type IpAddress, type IpPrefix, parsePrefix } from '../../base/ip-address.ts';
import type { MatchEnv, NatAction, PortChoice } from '../evaluation.ts';
import { hasPorts } from '../protocols.ts';
import type { Hook, RuleRef, TargetSpec } from '../ruleset.ts';
import { deviceWords, type Skb } from '../skb.ts';
import { chooseAddress, choosePort, KEEPS_PORT, type NatRange, parseNatRange, portChoice } from './nat-range.ts';
import { badTarget, findOption, type TargetModule, type TargetResult } from './target.ts';

const flagsOf = (spec: TargetSpec): { readonly random: boolean; readonly fullyRandom: boolean } => ({
  random: findOption(spec, '--random') !== undefined,
  fullyRandom: findOption(spec, '--random-fully') !== undefined,
});

const endpoint = (address: IpAddress | null, port: number | null, protocol: number): string => {
  const host = address === null ? '?' : address.version === 6 && hasPorts(protocol) ? `[${formatIp(address)}]` : formatIp(address);
  return hasPorts(protocol) ? `${host}:${port ?? '?'}` : host;
};

interface Change {
  readonly kind: NatAction['kind'];
  readonly side: 'source' | 'destination';
  readonly address: { readonly value: IpAddress | null; readonly note?: string };
  readonly port: { readonly value: number | null; readonly note?: string };
  readonly choice: PortChoice;
}

export const translated = (skb: Skb, { kind, side, address, port, choice }: Change, by: RuleRef): TargetResult => {
  const before = side === 'source' ? endpoint(skb.src, skb.srcPort, skb.protocol) : endpoint(skb.dst, skb.dstPort, skb.protocol);
  const note = [address.note, port.note].filter((part) => part !== undefined).join(', ');
  const nat: NatAction = { kind, address: address.value, port: port.value, choice, by, ...(note === '' ? {} : { note }) };
  return {
    kind: 'verdict',
    verdict: 'accept',
    action: kind,
    nat,
    note: `${before} -> ${endpoint(address.value, port.value, skb.protocol)}${note === '' ? '' : ` (${note})`}`,
  };
};

const rangeTarget = (name: 'DNAT' | 'SNAT', option: string): TargetModule => ({
  name,
  compile: (spec, { ref }) => {
    const range = parseNatRange(findOption(spec, option)?.values[0] ?? '?', flagsOf(spec));
    if (range === null) return badTarget(spec);
    const run =
      name === 'DNAT'
        ? (skb: Skb): TargetResult => {
            // Without a range a destination port is never changed, not even by --random.
            const port = choosePort(
              range.ports === null ? { ...range, random: false, fullyRandom: false } : range,
              skb.dstPort,
              skb.protocol,
            );
            return translated(
              skb,
              { kind: 'dnat', side: 'destination', address: chooseAddress(range, skb.dst), port, choice: portChoice(range) },
              ref,
            );
          }
        : (skb: Skb): TargetResult => {
            const address = chooseAddress(range, skb.src);
            const port = choosePort(range, skb.srcPort, skb.protocol);
            return translated(skb, { kind: 'snat', side: 'source', address, port, choice: portChoice(range) }, ref);
          };
    return { inert: false, run };
  },
});

export const dnat = rangeTarget('DNAT', '--to-destination');
export const snat = rangeTarget('SNAT', '--to-source');

const portRange = (spec: TargetSpec): NatRange | null => {
  const ports = findOption(spec, '--to-ports')?.values[0];
  return parseNatRange(ports === undefined ? '' : `:${ports}`, flagsOf(spec));
};

export const masquerade: TargetModule = {
  name: 'MASQUERADE',
  compile: (spec, { ref }) => {
    const range = portRange(spec);
    if (range === null) return badTarget(spec);
    return { inert: false, run: (skb, env) => masqueraded(skb, env, range, ref) };
  },
};

export const masqueraded = (skb: Skb, env: MatchEnv, range: NatRange, by: RuleRef): TargetResult => {
  const { src } = skb;
  if (src.version === 4 && src.a === 0)
    return { kind: 'verdict', verdict: 'accept', action: 'accept', note: 'a source of 0.0.0.0 is not masqueraded' };
  const address = skb.outDev === null ? null : env.masqueradeAddress(skb.outDev, skb.dst);
  return translated(
    skb,
    {
      kind: 'masquerade',
      side: 'source',
      address:
        address === null
          ? { value: null, note: `an address of ${skb.outDev === null ? 'the output device' : deviceWords(skb.outDev)}` }
          : { value: address },
      port: choosePort(range, skb.srcPort, skb.protocol),
      choice: portChoice(range),
    },
    by,
  );
};

export const redirect: TargetModule = {
  name: 'REDIRECT',
  compile: (spec, { ref }) => {
    const range = portRange(spec);
    if (range === null) return badTarget(spec);
    return { inert: false, run: (skb, env) => redirected(skb, env, range, ref) };
  },
};

export const redirected = (skb: Skb, env: MatchEnv, range: NatRange, by: RuleRef): TargetResult => {
  const address = env.redirectAddress(skb);
  return translated(
    skb,
    {
      kind: 'redirect',
      side: 'destination',
      address:
        address === null
          ? { value: null, note: `an address of ${skb.inDev === null ? 'this host' : deviceWords(skb.inDev)}` }
          : { value: address },
      port: choosePort(range.ports === null ? { ...range, random: false } : range, skb.dstPort, skb.protocol),
      choice: portChoice(range),
    },
    by,
  );
};

const isDestinationHook = (hook: Hook): boolean => hook === 'prerouting' || hook === 'output';

/** The net part is exchanged, the host part stays. */
export const mapInto = (ip: IpAddress, net: IpPrefix): IpAddress => {
  const word = (host: number, to: number, mask: number): number => ((host & ~mask) | to) >>> 0;
  const { address, mask } = net;
  return {
    version: ip.version,
    a: word(ip.a, address.a, mask.a),
    b: ip.version === 4 ? 0 : word(ip.b, address.b, mask.b),
    c: ip.version === 4 ? 0 : word(ip.c, address.c, mask.c),
    d: ip.version === 4 ? 0 : word(ip.d, address.d, mask.d),
  };
};

export const netmap: TargetModule = {
  name: 'NETMAP',
  compile: (spec, { ref }) => {
    const net = parsePrefix(findOption(spec, '--to')?.values[0] ?? '');
    if (net === null) return badTarget(spec);
    return {
      inert: false,
      run: (skb, _env, hook) =>
        isDestinationHook(hook)
          ? translated(
              skb,
              {
                kind: 'dnat',
                side: 'destination',
                address: { value: mapInto(skb.dst, net) },
                port: { value: skb.dstPort },
                choice: KEEPS_PORT,
              },
              ref,
            )
          : translated(
              skb,
              { kind: 'snat', side: 'source', address: { value: mapInto(skb.src, net) }, port: { value: skb.srcPort }, choice: KEEPS_PORT },
              ref,
            ),
    };
  },
};
