/** What an item of the picture is: its name, its place to capture, and what a packet's path may be asked of. */

import type { GraphIndex } from '../../topology/graph/graph-index.ts';
import type { Plan, Plug, Section } from '../../topology/graph/plan.ts';
import type { CapturePoint, Topology } from '../../topology/topology.ts';
import { beyondItem, boxItem, cableItem, foldItem, HOST_ITEM, loneItem, plugItem, wayItem } from './layout.ts';

export interface About {
  readonly id: string;
  /** What it is called on the line below the picture. */
  readonly title: string;
  /** What there is to say of it in one line. */
  readonly words: string;
  /** Node ids of the devices that it stands for, and of its namespace. */
  readonly devices: readonly string[];
  readonly namespace: string | null;
  /** Name of the container whose it is; null where it is nobody's or everybody's. */
  readonly container: string | null;
  readonly point: CapturePoint | null;
  /** What `explain` would call it; null where no packet begins or ends there. */
  readonly end: string | null;
  readonly section: Section | null;
}

/** Everything that can be selected, by its id, and the words that a search looks at. */
export const itemsAbout = (plan: Plan, index: GraphIndex, topology: Topology): readonly About[] => {
  const points = new Map(topology.points.map((each) => [each.id, each]));
  const point = (device: string | null): CapturePoint | null => {
    const id = device === null ? null : (index.device(device)?.point ?? null);
    return id === null ? null : (points.get(id) ?? null);
  };
  const base = { devices: [], namespace: null, container: null, point: null, end: null, section: null } as const;
  const sections = [...plan.above, ...plan.inside, ...plan.below];
  return [
    ...sections.flatMap((section) => sectionAbout(section, index, point)),
    {
      ...base,
      id: HOST_ITEM,
      title: `host ${plan.hostName}`,
      words: 'its own stack: routes, rules, sockets',
      namespace: 'host',
      end: 'host',
    },
    ...plan.ways.flatMap((way): About[] => [
      {
        ...base,
        id: wayItem(way.device),
        title: way.name,
        words: [way.note, ...(index.device(way.device)?.addresses ?? [])].filter((word) => word !== null).join(' · '),
        devices: [way.device],
        point: point(way.device),
        end: 'outside',
      },
      ...(way.beyond === null
        ? []
        : [
            {
              ...base,
              id: beyondItem(way.device),
              title: way.beyond,
              words: `beyond ${way.name}`,
              point: point(way.device),
              end: 'outside',
            },
          ]),
    ]),
    ...plan.lone.map(
      (lone): About => ({
        ...base,
        id: loneItem(lone.owner),
        title: lone.name,
        words: [lone.why, ...lone.notes].join(' · '),
        namespace: lone.owner,
        container: index.namespace(lone.owner)?.role === 'container' ? lone.name : null,
        end: index.namespace(lone.owner)?.role === 'container' ? lone.name : null,
      }),
    ),
  ];
};

type PointOf = (device: string | null) => CapturePoint | null;

const sectionAbout = (section: Section, index: GraphIndex, point: PointOf): About[] => {
  const device = index.device(section.id);
  const box: About = {
    id: boxItem(section.id),
    title: section.box?.title ?? 'without a bridge',
    words: [
      ...(section.box?.lines ?? []),
      ...(device?.addresses.slice(1) ?? []),
      ...(section.out.kind === 'none' ? [section.out.why] : []),
    ].join(' · '),
    devices: [section.id],
    namespace: device?.namespace ?? null,
    container: null,
    point: point(section.id),
    end: device?.namespace === 'host' && device.addresses.length > 0 ? 'host' : null,
    section,
  };
  const fold: About = {
    ...box,
    id: foldItem(section.id),
    words: `${section.plugs.length} plugged in, folded: ${section.plugs.map((plug) => plug.name).join(', ')}`,
  };
  return [box, fold, ...section.plugs.flatMap((plug) => plugAbout(plug, section, index, point))];
};

const plugAbout = (plug: Plug, section: Section, index: GraphIndex, point: PointOf): About[] => {
  const container = plug.kind === 'container' ? plug.name : null;
  const whole = [plug.interface, plug.address, ...plug.notes].filter((part) => part !== null).join(' · ');
  const inHost = plug.owner.startsWith('resident:') || plug.kind === 'host' || plug.kind === 'bridge';
  const end = container ?? (inHost ? 'host' : plug.kind === 'wire' ? 'outside' : plug.address);
  const own: About = {
    id: plugItem(plug),
    title: plug.name,
    words: inHost && container !== null ? "in the host's own namespace" : whole,
    devices: [plug.device, plug.cable?.device ?? null].filter((id, at, all) => id !== null && all.indexOf(id) === at) as string[],
    namespace: inHost ? 'host' : plug.owner,
    container,
    point: point(plug.cable?.device ?? null) ?? point(plug.device),
    end,
    section,
  };
  if (plug.cable === null) return [own];
  const { cable } = plug;
  const device = index.device(cable.device);
  const to = section.box === null ? 'host' : (index.device(section.id)?.name ?? section.box.title);
  return [
    own,
    {
      ...own,
      id: cableItem(cable.device),
      title: device?.name ?? cable.label,
      words: [
        `${[plug.name, plug.interface].filter((part) => part !== null).join(' ')} ${device?.type === 'macvlan' || device?.type === 'ipvlan' ? `on ${to}, ${device.type}` : `to ${to}`}`,
        ...(cable.remark === null ? [] : [cable.remark]),
      ].join(' · '),
      devices: [cable.device],
    },
  ];
};

/** Does it say each of the words somewhere? */
export const isAbout = (about: About, words: readonly string[]): boolean => {
  const text = `${about.title} ${about.words}`.toLowerCase();
  return words.every((word) => text.includes(word));
};
