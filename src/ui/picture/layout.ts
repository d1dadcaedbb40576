/** Where everything of a plan stands: columns by the width of the terminal, rows one section below the other. Positions only; paint.ts draws. */
import { DIRECT_ID, type Lone, type Plan, type Plug, type Section, type WayOut } from '../../topology/graph/plan.ts';

/** A column of the picture: its first column of characters, and how many it has. */
export interface Column {
  readonly x: number;
  readonly width: number;
}

export interface Geometry {
  readonly name: Column;
  readonly cable: Column;
  readonly box: Column;
  readonly link: Column;
  readonly host: Column;
  readonly ways: Column;
  /** Address and rate stand below name and cable, where there is no room beside them. */
  readonly twoRows: boolean;
}

/** From this width on a plug takes one row. */
const WIDE = 124;

const MIDDLE = 96;

export const geometryOf = (columns: number): Geometry => {
  const [name, cable, box, link, host] = columns >= WIDE ? WIDE_COLUMNS : columns >= MIDDLE ? [25, 20, 22, 4, 8] : [18, 16, 20, 2, 6];
  const spare = columns >= WIDE ? columns - WIDE : columns >= MIDDLE ? columns - MIDDLE : Math.max(0, columns - 80);
  // Names and boxes grow first: what is cut there is missed most.
  const widths = [name + Math.floor(spare / 4), cable + Math.floor(spare / 4), box + Math.floor(spare / 4), link, host] as const;
  let x = MARGIN;
  const placed = widths.map((width): Column => {
    const column = { x, width };
    x += width;
    return column;
  });
  const [first, second, third, fourth, fifth] = placed as [Column, Column, Column, Column, Column];
  return {
    name: first,
    cable: second,
    box: third,
    link: fourth,
    host: fifth,
    ways: { x, width: columns - x },
    twoRows: columns < WIDE,
  };
};

const WIDE_COLUMNS = [34, 32, 22, 4, 8] as const;

/** The pointer of the selected one and the letter of a marked one stand before the names. */
const MARGIN = 3;

export type ItemColumn = 'name' | 'cable' | 'box' | 'host' | 'ways';

/** What can be selected. */
export interface Item {
  readonly id: string;
  readonly column: ItemColumn;
  /** First row, and how many rows it takes. */
  readonly top: number;
  readonly rows: number;
  /** The row by which it is reached. */
  readonly row: number;
}

export interface PlacedPlug {
  readonly plug: Plug;
  readonly row: number;
}

export interface PlacedSection {
  readonly section: Section;
  readonly top: number;
  readonly rows: number;
  readonly isFolded: boolean;
  readonly plugs: readonly PlacedPlug[];
  /** Row of the line that leads on. */
  readonly linkRow: number;
}

export interface PlacedWay {
  readonly way: WayOut;
  readonly row: number;
  /** Row where the host's stack joins it, where sections above the host use it too; null where the host's line goes straight to it. */
  readonly hostRow: number | null;
  readonly bus: number;
}

export interface PlacedLone {
  readonly lone: Lone;
  readonly row: number;
}

export interface Layout {
  readonly geometry: Geometry;
  readonly rows: number;
  readonly sections: readonly PlacedSection[];
  readonly host: { readonly top: number; readonly rows: number };
  readonly ways: readonly PlacedWay[];
  readonly lone: readonly PlacedLone[];
  /** Row of the words above what hangs nowhere; null where there is none. */
  readonly loneTitle: number | null;
  readonly items: readonly Item[];
}

export interface LayoutOptions {
  readonly columns: number;
  readonly folded: ReadonlySet<string>;
  /** Counters are read: rows are kept for them, so that nothing moves when they begin to count. */
  readonly live: boolean;
}

export const plugItem = (plug: Plug): string => `plug:${plug.cable?.device ?? plug.device ?? plug.owner}`;
export const cableItem = (device: string): string => `cable:${device}`;
export const boxItem = (section: string): string => `box:${section}`;
export const foldItem = (section: string): string => `fold:${section}`;
export const wayItem = (device: string): string => `way:${device}`;
export const beyondItem = (device: string): string => `beyond:${device}`;
export const loneItem = (owner: string): string => `lone:${owner}`;
export const HOST_ITEM = 'host';

export type WayPart = 'address' | 'note' | 'rate' | 'beyond';

/** What stands below a way's name, a row each. */
export const wayParts = (way: WayOut, live: boolean): readonly WayPart[] => [
  ...(way.address === null ? [] : (['address'] as const)),
  ...(way.note === null ? [] : (['note'] as const)),
  ...(live ? (['rate'] as const) : []),
  ...(way.beyond === null ? [] : (['beyond'] as const)),
];

/** Its name, what stands below, and a free row. */
const wayRows = (way: WayOut, live: boolean): number => wayParts(way, live).length + 2;

