/** Who is plugged into what: containers, their endpoints, the host side of each, and where packets can be captured. */
import type { IpAddress } from '../base/ip-address.ts';
import type { DockerContainer, PublishedPort } from '../host/facts.ts';

/** The host's side of an endpoint (the JSON of `list` shows it as `host`). */
export interface HostSide {
  readonly kind: 'veth' | 'macvlan' | 'ipvlan' | 'overlay' | 'device';
  /** The veth's host end; null where there is none or it could not be resolved. */
  readonly interface: string | null;
  /** The bridge that really masters it (not the one Docker claims). */
  readonly bridge: string | null;
  /** Parent device of macvlan and ipvlan. */
  readonly parent: string | null;
  /** Hidden namespace of an overlay network (`1-...`), null for the host's own. */
  readonly namespace: string | null;
}

export interface Endpoint {
  readonly network: string | null;
  readonly driver: string | null;
  readonly ipv4: IpAddress | null;
  readonly ipv6: IpAddress | null;
  readonly mac: string | null;
  /** Name inside the container; null where its namespace could not be read. */
  readonly interface: string | null;
  /** Null where it could not be resolved; then `unresolved` says why. */
  readonly host: HostSide | null;
  /** Why something is missing, and what to try: no privilege, no process, no match. */
  readonly unresolved: string | null;
  /** What is wrong with what was found: a veth without a bridge, another bridge than Docker claims. */
  readonly warnings: readonly string[];
}

export interface DefaultRoute {
  readonly family: 4 | 6;
  /** Inside the container. */
  readonly interface: string;
  /** Null for a device that no network of Docker's belongs to. */
  readonly network: string | null;
  /** Why it is this network's, for a sentence behind a colon; null where there is no choice. */
  readonly why: string | null;
}

export type NetworkMode = 'bridge' | 'host' | 'none' | 'container' | 'other';

export interface ContainerNode {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state: string;
  /** As Docker has it: `default`, `bridge`, `host`, `none`, `container:ID`, a network's name. */
  readonly mode: string;
  readonly modeKind: NetworkMode;
  /** Name of the container whose namespace it shares. */
  readonly sharesWith: string | null;
  /** Names of those that share this one's. */
  readonly sharedBy: readonly string[];
  readonly netns: string | null;
  readonly pid: number | null;
  readonly endpoints: readonly Endpoint[];
  /** By which it leaves; absent where its routes are not known. */
  readonly defaultRoutes?: readonly DefaultRoute[];
  readonly published: readonly PublishedPort[];
  readonly composeProject: string | null;
  /** One sentence where there is nothing to capture or something to know. */
  readonly remark: string | null;
}

/** A place where packets can be seen. */
export interface CapturePoint {
  /** Stable name: the interface, with the namespace before it where it is not the host's (`4026532470/eth0`). */
  readonly id: string;
  readonly interface: string;
  /** Inode of the namespace that it is in; null for the host's own. */
  readonly netns: string | null;
  readonly kind: 'veth' | 'bridge' | 'uplink' | 'parent' | 'vxlan' | 'container' | 'loopback' | 'device';
  /** What is seen there, in words: `all of web1`, `all of test_net1`, `after translation`. */
  readonly sees: string;
  /** Container and network for the interface's description in saved sessions. */
  readonly container: string | null;
  readonly network: string | null;
  /** Filter to add so that only the wanted traffic is seen (a macvlan child's MAC on its parent), or null. */
  readonly filter: string | null;
  /** Filter of what is wanted there beside what was asked for: the tunnel that carries it. */
  readonly also?: string;
}

/** One hop of the line that is drawn from a container outwards. */
export interface PathNode {
  readonly label: string;
  readonly address: string | null;
  /** How it is joined to the next: veth, port, route, parent. */
  readonly link: string | null;
  readonly point: CapturePoint | null;
}

/** Containers + host facts, joined. */
export interface Topology {
  readonly containers: readonly ContainerNode[];
  /** Bridges with their ports, networks and addresses. */
  readonly bridges: readonly BridgeNode[];
  readonly uplinks: readonly string[];
  /** VLAN devices, and the device under each whose frames carry its tag (802.1Q). */
  readonly trunks: readonly { readonly device: string; readonly trunk: string; readonly vlan: number }[];
  /** Every interface of the host where packets can be captured. */
  readonly points: readonly CapturePoint[];
  readonly warnings: readonly string[];
}

export interface BridgeNode {
  readonly name: string;
  readonly network: string | null;
  readonly networkDriver: string | null;
  readonly internal: boolean;
  readonly addresses: readonly string[];
  readonly up: boolean;
  readonly ports: readonly { readonly interface: string; readonly container: string | null; readonly containerInterface: string | null }[];
}

export type { DockerContainer };
