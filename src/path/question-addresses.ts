/**
 * Which addresses a question's packet has, where it names none. `outside` is an address beyond the default route: its gateway where it
 * has one, else one of the networks kept for examples (RFC 5737, RFC 3849) that the uplink leads to.
 */
import { failure } from '../base/errors.ts';
import { type IpAddress, ipv4, parseIp } from '../base/ip-address.ts';
import { isZero } from './address-kinds.ts';
import { entryOf } from './entry.ts';
import { bookOf, isLocalAddress } from './env.ts';
import type { HostModel } from './model.ts';
import type { Place } from './places.ts';
import { type ContainerEnd, type End, ownAddresses } from './question-ends.ts';
import { selectAddress } from './source-address.ts';

export const addressOf = (place: Place, version: 4 | 6): IpAddress | null => (version === 4 ? place.endpoint.ipv4 : place.endpoint.ipv6);

export const firstAddress = (end: ContainerEnd, version: 4 | 6): IpAddress | null =>
  end.places.map((place) => addressOf(place, version)).find((ip) => ip !== null) ?? null;

export const targetAddress = (model: HostModel, from: End, to: End, version: 4 | 6, remarks: string[]): IpAddress | null => {
  switch (to.kind) {
    case 'address':
      // Who connects to 0.0.0.0 means itself (RFC 1122 section 3.2.1.3; __ip_route_output_key in net/ipv4/route.c).
      return from.kind === 'host' && isZero(to.ip) ? parseIp(version === 4 ? '127.0.0.1' : '::1') : to.ip;
    case 'outside':
      return outsideAddress(model, version);
    case 'alone':
      return null;
    case 'host':
      return hostAddressFor(model, from, version);
    case 'container': {
      if (to.chosen !== null) return addressOf(to.chosen, version);
      const shared =
        from.kind === 'container'
          ? to.places.find(
              (place) =>
                from.places.some(
                  (own) => own.endpoint.networkId === place.endpoint.networkId && own.endpoint.network === place.endpoint.network,
                ) && addressOf(place, version) !== null,
            )
          : undefined;
      const place = shared ?? to.places.find((entry) => addressOf(entry, version) !== null);
      if (place !== undefined && to.places.length > 1)
        remarks.push(`${to.container.name} is on ${to.places.length} networks: its address on ${place.endpoint.network} is meant`);
      if (place === undefined) return ownAddresses(model, to.container).find((ip) => ip.version === version) ?? null;
      return addressOf(place, version);
    }
  }
};

/** For a container the host is its gateway; for outside the address of the way in; for the host itself loopback. */
const hostAddressFor = (model: HostModel, from: End, version: 4 | 6): IpAddress | null => {
  if (from.kind === 'host') return parseIp(version === 4 ? '127.0.0.1' : '::1');
  if (from.kind === 'container') {
    for (const place of from.chosen === null ? from.places : [from.chosen]) {
      const own =
        place.bridge === null
          ? undefined
          : model.addressesOf(place.bridge).find((entry) => entry.ip.version === version && entry.scope === 'global');
      if (own !== undefined) return own.ip;
    }
  }
  const dev = from.kind === 'address' ? deviceTo(model, from.ip) : null;
  const own = dev === null ? undefined : model.addressesOf(dev).find((entry) => entry.ip.version === version && entry.scope === 'global');
  return own?.ip ?? uplinkAddress(model, version);
};

const deviceTo = (model: HostModel, ip: IpAddress): string | null => {
  const entry = entryOf(model, ip);
  return entry.kind === 'device' ? entry.dev : entry.kind === 'bridge' ? entry.bridge : null;
};

const defaultRoute = (model: HostModel, version: 4 | 6) =>
  (model.self.routes ?? [])
    .filter((route) => route.family === version && route.prefix.length === 0 && route.type === 'unicast' && route.table === 'main')
    .sort((x, y) => x.metric - y.metric)[0] ?? null;

export const outsideAddress = (model: HostModel, version: 4 | 6): IpAddress => {
  const route = defaultRoute(model, version);
  if (route === null) {
    throw failure(
      `"outside" is beyond the default route, and this host has none for IPv${version}${model.fib.known(version) ? '' : ' that was read'}`,
      { hint: 'give an address' },
    );
  }
  const gateway = route.gateway ?? route.nexthops[0]?.gateway ?? null;
  if (gateway !== null && gateway.version === version) return gateway;
  const dev = route.dev ?? route.nexthops[0]?.dev ?? null;
  return EXAMPLES[version].find((ip) => leadsTo(model, ip, dev)) ?? EXAMPLES[version][0];
};

/** One of TEST-NET-2, -3, -1 (RFC 5737) and of the documentation prefixes (RFC 3849, RFC 9637). */
const EXAMPLES: Readonly<Record<4 | 6, readonly [IpAddress, ...IpAddress[]]>> = {
  4: [ipv4(0xc633_6401), ipv4(0xcb00_7101), ipv4(0xc000_0201)],
  6: [
    { version: 6, a: 0x2001_0db8, b: 0, c: 0, d: 1 },
    { version: 6, a: 0x3fff_0000, b: 0, c: 0, d: 1 },
  ],
};

const leadsTo = (model: HostModel, dst: IpAddress, dev: string | null): boolean => {
  const result = model.fib.lookup({ dst, src: null, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  return result?.kind === 'route' && result.route.type === 'unicast' && result.hop.dev === dev;
};

/** The device of the default route: what comes from outside comes in there, whatever other routes the host has. */
export const uplinkOf = (model: HostModel, version: 4 | 6): string | null => {
  const route = defaultRoute(model, version);
  return route?.dev ?? route?.nexthops[0]?.dev ?? null;
};

const uplinkAddress = (model: HostModel, version: 4 | 6): IpAddress | null => {
  const dev = uplinkOf(model, version);
  const own = (model.self.addresses ?? []).filter((entry) => entry.ip.version === version && entry.scope === 'global');
  return (own.find((entry) => entry.interface === dev) ?? own[0])?.ip ?? null;
};

/** The address that the kernel gives a packet of the host: the route's `src`, else one of the device (RFC 1122 section 3.3.4.3). */
export const hostSource = (model: HostModel, target: IpAddress): IpAddress | null => {
  if (isLocalAddress(model, target) === true) return target;
  const result = model.fib.lookup({ dst: target, src: null, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  if (result?.kind !== 'route') return uplinkAddress(model, target.version);
  return (
    result.route.source ?? (result.hop.dev === null ? null : selectAddress(bookOf(model), result.hop.dev, result.hop.gateway ?? target))
  );
};

/** Without the container's own routes: a network shared with the other end, else the first that has a gateway. */
export const guessPlace = (from: ContainerEnd, to: End, version: 4 | 6): Place | null => {
  const usable = from.places.filter((place) => addressOf(place, version) !== null);
  const shared =
    to.kind === 'container'
      ? usable.find((place) => to.places.some((other) => other.endpoint.network === place.endpoint.network))
      : undefined;
  return shared ?? usable.find((place) => place.endpoint.gateway !== null) ?? usable[0] ?? null;
};