export const layOut = (plan: Plan, options: LayoutOptions): Layout => {
  const geometry = geometryOf(options.columns);
  const place = (sections: readonly Section[], from: number): PlacedSection[] => {
    let top = from;
    return sections.map((section) => {
      const { out } = section;
      const way = out.kind === 'way' ? plan.ways.find(({ device }) => device === out.device) : undefined;
      // Beside it stands the way out, whose words must not run into the next one's.
      const least = way === undefined ? 0 : wayRows(way, options.live) + 1;
      const placed = placeSection(section, top, geometry, options, least);
      top += placed.rows;
      return placed;
    });
  };
  const end = (placed: readonly PlacedSection[], from: number): number => placed.reduce((_, section) => section.top + section.rows, from);

  const above = place(plan.above, 0);
  const hostTop = end(above, 0);
  const isShort = (section: Section | undefined): boolean =>
    section !== undefined && (section.box === null || options.folded.has(section.id));
  // What has no border of its own needs the host's above and below it.
  const inside = place(plan.inside, hostTop + (plan.inside[0] !== undefined && options.folded.has(plan.inside[0].id) ? 1 : 0));
  const ways = placeWays(plan.ways, above, hostTop, options.live);
  const lowestWay = Math.max(
    hostTop + 2,
    ...ways.map(({ way, row, hostRow }) => (hostRow ?? row) + (hostRow === null ? wayRows(way, options.live) - 1 : 1)),
  );
  const border = isShort(plan.inside.at(-1)) ? 1 : 0;
  const hostEnd = Math.max(end(inside, hostTop) + border, lowestWay + 1);
  const below = place(plan.below, hostEnd);
  const loneTitle = plan.lone.length === 0 ? null : end(below, hostEnd);
  const lone = placeLone(plan.lone, (loneTitle ?? 0) + 1);
  const sections = [...above, ...inside, ...below];
  const last = lone.at(-1);
  const host = { top: hostTop, rows: hostEnd - hostTop };
  return {
    geometry,
    rows: last === undefined ? end(below, hostEnd) : last.row + 1 + last.lone.notes.length,
    sections,
    host,
    ways,
    lone,
    loneTitle,
    items: itemsOf(sections, host, ways, lone, options.live),
  };
};

const placeSection = (section: Section, top: number, geometry: Geometry, options: LayoutOptions, least: number): PlacedSection => {
  const isFolded = options.folded.has(section.id);
  if (isFolded) return { section, top, rows: Math.max(1, least), isFolded, plugs: [], linkRow: top };
  // The box's upper border; without a box a free row.
  let row = top + 1;
  const plugs = section.plugs.map((plug): PlacedPlug => {
    const placed = { plug, row };
    row += plugRows(plug, geometry);
    return placed;
  });
  const lines = section.box === null ? 0 : section.box.lines.length + (options.live && isCounted(section) ? 1 : 0);
  const inner = Math.max(row - top - 1, lines, 1);
  const rows = Math.max(inner + (section.box === null ? 1 : 2), least);
  return { section, top, rows, isFolded, plugs, linkRow: top + 1 };
};

/** The host counts what passes its own bridges. A parent's counters are its way out's; a hidden namespace's are not read. */
export const isCounted = (section: Section): boolean => section.out.kind === 'host' && !section.out.tunnel;

export const plugRows = (plug: Plug, geometry: Geometry): number => {
  const second = geometry.twoRows && (plug.interface !== null || plug.address !== null || plug.cable !== null) ? 1 : 0;
  return 1 + second + plug.notes.length;
};

/** A way out that sections above the host use stands beside the first of them, and the host's line goes up to it. */
const placeWays = (ways: readonly WayOut[], above: readonly PlacedSection[], hostTop: number, live: boolean): PlacedWay[] => {
  const users = (way: WayOut): PlacedSection | undefined =>
    above.find(({ section }) => section.out.kind === 'way' && section.out.device === way.device);
  const shared = ways.filter((way) => users(way) !== undefined);
  let next = hostTop + 1 + shared.length;
  return ways.map((way): PlacedWay => {
    const user = users(way);
    const bus = shared.indexOf(way);
    if (user !== undefined) return { way, row: user.linkRow, hostRow: hostTop + 1 + bus, bus };
    const row = next;
    next += wayRows(way, live);
    return { way, row, hostRow: null, bus: 0 };
  });
};

const placeLone = (lone: readonly Lone[], from: number): PlacedLone[] => {
  let row = from;
  return lone.map((each) => {
    const placed = { lone: each, row };
    row += 1 + each.notes.length;
    return placed;
  });
};

const itemsOf = (
  sections: readonly PlacedSection[],
  host: Layout['host'],
  ways: readonly PlacedWay[],
  lone: readonly PlacedLone[],
  live: boolean,
): Item[] => [
  ...sections.flatMap(({ section, top, rows, isFolded, plugs, linkRow }): Item[] => [
    ...(isFolded
      ? [{ id: foldItem(section.id), column: 'name' as const, top, rows: 1, row: top }]
      : plugs.flatMap(({ plug, row }): Item[] => [
          { id: plugItem(plug), column: 'name', top: row, rows: 1, row },
          ...(plug.cable === null ? [] : [{ id: cableItem(plug.cable.device), column: 'cable' as const, top: row, rows: 1, row }]),
        ])),
    ...(section.id === DIRECT_ID
      ? []
      : [{ id: boxItem(section.id), column: 'box' as const, top, rows: isFolded ? 1 : rows, row: linkRow }]),
  ]),
  { id: HOST_ITEM, column: 'host', top: host.top, rows: host.rows, row: host.top + 1 },
  ...ways.flatMap(({ way, row }): Item[] => [
    { id: wayItem(way.device), column: 'ways', top: row, rows: 1, row },
    ...(way.beyond === null ? [] : [beyondOf(way, row + wayParts(way, live).length)]),
  ]),
  ...lone.map(({ lone: each, row }): Item => ({ id: loneItem(each.owner), column: 'name', top: row, rows: 1, row })),
];

const beyondOf = (way: WayOut, row: number): Item => ({ id: beyondItem(way.device), column: 'ways', top: row, rows: 1, row });
