/** `topology` for people: the same plan as the picture, as a tree: bridges, parents and overlays with who is plugged in, and the ways out. */
import { printable } from '../base/printable.ts';
import type { HostFacts } from '../host/facts.ts';
import { buildGraph } from '../topology/graph/build-graph.ts';
import { type DeviceNode, HOST_ID } from '../topology/graph/graph.ts';
import { GraphIndex } from '../topology/graph/graph-index.ts';
import { DIRECT_ID, type Lone, type Plan, type Plug, planOf, type Section, type WayOut } from '../topology/graph/plan.ts';
import type { Topology } from '../topology/topology.ts';
import { type Glyphs, glyphsOf, type Style, tint } from './style.ts';

interface TreeNode {
  readonly label: string;
  readonly children: readonly TreeNode[];
}

export const topologyTree = (facts: HostFacts, topology: Topology, style: Style): string[] => {
  const glyphs = glyphsOf(style);
  const graph = buildGraph(facts, topology);
  const root: TreeNode = {
    label: joined(facts.hostName, facts.dockerVersion !== null && `docker ${facts.dockerVersion}`),
    children: new Branches(planOf(graph), new GraphIndex(graph), glyphs).all(),
  };
  const lines = [tint(style, 'strong', printable(root.label)), ...drawChildren(root, '', glyphs)];
  return [...lines, ...topology.warnings.map((warning) => tint(style, 'warn', `note: ${printable(warning)}`))];
};

const drawChildren = (node: TreeNode, stem: string, glyphs: Glyphs): string[] =>
  node.children.flatMap((child, index) => {
    const last = index === node.children.length - 1;
    return [
      `${stem}${last ? glyphs.corner : glyphs.fork}${printable(child.label)}`,
      ...drawChildren(child, stem + (last ? glyphs.blank : glyphs.stem), glyphs),
    ];
  });

const joined = (...parts: (string | null | undefined | false)[]): string =>
  parts.filter((part) => part !== null && part !== undefined && part !== false && part !== '').join('  ');

const leaf = (label: string): TreeNode => ({ label, children: [] });

class Branches {
  readonly #plan: Plan;
  readonly #index: GraphIndex;
  readonly #glyphs: Glyphs;

  constructor(plan: Plan, index: GraphIndex, glyphs: Glyphs) {
    this.#plan = plan;
    this.#index = index;
    this.#glyphs = glyphs;
  }

  all(): TreeNode[] {
    const { above, inside, below, ways, lone } = this.#plan;
    const bridges = [...inside, ...below].filter((section) => this.#index.device(section.id)?.type === 'bridge');
    const parents = below.filter((section) => this.#index.device(section.id)?.type !== 'bridge');
    const direct = inside.find((section) => section.id === DIRECT_ID);
    return [
      ...bridges.map((section) => this.#bridge(section)),
      ...ways.map((way) => this.#way(way, above)),
      ...parents.map((section) => this.#parent(section)),
      ...(direct?.plugs ?? []).map((plug) => this.#direct(plug)),
      ...lone.map((each) => this.#lone(each)),
    ];
  }

  #bridge(section: Section): TreeNode {
    const device = this.#index.device(section.id);
    const home = this.#index.namespace(device?.namespace ?? HOST_ID);
    const network = home?.network ?? device?.network ?? null;
    const inHost = home === null || home.id === HOST_ID;
    const bridge: TreeNode = {
      label: joined(
        `bridge ${device?.name ?? section.id}`,
        device?.addresses.join(' '),
        network !== null ? `network ${network}` : inHost && 'of no Docker network',
        ...(device?.notes ?? []),
        device?.up === false && 'down',
      ),
      children: [
        ...section.plugs.map((plug) => this.#plug(plug)),
        ...(inHost ? [] : this.#index.portsOf(section.id).flatMap(({ from }) => this.#tunnel(from))),
      ],
    };
    return inHost
      ? bridge
      : { label: joined(`namespace ${home.label}`, home.role === 'container' && 'of the container'), children: [bridge] };
  }

  #tunnel(id: string): TreeNode[] {
    const device = this.#index.device(id);
    if (device?.type !== 'vxlan') return [];
    return [{ label: joined(device.name, ...device.notes), children: this.#index.peersOf(id).map((peer) => leaf(`to host ${peer}`)) }];
  }

  #plug(plug: Plug): TreeNode {
    const { cable, kind } = plug;
    const label = cable?.label ?? '';
    const who = joined(
      plug.kind === 'bridge' ? `bridge ${plug.name} ${plug.interface ?? ''}` : this.#who(plug),
      this.#addresses(plug.device),
    );
    const isKnown = kind !== 'unknown' && kind !== 'wire';
    const wire = kind === 'wire' && joined(plug.interface === null ? '' : `on ${plug.interface}`, ...plug.notes);
    return {
      label: joined(isKnown ? `${label} ${this.#glyphs.line} ${who}` : joined(label, wire), cable?.remark),
      children: this.#sharers(plug),
    };
  }

  #who(plug: Plug): string {
    return `${plug.name} ${plug.interface ?? '?'}`;
  }

  /** Of the container's own device, without prefix lengths and those of the link alone. */
  #addresses(device: string | null): string {
    const known = device === null ? null : this.#index.device(device);
    return (known?.addresses ?? [])
      .filter((address) => !address.startsWith('fe80:'))
      .map((address) => address.replace(/\/.*$/, ''))
      .join(' ');
  }

  #sharers(plug: { readonly owner: string }): TreeNode[] {
    return (this.#index.namespace(plug.owner)?.residents.slice(1) ?? []).map(({ name }) => leaf(`shared by ${name}`));
  }

  #way(way: WayOut, above: readonly Section[]): TreeNode {
    const device = this.#index.device(way.device);
    const section = above.find(({ out }) => out.kind === 'way' && out.device === way.device);
    const beyond = way.beyond === null || way.beyond === 'outside' ? null : `to ${way.beyond}`;
    return {
      label: joined(way.name, device?.addresses.join(' '), device?.isUplink === true && 'way out', way.note, beyond),
      children: (section?.plugs ?? []).map((plug) => this.#child(plug)),
    };
  }

  #parent(section: Section): TreeNode {
    const device = this.#index.device(section.id);
    const why = section.out.kind === 'none' ? section.out.why : null;
    return {
      label: joined(device?.name ?? section.id, device?.addresses.join(' '), why),
      children: section.plugs.map((plug) => this.#child(plug)),
    };
  }

  #child(plug: Plug): TreeNode {
    const device: DeviceNode | null = plug.device === null ? null : this.#index.device(plug.device);
    const network = device?.network ?? null;
    return {
      label: joined(
        `${plug.cable?.label ?? 'device'} ${this.#glyphs.line} ${this.#who(plug)}`,
        this.#addresses(plug.device),
        network !== null && `network ${network}`,
        plug.cable?.remark,
      ),
      children: this.#sharers(plug),
    };
  }

  #direct(plug: Plug): TreeNode {
    if (plug.owner.startsWith('resident:')) return leaf(`${plug.name}  in the host's own namespace`);
    if (plug.cable === null) return leaf(joined(plug.name, this.#addresses(plug.device), ...plug.notes));
    return this.#plug(plug);
  }

  #lone(lone: Lone): TreeNode {
    const state = this.#index.namespace(lone.owner)?.residents[0]?.state;
    return { label: joined(lone.name, state, state === lone.why ? null : lone.why), children: this.#sharers(lone) };
  }
}
