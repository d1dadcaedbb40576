/** The host's networks as a graph: namespaces, the devices in them, and how one leads to another. What pictures, DOT and JSON are made of. */

export type NamespaceRole =
  | 'host'
  | 'container'
  /** Holds the bridge and the tunnel of an overlay network. */
  | 'overlay'
  /** Kept by Docker for no container: load balancers and the ingress of a swarm. */
  | 'sandbox'
  /** Named by a person or a program (`ip netns add`). */
  | 'named';

export interface Resident {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

export interface NamespaceNode {
  readonly kind: 'namespace';
  readonly id: string;
  readonly role: NamespaceRole;
  readonly label: string;
  /** Inode; null for the host's in old snapshots, and where it is not known. */
  readonly netns: string | null;
  /** Containers that live in it, the one whose namespace it is first. */
  readonly residents: readonly Resident[];
  /** The overlay network whose bridge and tunnel it holds; null for all others. */
  readonly network: string | null;
  /** Why there is nothing in it, or what to know of it. */
  readonly remark: string | null;
}

export type DeviceType = 'veth' | 'bridge' | 'macvlan' | 'ipvlan' | 'vlan' | 'bond' | 'vxlan' | 'physical' | 'dummy' | 'tunnel' | 'other';

export interface DeviceNode {
  readonly kind: 'device';
  readonly id: string;
  /** Id of the namespace that it is in. */
  readonly namespace: string;
  readonly name: string;
  readonly type: DeviceType;
  readonly ifindex: number | null;
  readonly addresses: readonly string[];
  readonly mac: string | null;
  readonly mtu: number | null;
  /** Null where it is not known. */
  readonly up: boolean | null;
  readonly network: string | null;
  readonly driver: string | null;
  /** A default route of the host leaves by it. */
  readonly isUplink: boolean;
  /** Id of the place to capture, as in `points`; null where one cannot. */
  readonly point: string | null;
  /** What is set on it beyond the usual, in words: `internal`, `icc off`, `VNI 4097`, `mode private`. */
  readonly notes: readonly string[];
  /** Why its other side is not known; null where it is, or where it has none. */
  readonly unresolved: string | null;
}

/** The other end of a tunnel. */
export interface PeerNode {
  readonly kind: 'peer';
  readonly id: string;
  readonly address: string;
}

/** What lies beyond the host's ways out. */
export interface OutsideNode {
  readonly kind: 'outside';
  readonly id: 'outside';
}

export type GraphNode = NamespaceNode | DeviceNode | PeerNode | OutsideNode;

export type GraphEdge =
  /** Two ends of one cable. `numbers`: by their interface numbers only, and no other pair has the same. */
  | { readonly kind: 'veth'; readonly from: string; readonly to: string; readonly proof: 'ids' | 'numbers' }
  | {
      readonly kind: 'port';
      readonly from: string;
      readonly to: string;
      /** forwarding, blocking, disabled …; null where it is not known. */
      readonly state: string | null;
      readonly isolated: boolean;
      readonly hairpin: boolean;
    }
  /** From a macvlan, ipvlan or VLAN device to the device that it is made on. */
  | { readonly kind: 'parent'; readonly from: string; readonly to: string; readonly how: string }
  /** From a device to the bond (or other master) that it is part of. */
  | { readonly kind: 'member'; readonly from: string; readonly to: string }
  /** From a tunnel to its other end. */
  | { readonly kind: 'tunnel'; readonly from: string; readonly to: string; readonly vni: number | null; readonly port: number | null }
  /** From a tunnel to the namespace whose stack carries its outer packets. */
  | { readonly kind: 'underlay'; readonly from: string; readonly to: string }
  /** A default route: from the device that it leaves by, to who has the gateway's address. */
  | { readonly kind: 'route'; readonly from: string; readonly to: string; readonly family: 4 | 6; readonly gateway: string | null };

export interface TopologyGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export const HOST_ID = 'host';
export const OUTSIDE_ID = 'outside';

export const namespaceId = (netns: string): string => `ns:${netns}`;

/** A container whose namespace is not known, or that has none. */
export const homelessId = (containerId: string): string => `container:${containerId}`;

/** `dev:eth0` of the host, `dev:4026532470/eth0` elsewhere: behind the prefix stands the id of the capture point. */
export const deviceId = (namespace: string, name: string): string =>
  namespace === HOST_ID ? `dev:${name}` : `dev:${namespace.slice(namespace.indexOf(':') + 1)}/${name}`;
