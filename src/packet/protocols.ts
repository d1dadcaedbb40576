/** IANA protocol numbers with the names of /etc/protocols, and the few service ports that a reader meets every day. */

/** The first name of a number is the one that is shown. `icmpv6` stands where iptables writes `ipv6-icmp`. */
const PROTOCOLS: readonly (readonly [number, string])[] = [
  [0, 'hopopt'],
  [1, 'icmp'],
  [2, 'igmp'],
  [4, 'ipencap'],
  [6, 'tcp'],
  [8, 'egp'],
  [17, 'udp'],
  [33, 'dccp'],
  [41, 'ipv6'],
  [43, 'ipv6-route'],
  [44, 'ipv6-frag'],
  [46, 'rsvp'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'icmpv6'],
  [58, 'ipv6-icmp'],
  [58, 'icmp6'],
  [59, 'ipv6-nonxt'],
  [60, 'ipv6-opts'],
  [88, 'eigrp'],
  [89, 'ospf'],
  [94, 'ipip'],
  [98, 'encap'],
  [103, 'pim'],
  [108, 'ipcomp'],
  [112, 'vrrp'],
  [115, 'l2tp'],
  [132, 'sctp'],
  [135, 'mobility-header'],
  [136, 'udplite'],
  [137, 'mpls-in-ip'],
  [139, 'hip'],
  [140, 'shim6'],
];

const SERVICES = new Map<number, string>([
  [22, 'ssh'],
  [25, 'smtp'],
  [53, 'domain'],
  [67, 'bootps'],
  [68, 'bootpc'],
  [80, 'http'],
  [123, 'ntp'],
  [443, 'https'],
  [2375, 'docker'],
  [2376, 'docker-s'],
  [2377, 'swarm'],
  [3306, 'mysql'],
  [4789, 'vxlan'],
  [5353, 'mdns'],
  [5432, 'postgresql'],
  [6379, 'redis'],
  [7946, 'swarm gossip'],
  [8472, 'vxlan'],
]);

const NAME_OF: ReadonlyMap<number, string> = new Map([...PROTOCOLS].reverse());
const NUMBER_OF: ReadonlyMap<string, number> = new Map(PROTOCOLS.map(([number, name]) => [name, number]));

/** `tcp`; the number itself where it has no name here. */
export const protocolName = (number: number): string => NAME_OF.get(number) ?? String(number);

/** Reads a name in any case, or a decimal number up to 255. Null where the text is neither. */
export const protocolNumber = (name: string): number | null => {
  const known = NUMBER_OF.get(name.toLowerCase());
  if (known !== undefined) return known;
  return /^\d{1,3}$/.test(name) && Number(name) <= 255 ? Number(name) : null;
};

/** `443 (https)`, or the number alone. */
export const portWords = (port: number): string => {
  const service = SERVICES.get(port);
  return service === undefined ? String(port) : `${port} (${service})`;
};
