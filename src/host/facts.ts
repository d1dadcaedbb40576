/** Host facts: the snapshot's texts as typed values. Everything after this stage reads these and never a command's output. */
import type { IpAddress, IpPrefix } from '../base/ip-address.ts';
import type { IpSet } from '../netfilter/ipset.ts';
import type { NftTable } from '../netfilter/nft/ruleset.ts';
import type { Ruleset } from '../netfilter/ruleset.ts';
import type { Tuple } from '../netfilter/tuple.ts';

export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** `IFLA_LINK`: the peer of a veth, the parent of a macvlan or VLAN device; its number counts in namespace `linkNetnsid`. */
  readonly linkIndex: number | null;
  /** Name of the peer or parent where it is in the same namespace. */
  readonly linkName: string | null;
  /** Namespace id of the peer as seen from this namespace; null where the peer is here, -1 where it is unknown. */
  readonly linkNetnsid: number | null;
  /** The bridge or bond that it is a port of. */
  readonly master: string | null;
  /** info_kind: veth, bridge, macvlan, ipvlan, vxlan, dummy, vlan, tun, wireguard; null for devices without one. */
  readonly kind: string | null;
  readonly flags: readonly string[];
  readonly operstate: string;
  readonly mtu: number;
  readonly mac: string | null;
  /** linkinfo.info_data and info_slave_data as `ip -d` gives them. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly portData: Readonly<Record<string, unknown>>;
}

export interface InterfaceAddress {
  readonly interface: string;
  readonly ip: IpAddress;
  readonly prefix: IpPrefix;
  readonly broadcast: IpAddress | null;
  readonly peer: IpAddress | null;
  readonly scope: string;
  readonly secondary: boolean;
  /** Flags that decide whether an IPv6 address is chosen as a source: tentative, dadfailed, deprecated, temporary. */
  readonly flags?: readonly string[];
}

export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'multicast'
  | 'anycast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'nat';

export interface Route {
  readonly family: 4 | 6;
  readonly type: RouteType;
  /** Name or number: main, local, default, 100. */
  readonly table: string;
  readonly prefix: IpPrefix;
  /** Only for packets from here (IPv6 subtrees); absent where all are meant. */
  readonly from?: IpPrefix;
  readonly gateway: IpAddress | null;
  readonly dev: string | null;
  readonly source: IpAddress | null;
  readonly metric: number;
  readonly scope: string | null;
  readonly tos: number | null;
  readonly mtu: number | null;
  readonly flags: readonly string[];
  /** Next hops of a multipath route; empty otherwise. */
  readonly nexthops: readonly {
    readonly dev: string | null;
    readonly gateway: IpAddress | null;
    readonly weight: number;
    readonly flags?: readonly string[];
  }[];
  /** The route as `ip route` would print it. */
  readonly text: string;
}

export interface PolicyRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly from: IpPrefix | null;
  readonly to: IpPrefix | null;
  readonly iif: string | null;
  readonly oif: string | null;
  readonly fwmark: number | null;
  readonly fwmask: number | null;
  readonly not: boolean;
  /** Table to look in, or null where `action` decides. */
  readonly table: string | null;
  readonly action: 'lookup' | 'blackhole' | 'unreachable' | 'prohibit' | 'goto' | 'nop' | 'unknown';
  readonly goto: number | null;
  readonly protocol?: number;
  /** First and last port. */
  readonly sport?: readonly [number, number];
  readonly dport?: readonly [number, number];
  readonly tos?: number;
  readonly uids?: readonly [number, number];
  /** Only for packets of VRF devices, whose table it then is. */
  readonly l3mdev?: true;
  /** Selectors that this program does not evaluate (flow label, realms): a packet may or may not match. */
  readonly unsupported: readonly string[];
  readonly suppressPrefixLength: number | null;
  readonly text: string;
}

export interface Neighbour {
  readonly ip: IpAddress;
  readonly dev: string;
  readonly mac: string | null;
  readonly state: readonly string[];
  readonly proxy: boolean;
}

export interface FdbEntry {
  readonly mac: string;
  readonly dev: string;
  readonly master: string | null;
  readonly vlan: number | null;
  readonly remote: IpAddress | null;
  readonly flags: readonly string[];
  readonly state: string | null;
}

export interface BridgePort {
  readonly dev: string;
  readonly bridge: string;
  readonly state: string;
  readonly hairpin: boolean;
  readonly isolated: boolean;
  /** What the bridge does by this port, each on unless told otherwise: learn addresses, send frames to unknown or all addresses. */
  readonly learning?: boolean;
  readonly flood?: boolean;
  readonly multicastFlood?: boolean;
  readonly broadcastFlood?: boolean;
  /** Only senders that the forwarding database knows may use the port. */
  readonly locked?: boolean;
}

/** A VLAN that frames of a port, or of the bridge itself, may belong to. */
export interface BridgeVlan {
  readonly dev: string;
  readonly first: number;
  readonly last: number;
  /** Untagged frames that come in belong to it. */
  readonly pvid: boolean;
  /** Frames leave without a tag. */
  readonly untagged: boolean;
}

/** An IPsec policy of the kernel: which packets it is about, and what is done to them. */
export interface XfrmPolicy {
  readonly direction: string;
  readonly src: IpPrefix;
  readonly dst: IpPrefix;
  /** IANA number; absent for all. */
  readonly protocol?: number;
  readonly sport?: number;
  readonly dport?: number;
  /** Only packets whose mark is so, as far as the mask looks. */
  readonly mark?: XfrmMark;
  /** It drops what it is about. */
  readonly blocks?: true;
  /** The transformations, in their order; none lets the packet pass as it is. */
  readonly templates?: readonly XfrmTemplate[];
  readonly text: string;
}

