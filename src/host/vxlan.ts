/** VXLAN devices as `ip -d link` shows them: vxlan_print_opt in iproute2's iplink_vxlan.c, struct vxlan_config of the kernel. */
import { type IpAddress, parseIp } from '../base/ip-address.ts';
import type { HostFacts, Link, NamespaceFacts, OtherNamespace } from './facts.ts';

/** IANA's number, which libnetwork gives its devices unless the swarm has a --data-path-port. */
export const VXLAN_PORT = 4789;

export interface VxlanDevice {
  readonly name: string;
  /** VXLAN network identifier; null for a device that takes its identifiers from elsewhere (external). */
  readonly vni: number | null;
  readonly port: number;
  /** Address of its own end, where it is fixed. */
  readonly local: IpAddress | null;
  /** Where everything goes that no entry is about, a group or an address; null for nowhere. */
  readonly remote: IpAddress | null;
  /** It learns which address is behind which end from what comes in (VXLAN_F_LEARN). */
  readonly learning: boolean;
  /** It answers ARP and neighbour solicitations from its namespace's table, and sends none on (VXLAN_F_PROXY). */
  readonly proxy: boolean;
  readonly l2miss: boolean;
  readonly l3miss: boolean;
  readonly mtu: number;
  readonly up: boolean;
}

export const vxlanOf = (link: Link): VxlanDevice | null => {
  if (link.kind !== 'vxlan') return null;
  const { data } = link;
  const number = (key: string): number | null => (typeof data[key] === 'number' ? data[key] : null);
  const address = (...keys: readonly string[]): IpAddress | null => {
    const text = keys.map((key) => data[key]).find((value) => typeof value === 'string');
    return typeof text === 'string' ? parseIp(text) : null;
  };
  return {
    name: link.name,
    vni: data['external'] === true ? null : number('id'),
    port: number('port') ?? VXLAN_PORT,
    local: address('local', 'local6'),
    remote: address('remote', 'remote6', 'group', 'group6'),
    learning: data['learning'] !== false,
    proxy: data['proxy'] === true,
    l2miss: data['l2miss'] === true,
    l3miss: data['l3miss'] === true,
    mtu: link.mtu,
    up: link.flags.includes('UP'),
  };
};

export const vxlansIn = (facts: NamespaceFacts): readonly VxlanDevice[] =>
  (facts.links ?? []).map(vxlanOf).filter((device) => device !== null);

/** A device of this host that sends and gets such packets, in whichever namespace it shows the frames. */
export interface PlacedVxlan {
  readonly device: VxlanDevice;
  /** Null for the host's own namespace. */
  readonly namespace: OtherNamespace | null;
}

/** All whose packets travel through the host's own namespace: those in it, and those that were made there and moved. */
export const vxlansOf = (facts: HostFacts): readonly PlacedVxlan[] => [
  ...vxlansIn(facts.self).map((device) => ({ device, namespace: null })),
  ...facts.namespaces.flatMap((namespace) =>
    (namespace.facts.links ?? [])
      .filter((link) => link.linkNetnsid !== null)
      .flatMap((link) => {
        const device = vxlanOf(link);
        return device === null ? [] : [{ device, namespace }];
      }),
  ),
];
