/** Questions to the graph that the picture asks again and again. */
import { type DeviceNode, type GraphEdge, HOST_ID, type NamespaceNode, type TopologyGraph } from './graph.ts';

type EdgeOf<K extends GraphEdge['kind']> = Extract<GraphEdge, { readonly kind: K }>;

export class GraphIndex {
  readonly host: NamespaceNode;
  readonly namespaces: readonly NamespaceNode[];
  readonly devices: readonly DeviceNode[];
  /** Addresses of the other ends of all tunnels. */
  readonly allPeers: readonly string[];
  readonly #namespaces: ReadonlyMap<string, NamespaceNode>;
  readonly #devices: ReadonlyMap<string, DeviceNode>;
  readonly #ends = new Map<string, string>();
  readonly #ports = new Map<string, EdgeOf<'port'>[]>();
  readonly #masters = new Map<string, string>();
  readonly #members = new Map<string, string[]>();
  readonly #parents = new Map<string, EdgeOf<'parent'>>();
  readonly #children = new Map<string, EdgeOf<'parent'>[]>();
  readonly #peers = new Map<string, string[]>();
  readonly #underlays = new Map<string, string>();

  constructor(graph: TopologyGraph) {
    this.namespaces = graph.nodes.filter((node) => node.kind === 'namespace');
    this.devices = graph.nodes.filter((node) => node.kind === 'device');
    this.allPeers = graph.nodes.flatMap((node) => (node.kind === 'peer' ? [node.address] : []));
    this.#namespaces = new Map(this.namespaces.map((node) => [node.id, node]));
    this.#devices = new Map(this.devices.map((node) => [node.id, node]));
    this.host = this.#namespaces.get(HOST_ID) ?? NO_HOST;
    for (const edge of graph.edges) this.#take(edge);
  }

  namespace(id: string): NamespaceNode | null {
    return this.#namespaces.get(id) ?? null;
  }

  device(id: string): DeviceNode | null {
    return this.#devices.get(id) ?? null;
  }

  /** The other end of a veth pair. */
  otherEnd(id: string): DeviceNode | null {
    return this.device(this.#ends.get(id) ?? '');
  }

  portsOf(bridge: string): readonly EdgeOf<'port'>[] {
    return this.#ports.get(bridge) ?? [];
  }

  /** The bridge or bond that a device is part of. */
  masterOf(id: string): string | null {
    return this.#masters.get(id) ?? null;
  }

  isMember(id: string): boolean {
    const master = this.#masters.get(id);
    return master !== undefined && this.#members.has(master);
  }

  /** Names of the members of a bond. */
  membersOf(id: string): readonly string[] {
    return (this.#members.get(id) ?? []).map((member) => this.device(member)?.name ?? member);
  }

  parentOf(id: string): EdgeOf<'parent'> | null {
    return this.#parents.get(id) ?? null;
  }

  childrenOf(id: string): readonly EdgeOf<'parent'>[] {
    return this.#children.get(id) ?? [];
  }

  /** Addresses of a tunnel's other ends. */
  peersOf(id: string): readonly string[] {
    return (this.#peers.get(id) ?? []).map((peer) => peer.slice('peer:'.length));
  }

  underlayOf(id: string): string | null {
    return this.#underlays.get(id) ?? null;
  }

  #take(edge: GraphEdge): void {
    const { from, to } = edge;
    switch (edge.kind) {
      case 'veth':
        this.#ends.set(from, to);
        this.#ends.set(to, from);
        return;
      case 'port':
        push(this.#ports, to, edge);
        this.#masters.set(from, to);
        return;
      case 'member':
        push(this.#members, to, from);
        this.#masters.set(from, to);
        return;
      case 'parent':
        push(this.#children, to, edge);
        this.#parents.set(from, edge);
        return;
      case 'tunnel':
        push(this.#peers, from, to);
        return;
      case 'underlay':
        this.#underlays.set(from, to);
        return;
      case 'route':
        return;
    }
  }
}

const push = <T>(lists: Map<string, T[]>, key: string, item: T): void => {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
};

const NO_HOST: NamespaceNode = {
  kind: 'namespace',
  id: HOST_ID,
  role: 'host',
  label: '',
  netns: null,
  residents: [],
  network: null,
  remark: null,
};
