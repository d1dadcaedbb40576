/** Which address and port a NAT target gives. nf_nat_core.c (get_unique_tuple); xt_nat.c; iptables-extensions(8) on DNAT and SNAT. */
import { formatIp, type IpAddress, parseIp, sameIp } from '../../base/ip-address.ts';
import type { PortChoice } from '../evaluation.ts';
import { inRange, type NumberRange, parseRange } from '../matches/values.ts';
import { hasPorts } from '../protocols.ts';

export interface NatRange {
  /** Null where the address is kept. */
  readonly addresses: { readonly from: IpAddress; readonly to: IpAddress } | null;
  readonly ports: NumberRange | null;
  /** `/BASE`: the port is moved by its distance from BASE. */
  readonly basePort: number | null;
  readonly random: boolean;
  readonly fullyRandom: boolean;
}

/** `172.17.0.2`, `172.17.0.2-172.17.0.9:80-90`, `:53`, `10.0.0.1:6000-6010/5000`, `[fd00::2]:80`, `fd00::1-fd00::9`. */
export const parseNatRange = (text: string, flags: { readonly random: boolean; readonly fullyRandom: boolean }): NatRange | null => {
  const [host, portText] = splitHost(text);
  const port = portText === null ? null : /^(\d+(?:-\d+)?)(?:\/(\d+))?$/.exec(portText);
  const ports = parseRange(port?.[1], 0xffff, '-');
  const addresses = parseAddresses(host);
  if (addresses === undefined || (portText !== null && ports === null)) return null;
  return { addresses, ports, basePort: port?.[2] === undefined ? null : Number(port[2]), ...flags };
};

/** IPv6 addresses have colons of their own: with a port they stand in brackets, without they stand alone. */
const splitHost = (text: string): readonly [string, string | null] => {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return [bracketed[1] as string, bracketed[2] ?? null];
  const colon = text.indexOf(':');
  if (colon < 0 || text.indexOf(':', colon + 1) >= 0) return [text, null];
  return [text.slice(0, colon), text.slice(colon + 1)];
};

/** Null for an empty text, undefined for one that is no address. */
const parseAddresses = (text: string): NatRange['addresses'] | undefined => {
  if (text === '') return null;
  const [low, high] = text.split('-');
  const from = parseIp(low ?? '');
  const to = high === undefined ? from : parseIp(high);
  return from === null || to === null ? undefined : { from, to };
};

/** What the search for a free port needs of it. */
export const portChoice = ({ ports, basePort, random, fullyRandom }: NatRange): PortChoice => ({
  ports,
  basePort,
  random: random || fullyRandom,
});

/** A translation that says nothing of ports. */
export const KEEPS_PORT: PortChoice = { ports: null, basePort: null, random: false };

export interface Chosen<Value> {
  /** Null where it cannot be foreseen; then `note` says what is known. */
  readonly value: Value | null;
  readonly note?: string;
}

export const chooseAddress = (range: NatRange, current: IpAddress): Chosen<IpAddress> => {
  const { addresses } = range;
  if (addresses === null) return { value: current };
  if (sameIp(addresses.from, addresses.to)) return { value: addresses.from };
  return { value: null, note: `one of ${formatIp(addresses.from)} to ${formatIp(addresses.to)}` };
};

/** The kernel keeps a port that is in the range, unless it is told to choose at random. */
export const choosePort = (range: NatRange, current: number | null, protocol: number): Chosen<number> => {
  const { ports, basePort, random, fullyRandom } = range;
  if (!hasPorts(protocol)) return { value: null };
  if (ports === null) return random || fullyRandom ? { value: null, note: 'a random port' } : { value: current };
  if (ports.from === ports.to) return { value: ports.from };
  const span = `one of ports ${ports.from} to ${ports.to}`;
  if (basePort !== null) {
    if (current === null) return { value: null, note: span };
    const size = ports.to - ports.from + 1;
    return { value: ports.from + ((((current - basePort) & 0xffff) % size) | 0) };
  }
  if (current !== null && inRange(current, ports) && !random && !fullyRandom) return { value: current };
  return { value: null, note: span };
};
