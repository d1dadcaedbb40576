/**
 * Does the host answer on a link for an address that is not its own? arp_process, arp_fwd_proxy and arp_fwd_pvlan in net/ipv4/arp.c;
 * ndisc_recv_ns and pndisc_is_router in net/ipv6/ndisc.c.
 */
import { formatIp, type IpAddress, sameIp } from '../base/ip-address.ts';
import { isLocalAddress } from './env.ts';
import type { HostModel } from './model.ts';
import type { Switch } from './sysctls.ts';

/** `text` is what a person would look at, or change, for it. */
export const answersFor = (model: HostModel, dev: string, ip: IpAddress): Switch<boolean> => {
  if (isLocalAddress(model, ip) === true) return { value: true, text: `${formatIp(ip)} is the host's own` };
  return ip.version === 4 ? byArp(model, dev, ip) : byNdp(model, dev, ip);
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
  const switchName = result.hop.dev === dev ? 'proxy_arp_pvlan' : 'proxy_arp';
  const setting = model.sysctls.either(dev, switchName);
  if (setting.value !== false || result.hop.dev === dev) return setting;
  const entry = hasEntry(model, dev, ip);
  return entry === false ? setting : { value: entry, text: entryText(dev, ip) };
};

/** Entries alone do nothing: the interface must be told to look at them, and must forward. */
const byNdp = (model: HostModel, dev: string, ip: IpAddress): Switch<boolean> => {
  const setting = model.sysctls.proxyNdp(dev);
  if (setting.value !== true) return setting;
  return { value: hasEntry(model, dev, ip), text: entryText(dev, ip) };
};