export interface XfrmMark {
  readonly value: number;
  readonly mask: number;
}

export interface XfrmTemplate {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  /** `esp`, `ah`, `comp`. */
  readonly protocol: string;
  /** 0 for any. */
  readonly spi: number;
  readonly mode: string;
  readonly text: string;
}

/** A security association: by it packets are encrypted, or read. Keys are never among the facts. */
export interface XfrmState {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly protocol: string;
  readonly spi: number;
  readonly mode: string;
  readonly text: string;
}

/** A group that an interface has joined. */
export interface Membership {
  readonly dev: string;
  readonly ip: IpAddress;
}

export interface ConntrackEntry {
  readonly protocol: number;
  readonly state: string | null;
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly status: readonly string[];
  readonly mark: number;
  readonly zone: number | null;
  /** The direction that the zone is for, where it is not for both (CT --zone-orig, --zone-reply). */
  readonly zoneOf?: 'original' | 'reply';
  readonly timeoutSec: number | null;
}

export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  /** The any-address where it listens on all. */
  readonly ip: IpAddress;
  /** `*` in ss: an IPv6 socket that takes IPv4 too. */
  readonly dualStack: boolean;
  readonly port: number;
  readonly device: string | null;
  /** Name of the program, where ss could see it. */
  readonly program: string | null;
}

/** One network namespace. A null list means that the fact could not be read: whoever needs it answers `unknown`. */
export interface NamespaceFacts {
  readonly links: readonly Link[] | null;
  readonly addresses: readonly InterfaceAddress[] | null;
  readonly routes: readonly Route[] | null;
  readonly policyRules: readonly PolicyRule[] | null;
  readonly neighbours: readonly Neighbour[] | null;
  /** Addresses that the host answers for in place of others (`ip neigh add proxy`). */
  readonly proxies?: readonly Neighbour[] | null;
  readonly memberships?: readonly Membership[] | null;
  readonly bridgeVlans?: readonly BridgeVlan[] | null;
  readonly xfrmPolicies?: readonly XfrmPolicy[] | null;
  readonly xfrmStates?: readonly XfrmState[] | null;
  readonly fdb: readonly FdbEntry[] | null;
  readonly bridgePorts: readonly BridgePort[] | null;
  /** Dotted names as sysctl prints them (`net.ipv4.conf.eth0.forwarding`; a dot inside an interface name is a slash). */
  readonly sysctls: ReadonlyMap<string, string> | null;
  /** One for each backend and family that could be read. */
  readonly rulesets: readonly Ruleset[];
  /** Tables of native nftables (those that iptables-nft manages left out), as `nft -j` gives them; null where nft could not be read. */
  readonly nftables: readonly NftTable[] | null;
  readonly ipsets: readonly IpSet[] | null;
  readonly conntrack: readonly ConntrackEntry[] | null;
  readonly listeners: readonly Listener[] | null;
  /** What could not be read, with the reason: shown to the person and in `unknowns`. */
  readonly missing: ReadonlyMap<string, string>;
  /** Lines and objects that could not be understood, with the command they came from. */
  readonly problems: readonly string[];
}

export interface OtherNamespace {
  /** Inode, as in the snapshot's key. */
  readonly id: string;
  readonly nsid: number | null;
  readonly pid: number | null;
  readonly owners: readonly string[];
  /** Where it is mounted (`/run/docker/netns/1-...`), if it is known by a mount and not by a process. */
  readonly path?: string | null;
  readonly facts: NamespaceFacts;
}

export interface DockerNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly internal: boolean;
  readonly subnets: readonly IpPrefix[];
  readonly gateways: readonly IpAddress[];
  readonly options: Readonly<Record<string, string>>;
  /** Of an overlay network: addresses of the hosts that it spans, as Docker knows them. */
  readonly peers?: readonly IpAddress[];
  /** The bridge that Docker says the network uses, null for other drivers. What a veth is really plugged into is `Link.master`. */
  readonly claimedBridge: string | null;
}

export interface PublishedPort {
  readonly protocol: string;
  readonly containerPort: number;
  readonly hostIp: string;
  readonly hostPort: number;
}

export interface DockerEndpoint {
  readonly network: string;
  readonly networkId: string;
  readonly ipv4: IpAddress | null;
  readonly ipv6: IpAddress | null;
  readonly mac: string | null;
  readonly gateway: IpAddress | null;
  /** Who of several networks gives the default route: the highest; null where the engine does not know it (before 28.0). */
  readonly gwPriority?: number | null;
}

export interface DockerContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** running, exited, paused, created, restarting, dead. */
  readonly state: string;
  readonly pid: number | null;
  /** NetworkMode as configured: default, bridge, host, none, container:ID, a network's name. */
  readonly mode: string;
  readonly netns: string | null;
  readonly endpoints: readonly DockerEndpoint[];
  readonly published: readonly PublishedPort[];
  readonly composeProject: string | null;
  readonly composeService: string | null;
}

export interface HostFacts {
  readonly takenAt: string;
  readonly hostName: string;
  /** Inode of the host's namespace, null in old or hand-made snapshots. */
  readonly netns: string | null;
  readonly self: NamespaceFacts;
  readonly namespaces: readonly OtherNamespace[];
  readonly containers: readonly DockerContainer[];
  readonly networks: readonly DockerNetwork[];
  readonly dockerVersion: string | null;
  readonly dockerError: string | null;
}
