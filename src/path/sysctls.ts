/** Sysctls as the kernel combines them: per interface, for all, and per bridge. Documentation/networking/ip-sysctl.rst. */
import type { Link, NamespaceFacts } from '../host/facts.ts';

/** A switch with the line that a person can check; `value` null where the snapshot does not hold it. */
export interface Switch<T> {
  readonly value: T | null;
  /** The sysctl; absent where something else is the switch. */
  readonly name?: string;
  readonly text: string;
}

/** IN_DEV_ORCONF: `all` or the interface's own. */
type OrKey = 'route_localnet' | 'accept_local' | 'src_valid_mark' | 'send_redirects' | 'proxy_arp' | 'proxy_arp_pvlan' | 'arp_filter';

export class Sysctls {
  readonly #values: ReadonlyMap<string, string> | null;
  readonly #numbers = new Map<string, number>();
  /** Answers are asked for again with every packet, so each is put together once. */
  readonly #switches = new Map<string, Map<string, Switch<unknown>>>();
  readonly #links: readonly Link[] | null;

  constructor(facts: NamespaceFacts) {
    this.#values = facts.sysctls;
    this.#links = facts.links;
    for (const [name, text] of facts.sysctls ?? []) if (/^-?\d/.test(text)) this.#numbers.set(name, Number.parseInt(text, 10));
  }

  number(name: string): number | null {
    return this.#numbers.get(name) ?? null;
  }

  /** `net.ipv4.ip_forward = 0`; without a value where it is not known. */
  line(name: string): string {
    const text = this.#values?.get(name);
    return text === undefined ? name : `${name} = ${text}`;
  }

  /**
   * May packets that came in by `dev` be forwarded? IPv4 asks the incoming interface (IN_DEV_FORWARD in ip_route_input_slow);
   * IPv6 asks `all` and, from 6.17 on, the incoming interface's force_forwarding (ip6_forward).
   */
  forwarding(dev: string, family: 4 | 6): Switch<boolean> {
    return this.#once(family === 4 ? 'forwarding4' : 'forwarding6', dev, () => this.#forwarding(dev, family));
  }

