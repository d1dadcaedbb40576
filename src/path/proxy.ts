/**
 * Does the host answer on a link for an address, its own or another's? arp_process, arp_fwd_proxy and arp_fwd_pvlan in net/ipv4/arp.c;
 * ndisc_recv_ns and pndisc_is_router in net/ipv6/ndisc.c.
 */
import { formatIp, type IpAddress, inPrefix, sameIp } from '../base/ip-address.ts';
import { isLocalAddress } from './env.ts';
import type { HostModel } from './model.ts';
import type { Switch } from './sysctls.ts';

/** `text` is what a person would look at, or change, for it; `asker` who asks, null where that is not known. */
export const answersFor = (model: HostModel, dev: string, ip: IpAddress, asker: IpAddress | null = null): Switch<boolean> => {
  // IPv4 belongs to the host, IPv6 to the interface (ndisc_recv_ns asks ipv6_get_ifaddr for the device).
  if (ip.version === 4 ? isLocalAddress(model, ip) === true : model.addressesOf(dev).some((entry) => sameIp(entry.ip, ip)))
    return (ip.version === 4 ? refusesOwn(model, dev, ip, asker) : null) ?? { value: true, text: `${formatIp(ip)} is the host's own` };
  return ip.version === 4 ? byArp(model, dev, ip) : byNdp(model, dev, ip);
};

/** The switch by which the host keeps silent about an address of its own (arp_ignore, arp_filter in net/ipv4/arp.c). */
const refusesOwn = (model: HostModel, dev: string, ip: IpAddress, asker: IpAddress | null): Switch<boolean> | null => {
  const ignore = model.sysctls.arpIgnore(dev);
  if (!isConfirmed(model, dev, ip, asker, ignore.value)) return { value: false, text: ignore.text };
  const filter = model.sysctls.either(dev, 'arp_filter');
  if (filter.value !== true || asker === null) return null;
  const result = model.fib.lookup({ dst: asker, src: ip, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  if (result?.kind === 'unknown') return { value: null, text: filter.text };
  return result?.kind === 'route' && result.hop.dev === dev ? null : { value: false, text: filter.text };
};

/** inet_confirm_addr, as each mode of arp_ignore asks it; those from 4 to 7 are not in use. */
const isConfirmed = (model: HostModel, dev: string, ip: IpAddress, asker: IpAddress | null, mode: number): boolean => {
  switch (mode) {
    case 1:
      return model.addressesOf(dev).some((entry) => sameIp(entry.ip, ip));
    case 2:
      return model
        .addressesOf(dev)
        .some((entry) => sameIp(entry.ip, ip) && (asker === null || (inPrefix(ip, entry.prefix) && inPrefix(asker, entry.prefix))));
    case 3:
      return model.self.addresses?.some((entry) => sameIp(entry.ip, ip) && entry.scope !== 'host') !== false;
    default:
      return mode < 8;
  }
};

const entryText = (dev: string, ip: IpAddress): string => `proxy ${formatIp(ip)} dev ${dev}`;

/** Null where the entries were not read. */
const hasEntry = (model: HostModel, dev: string, ip: IpAddress): boolean | null =>
  model.self.proxies?.some((entry) => entry.dev === dev && sameIp(entry.ip, ip)) ?? null;

const byArp = (model: HostModel, dev: string, ip: IpAddress): Switch<boolean> => {
  const forwarding = model.sysctls.forwarding(dev, 4);
  if (forwarding.value !== true) return forwarding;
  const result = model.fib.lookup({ dst: ip, src: null, iif: dev, oif: null, mark: 0, tos: null })[0]?.result;
  if (result?.kind === 'unknown') return { value: null, text: result.reason };
  if (result?.kind !== 'route' || result.route.type !== 'unicast') return { value: false, text: `no route to ${formatIp(ip)}` };
  if (result.hop.dev === dev) return model.sysctls.either(dev, 'proxy_arp_pvlan');
  const setting = model.sysctls.either(dev, 'proxy_arp');
  if (setting.value !== false) return setting;
  const entry = hasEntry(model, dev, ip);
  return entry === false ? setting : { value: entry, text: entryText(dev, ip) };
};

/** Entries alone do nothing: the interface must be told to look at them, and must forward. */
const byNdp = (model: HostModel, dev: string, ip: IpAddress): Switch<boolean> => {
  const setting = model.sysctls.proxyNdp(dev);
  if (setting.value !== true) return setting;
  return { value: hasEntry(model, dev, ip), text: entryText(dev, ip) };
};
