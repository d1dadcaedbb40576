/** By which device packets from an address come in. */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import { isLocalAddress } from './env.ts';
import type { HostModel } from './model.ts';
import type { Place } from './places.ts';

export type Entry =
  /** Made on the host itself. */
  | { readonly kind: 'host' }
  | { readonly kind: 'bridge'; readonly bridge: string; readonly place: Place }
  | { readonly kind: 'device'; readonly dev: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** `hint`: a bridge that the address is likely on, where several networks use the same one. */
export const entryOf = (model: HostModel, ip: IpAddress, hint: string | null = null): Entry => {
  if (isLocalAddress(model, ip) === true) return { kind: 'host' };
  const places = model.places.byAddress(ip).filter((place) => place.bridge !== null);
  const place = places.find((entry) => entry.bridge === hint) ?? places[0];
  if (place?.bridge !== undefined && place.bridge !== null) return { kind: 'bridge', bridge: place.bridge, place };
  const result = model.fib.lookup({ dst: ip, src: null, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  if (result?.kind === 'route' && result.route.type === 'unicast' && result.hop.dev !== null)
    return { kind: 'device', dev: result.hop.dev };
  if (result?.kind === 'unknown') return { kind: 'unknown', reason: result.reason };
  return { kind: 'unknown', reason: `the host has no route to ${formatIp(ip)}` };
};