  #forwarding(dev: string, family: 4 | 6): Switch<boolean> {
    if (family === 6) {
      const all = 'net.ipv6.conf.all.forwarding';
      if (this.number(conf(6, dev, 'force_forwarding')) === 1) return this.#at(true, conf(6, dev, 'force_forwarding'));
      return this.#switch(all);
    }
    const own = conf(4, dev, 'forwarding');
    const global = 'net.ipv4.ip_forward';
    const ownValue = this.number(own);
    const globalValue = this.number(global) ?? this.number('net.ipv4.conf.all.forwarding');
    // Writing ip_forward sets every interface, so the global one is what a person would look at where both agree.
    if (ownValue === null) return this.#at(globalValue === null ? null : globalValue !== 0, global);
    if (globalValue !== null && (globalValue !== 0) === (ownValue !== 0)) return this.#at(ownValue !== 0, global);
    return this.#at(ownValue !== 0, own);
  }

  /** IN_DEV_RPFILTER: the greater of `all` and the interface's own. */
  rpFilter(dev: string): Switch<number> {
    return this.#once('rp_filter', dev, () => this.#rpFilter(dev));
  }

  #rpFilter(dev: string): Switch<number> {
    const own = conf(4, dev, 'rp_filter');
    const all = 'net.ipv4.conf.all.rp_filter';
    const ownValue = this.number(own);
    const allValue = this.number(all);
    if (ownValue === null || allValue === null) {
      // The greater of two is settled by one that is at its strictest relevant value only where that one is known to win.
      const known = ownValue ?? allValue;
      return known === 2 ? this.#at(2, ownValue === null ? all : own) : { value: null, name: own, text: own };
    }
    return ownValue >= allValue ? this.#at(ownValue, own) : this.#at(allValue, all);
  }

  either(dev: string, key: OrKey): Switch<boolean> {
    return this.#once(key, dev, () => this.#either(dev, key));
  }

  #either(dev: string, key: string): Switch<boolean> {
    const own = conf(4, dev, key);
    const all = `net.ipv4.conf.all.${key}`;
    const ownValue = this.number(own);
    const allValue = this.number(all);
    if (ownValue === 1) return this.#at(true, own);
    if (allValue === 1) return this.#at(true, all);
    if (ownValue === null && allValue === null) return { value: null, name: own, text: own };
    return this.#at(false, ownValue === null ? all : own);
  }

  /** IN_DEV_ARP_IGNORE: the greater of `all` and the interface's own; 0 where it is not known, as it is unless somebody changed it. */
  arpIgnore(dev: string): { readonly value: number; readonly text: string } {
    const own = conf(4, dev, 'arp_ignore');
    const all = 'net.ipv4.conf.all.arp_ignore';
    const [ownValue, allValue] = [this.number(own) ?? 0, this.number(all) ?? 0];
    return ownValue >= allValue ? { value: ownValue, text: this.line(own) } : { value: allValue, text: this.line(all) };
  }

  /** IN_DEV_ANDCONF: `all` and the interface's own. Off where it is not known, as it is everywhere unless somebody turned it on. */
  both(dev: string, key: 'bc_forwarding'): boolean {
    return this.number(`net.ipv4.conf.all.${key}`) === 1 && this.number(conf(4, dev, key)) === 1;
  }

  /** pndisc: does the host answer for others on this interface? `all` or its own, and only while the interface forwards (ndisc_recv_ns). */
  proxyNdp(dev: string): Switch<boolean> {
    const forwarding = conf(6, dev, 'forwarding');
    if (this.number(forwarding) === 0) return this.#at(false, forwarding);
    const own = conf(6, dev, 'proxy_ndp');
    const all = 'net.ipv6.conf.all.proxy_ndp';
    if (this.number(all) === 1) return this.#at(true, all);
    return this.#switch(own);
  }

  /**
   * Does br_netfilter hand this bridge's frames to the IP hooks? The sysctl or the bridge's own option; a host whose sysctls
   * have no net.bridge at all has not loaded the module (net/bridge/br_netfilter_hooks.c).
   */
  bridgeNf(bridge: string, family: 4 | 6): Switch<boolean> {
    return this.#once(family === 4 ? 'bridge4' : 'bridge6', bridge, () => this.#bridgeNf(bridge, family));
  }

  #bridgeNf(bridge: string, family: 4 | 6): Switch<boolean> {
    const name = family === 4 ? 'net.bridge.bridge-nf-call-iptables' : 'net.bridge.bridge-nf-call-ip6tables';
    const option = family === 4 ? 'nf_call_iptables' : 'nf_call_ip6tables';
    if (this.#values === null) return { value: null, text: name };
    const value = this.number(name);
    if (value === 1) return this.#at(true, name);
    if (value === null) {
      const loaded = [...this.#values.keys()].some((key) => key.startsWith('net.bridge.'));
      if (!loaded) return { value: false, text: `${name} is absent: br_netfilter is not loaded` };
      return { value: null, text: name };
    }
    if (this.#links === null) return { value: null, text: `${bridge} ${option}` };
    const own = this.#links.find((link) => link.name === bridge)?.data[option];
    return own === 1 ? { value: true, text: `${bridge} ${option} 1` } : this.#at(false, name);
  }

  #once<T>(kind: string, dev: string, make: () => Switch<T>): Switch<T> {
    let byDevice = this.#switches.get(kind);
    if (byDevice === undefined) {
      byDevice = new Map();
      this.#switches.set(kind, byDevice);
    }
    const known = byDevice.get(dev);
    // Each kind has one type of value, so what was kept under it is of that type.
    if (known !== undefined) return known as Switch<T>;
    const made = make();
    byDevice.set(dev, made);
    return made;
  }

  #switch(name: string): Switch<boolean> {
    const value = this.number(name);
    return this.#at(value === null ? null : value !== 0, name);
  }

  #at<T>(value: T | null, name: string): Switch<T> {
    return { value, name, text: this.line(name) };
  }
}

/** A dot inside an interface's name is spelt as a slash (sysctl(8)). */
const conf = (family: 4 | 6, dev: string, key: string): string => `net.ipv${family}.conf.${dev.replaceAll('.', '/')}.${key}`;
