/** The snapshot document: every fact that decides a packet's fate, as the commands printed it. docs/formats.md describes it. */

/** What one command printed. Keys are command lines as in SNAPSHOT_COMMANDS; readers accept any option order they know. */
export type RawOutputs = Readonly<Record<string, string>>;

/** A network namespace other than the host's own. Its key in the document is the inode of its `/proc/PID/ns/net`. */
export interface NamespaceDocument {
  /** Its id as seen from the host's namespace (`lsns` column NETNSID), or null where the kernel has assigned none. */
  readonly nsid: number | null;
  /** A process in it, and that process's start time in clock ticks (`/proc/PID/stat` field 22), against reuse of the id. */
  readonly pid: number | null;
  readonly startTime: string | null;
  /** Ids of the containers that live in it. */
  readonly owners: readonly string[];
  /** A path that names it where no process does (`/run/docker/netns/1-...`). */
  readonly path?: string;
  readonly raw: RawOutputs;
  /** Facts that could not be read: command line -> why. */
  readonly missing?: Readonly<Record<string, string>>;
}

/** Docker's answers, reduced to networking; keys as Docker's API spells them. */
export interface DockerDocument {
  readonly version: string | null;
  readonly apiVersion: string | null;
  /** `docker info` FirewallBackend.Driver, from 28.1 on. */
  readonly firewallBackend?: string | null;
  readonly containers: readonly DockerContainerDocument[];
  readonly networks: readonly DockerNetworkDocument[];
  /** Why there is nothing above, where no daemon answered. */
  readonly error?: string;
}

export interface DockerContainerDocument {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Status: string; readonly Running: boolean; readonly Pid: number; readonly StartedAt?: string };
  readonly HostConfig: { readonly NetworkMode: string };
  readonly NetworkSettings: {
    readonly SandboxKey?: string;
    readonly Networks: Readonly<Record<string, DockerEndpointDocument>>;
    /** As in inspect: "80/tcp" -> bindings, null where exposed only. */
    readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>>;
  };
  /** Inode of the container's network namespace, where the agent could read it. */
  readonly NetNs?: number | null;
  readonly ComposeProject?: string;
  readonly ComposeService?: string;
}

export interface DockerEndpointDocument {
  readonly NetworkID: string;
  readonly EndpointID?: string;
  readonly IPAddress?: string;
  readonly IPPrefixLen?: number;
  readonly GlobalIPv6Address?: string;
  readonly MacAddress?: string;
  readonly Gateway?: string;
  readonly GwPriority?: number;
}

export interface DockerNetworkDocument {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope?: string;
  readonly Internal?: boolean;
  readonly EnableIPv6?: boolean;
  readonly Options?: Readonly<Record<string, string>> | null;
  /** Hosts of an overlay network. */
  readonly Peers?: readonly { readonly IP?: string }[] | null;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null };
}

export interface SnapshotDocument {
  readonly vethscope: 1;
  /** Seconds since the epoch with nine decimals. */
  readonly takenAt: string;
  /** Host name. */
  readonly host: string;
  /** Inode of the host's own namespace, which `raw` describes. */
  readonly netns?: string;
  readonly namespaces: Readonly<Record<string, NamespaceDocument>>;
  readonly docker: DockerDocument;
  readonly raw: RawOutputs;
  /** Facts that could not be read: command line -> why (no privilege, no such program). */
  readonly missing?: Readonly<Record<string, string>>;
}

/** The command lines whose output a snapshot keeps. The collector runs them exactly so; the readers look them up exactly so first. */
export const SNAPSHOT_COMMANDS = {
  link: 'ip -j -d link',
  address: 'ip -j addr',
  route4: 'ip -j -4 route show table all',
  route6: 'ip -j -6 route show table all',
  rule4: 'ip -j -4 rule',
  rule6: 'ip -j -6 rule',
  neighbour: 'ip -j neigh',
  neighbourProxy: 'ip -j neigh show proxy',
  membership: 'ip -j maddr',
  xfrmPolicy: 'ip xfrm policy',
  xfrmState: 'ip xfrm state list nokeys',
  fdb: 'bridge -j fdb',
  bridgeLink: 'bridge -j -d link',
  bridgeVlan: 'bridge -j vlan',
  iptablesNft: 'iptables-nft-save -c',
  ip6tablesNft: 'ip6tables-nft-save -c',
  iptablesLegacy: 'iptables-legacy-save -c',
  ip6tablesLegacy: 'ip6tables-legacy-save -c',
  iptables: 'iptables-save -c',
  ip6tables: 'ip6tables-save -c',
  nft: 'nft -j list ruleset',
  nftChains: 'nft list chains',
  ipset: 'ipset save',
  sysctl: 'sysctl net',
  conntrack: 'conntrack -L -o extended',
  conntrackProc: 'cat /proc/net/nf_conntrack',
  sockets: 'ss -Hltunp',
  namespaces: 'lsns -t net -J -o NS,NETNSID,PID,NPROCS,NSFS',
  legacyTables4: 'cat /proc/net/ip_tables_names',
  legacyTables6: 'cat /proc/net/ip6_tables_names',
} as const;

export type SnapshotCommand = keyof typeof SNAPSHOT_COMMANDS;
