/** Draws a laid-out plan: boxes, the lines between them, and what moves on them. Nothing here decides where anything stands. */

import type { Plan, Plug, Section } from '../../topology/graph/plan.ts';
import type { Spans } from '../spans.ts';
import { displayWidth } from '../text.ts';
import type { Theme, Tone } from '../theme.ts';
import { Canvas } from './canvas.ts';
import {
  beyondItem,
  boxItem,
  type Column,
  cableItem,
  foldItem,
  HOST_ITEM,
  isCounted,
  type Layout,
  loneItem,
  type PlacedPlug,
  type PlacedSection,
  type PlacedWay,
  plugItem,
  wayItem,
  wayParts,
} from './layout.ts';
import { LEAST, type Load, type Loads, loadSpans, NO_LOAD, sumOf } from './loads.ts';

export interface Look {
  readonly selected: string | null;
  /** Items that were marked, in their order: A, then B. */
  readonly marks: readonly string[];
  readonly loads: Loads;
  /** Device ids where packets are captured now. */
  readonly captured: ReadonlySet<string>;
  /** Items that a search has found. */
  readonly found: ReadonlySet<string>;
  readonly live: boolean;
  /** Packets a second that the host's rules drop, of those captured. */
  readonly refusedByHost: number;
}

export const paintPicture = (
  plan: Plan,
  layout: Layout,
  look: Look,
  window: { readonly top: number; readonly rows: number; readonly columns: number },
  theme: Theme,
): Spans[] => {
  const { symbols } = theme;
  const canvas = new Canvas(window.columns, window.top, window.rows, theme.clean, symbols.ellipsis);
  const painter = new Painter(canvas, plan, layout, look, theme);
  painter.host();
  const isSeen = (top: number, rows: number): boolean => top < window.top + window.rows && top + rows > window.top;
  for (const section of layout.sections) if (isSeen(section.top, section.rows)) painter.section(section);
  for (const way of layout.ways) painter.way(way);
  painter.lone();
  return canvas.lines();
};

class Painter {
  readonly #canvas: Canvas;
  readonly #plan: Plan;
  readonly #layout: Layout;
  readonly #look: Look;
  readonly #theme: Theme;

  constructor(canvas: Canvas, plan: Plan, layout: Layout, look: Look, theme: Theme) {
    this.#canvas = canvas;
    this.#plan = plan;
    this.#layout = layout;
    this.#look = look;
    this.#theme = theme;
  }

  host(): void {
    const { top, rows } = this.#layout.host;
    const { host } = this.#layout.geometry;
    const chosen = this.#look.selected === HOST_ITEM;
    const inner = host.width - 2;
    this.#box(host, top, rows, 'host', chosen, this.#toneOf(HOST_ITEM, 'strong'), true);
    this.#letter(HOST_ITEM, host.x, top);
    this.#canvas.put(host.x + 1, top + 1, this.#plan.hostName, 'dim', inner);
    if (this.#look.refusedByHost >= LEAST) {
      const [first] = loadSpans({ ...NO_LOAD, refused: this.#look.refusedByHost }, this.#theme);
      if (first !== undefined) this.#canvas.put(host.x + 1, top + 2, first[0], first[1], inner);
    }
  }

  section(placed: PlacedSection): void {
    const { section, top, rows, isFolded } = placed;
    const { box } = this.#layout.geometry;
    if (isFolded) this.#folded(placed);
    else {
      for (const plug of placed.plugs) this.#plug(plug, section);
      if (section.box !== null) {
        const chosen = this.#look.selected === boxItem(section.id);
        const height = this.#boxRows(placed);
        const tone = this.#toneOf(boxItem(section.id), section.box.up ? 'plain' : 'bad');
        this.#box(box, top, height, section.box.title, chosen, tone, false);
        this.#letter(boxItem(section.id), box.x, top);
        if (this.#look.captured.has(section.id)) this.#canvas.at(box.x + box.width - 2, top, this.#theme.symbols.recording, 'bad');
        for (const [at, line] of section.box.lines.entries()) {
          this.#canvas.put(box.x + 2, top + 1 + at, line, at === 0 ? 'plain' : 'dim', box.width - 4);
        }
        if (this.#look.live && isCounted(section))
          this.#loadAt(box.x + 2, top + 1 + section.box.lines.length, box.width - 4, this.#loadOf(section.id));
        for (const { plug, row } of placed.plugs) if (plug.cable !== null) this.#canvas.at(box.x, row, '┤', tone);
        if (placed.plugs.length === 0) this.#canvas.put(this.#layout.geometry.name.x, top + 1, 'nothing is plugged in', 'dim', 30);
      }
    }
    this.#out(placed, rows);
  }

  way({ way, row, hostRow, bus }: PlacedWay): void {
    const { geometry } = this.#layout;
    const { host, ways } = geometry;
    const item = wayItem(way.device);
    const chosen = this.#look.selected === item;
    const busX = ways.x + 1 + bus;
    const textX = ways.x + Math.max(1, this.#layout.ways.filter((other) => other.hostRow !== null).length + 1) + 2;
    const room = ways.x + ways.width - textX;
    const line: Tone = 'dim';
    const right = host.x + host.width - 1;
    if (hostRow === null) {
      this.#canvas.at(right, row, '├', 'plain');
      this.#canvas.across(right + 1, row, textX - right - 2, '─', line);
    } else {
      this.#canvas.across(busX, row, textX - busX - 1, '─', line);
      this.#canvas.at(busX, row, '┬', line);
      this.#canvas.down(busX, row + 1, hostRow - row - 1, '│', line);
      this.#canvas.at(right, hostRow, '├', 'plain');
      this.#canvas.across(right + 1, hostRow, busX - right - 1, '─', line);
      this.#canvas.at(busX, hostRow, '╯', line);
    }
    if (chosen) this.#canvas.at(textX - 1, row, this.#theme.symbols.pointer, 'title');
    else if (this.#look.captured.has(way.device)) this.#canvas.at(textX - 1, row, this.#theme.symbols.recording, 'bad');
    else this.#canvas.at(textX - 1, row, ' ', 'plain');
    this.#letter(item, textX - 1, row + 1);
    this.#canvas.put(textX, row, way.name, this.#toneOf(item, 'strong'), room);
    wayParts(way, this.#look.live).forEach((part, at) => {
      const y = row + 1 + at;
      if (part === 'address') this.#canvas.put(textX, y, way.address ?? '', 'dim', room);
      if (part === 'note') this.#canvas.put(textX, y, way.note ?? '', 'dim', room);
      // Where nothing moves, the line goes on down to what lies beyond.
      if (part === 'rate' && this.#loadAt(textX, y, room, this.#loadOf(way.device)) === 0 && way.beyond !== null)
        this.#canvas.at(textX, y, '│', 'dim');
      if (part === 'beyond') this.#beyond(way.device, way.beyond ?? '', textX, y, room);
    });
  }

  lone(): void {
    const { lone, loneTitle, geometry } = this.#layout;
    if (loneTitle === null) return;
    const width = geometry.ways.x + geometry.ways.width - 2;
    const words = ' not connected ';
    this.#canvas.put(1, loneTitle, `──${words}${'─'.repeat(Math.max(0, width - words.length - 3))}`, 'dim', width);
    for (const { lone: each, row } of lone) {
      const item = loneItem(each.owner);
      this.#pointer(item, row);
      this.#canvas.put(geometry.name.x, row, each.name, this.#toneOf(item, 'plain'), geometry.name.width - 1);
      this.#canvas.put(geometry.cable.x, row, each.why, 'dim', width - geometry.cable.x);
      for (const [at, note] of each.notes.entries())
        this.#canvas.put(geometry.name.x + 2, row + 1 + at, note, 'dim', width - geometry.name.x - 2);
    }
  }

  #beyond(device: string, words: string, x: number, y: number, room: number): void {
    const item = beyondItem(device);
    const chosen = this.#look.selected === item;
    this.#canvas.at(x, y, '╰', 'dim');
    this.#canvas.at(x + 1, y, chosen ? this.#theme.symbols.pointer : '─', chosen ? 'title' : 'dim');
    this.#letter(item, x - 1, y);
    this.#canvas.put(x + 3, y, words, this.#toneOf(item, 'plain'), room - 3);
  }

  #plug({ plug, row }: PlacedPlug, section: Section): void {
    const { name, twoRows } = this.#layout.geometry;
    const item = plugItem(plug);
    this.#pointer(item, row);
    const tone = this.#toneOf(item, plug.kind === 'container' ? 'strong' : plug.kind === 'unknown' ? 'dim' : 'plain');
    const where = [plug.interface, plug.address].filter((part) => part !== null).join(' ');
    const title = plug.kind === 'bridge' ? `bridge ${plug.name}` : plug.name;
    if (plug.device !== null && plug.cable?.device !== plug.device && this.#look.captured.has(plug.device))
      this.#canvas.at(name.x - 1, row, this.#theme.symbols.recording, 'bad');
    let next = row + 1;
    if (twoRows) {
      this.#canvas.put(name.x, row, title, tone, name.width - 1);
      if (where !== '' || plug.cable !== null) {
        const short = displayWidth(this.#theme.clean(where)) > name.width - 1 ? (plug.address ?? where) : where;
        this.#canvas.put(name.x + 2, next, short, 'dim', name.width - 1);
        next++;
      }
    } else {
      const width = displayWidth(this.#theme.clean(where));
      const room = name.width - 1 - (where === '' ? 0 : width + 1);
      this.#canvas.put(name.x, row, title, tone, Math.max(8, room));
      this.#canvas.put(name.x + name.width - 1 - width, row, where, 'dim', width);
    }
    for (const note of plug.notes) this.#canvas.put(name.x + 2, next++, note, 'dim', name.width - 3);
    if (plug.cable !== null || section.box === null) this.#cable(plug, row, section);
  }

  #cable(plug: Plug, row: number, section: Section): void {
    const { cable, box, host, twoRows } = this.#layout.geometry;
    const end = section.box === null ? host.x : box.x;
    const made = plug.cable;
    const item = made === null ? null : cableItem(made.device);
    const isDown = made?.remark?.includes('down') === true;
    const load = made === null ? NO_LOAD : this.#loadOf(made.device);
    const tone: Tone = isDown ? 'bad' : 'dim';
    this.#canvas.across(cable.x, row, end - cable.x, isDown ? '┄' : '─', tone);
    if (section.box === null) this.#canvas.at(end, row, '┤', 'plain');
    if (made === null && plug.kind === 'container')
      this.#canvas.put(cable.x + 1, row, " in the host's own namespace ", 'dim', end - cable.x - 2);
    if (made === null || item === null) return;
    const chosen = this.#look.selected === item;
    const x = cable.x + 2;
    if (chosen) this.#canvas.at(x - 1, row, this.#theme.symbols.pointer, 'title');
    else if (this.#look.captured.has(made.device)) this.#canvas.at(x - 1, row, this.#theme.symbols.recording, 'bad');
    else this.#canvas.at(x - 1, row, ' ', 'plain');
    const used = this.#canvas.put(x, row, made.label, this.#toneOf(item, 'accent'), cable.width - 4);
    this.#canvas.at(x + used, row, ' ', 'plain');
    if (chosen && this.#look.captured.has(made.device)) this.#canvas.at(x - 2, row, this.#theme.symbols.recording, 'bad');
    this.#letter(item, x - 2, row);
    if (twoRows) this.#loadAt(x, row + 1, cable.width - 3, load, made.remark);
    else {
      const from = x + used + 3;
      const taken = this.#loadAt(from, row, end - from - 2, load, made.remark);
      if (taken > 0) {
        this.#canvas.at(from - 1, row, ' ', 'plain');
        this.#canvas.at(from + taken, row, ' ', 'plain');
      }
    }
  }

  #folded({ section, top }: PlacedSection): void {
    const { name, cable, box } = this.#layout.geometry;
    const item = foldItem(section.id);
    const count = section.plugs.length;
    this.#pointer(item, top);
    this.#canvas.put(name.x, top, `[+] ${count} plugged in`, this.#toneOf(item, 'dim'), name.width - 1);
    this.#canvas.across(cable.x, top, box.x - cable.x, '═', 'dim');
    const load = sumOf(section.plugs.map((plug) => (plug.cable === null ? NO_LOAD : this.#loadOf(plug.cable.device))));
    const taken = this.#loadAt(cable.x + 3, top, cable.width - 5, load);
    if (taken > 0) {
      this.#canvas.at(cable.x + 2, top, ' ', 'plain');
      this.#canvas.at(cable.x + 3 + taken, top, ' ', 'plain');
    }
    if (section.box === null) return;
    const chosen = this.#look.selected === boxItem(section.id);
    this.#canvas.at(box.x, top, '┤', 'plain');
    if (chosen) this.#canvas.at(box.x + 1, top, this.#theme.symbols.pointer, 'title');
    this.#canvas.put(box.x + 2, top, section.box.title, this.#toneOf(boxItem(section.id), 'plain'), box.width - 4);
    this.#canvas.at(box.x + box.width - 1, top, '├', 'plain');
    this.#letter(boxItem(section.id), box.x + 1, top);
  }

  /** The line from a section's box to the host's stack, or past it. */
  #out({ section, linkRow, isFolded }: PlacedSection, _rows: number): void {
    const { box, link, host, ways } = this.#layout.geometry;
    const right = box.x + box.width - 1;
    if (section.box === null) {
      if (isFolded) {
        this.#canvas.across(box.x, linkRow, host.x - box.x, '═', 'dim');
        this.#canvas.at(host.x, linkRow, '┤', 'plain');
      }
      return;
    }
    switch (section.out.kind) {
      case 'host':
        this.#canvas.at(right, linkRow, '├', 'plain');
        this.#canvas.across(link.x, linkRow, link.width, section.out.tunnel ? '═' : '─', 'dim');
        this.#canvas.at(host.x, linkRow, '┤', 'plain');
        return;
      case 'way': {
        const { device } = section.out;
        const way = this.#layout.ways.find((placed) => placed.way.device === device);
        if (way === undefined) return;
        const end = ways.x + 1 + way.bus;
        this.#canvas.at(right, linkRow, '├', 'plain');
        this.#canvas.across(link.x, linkRow, end - link.x, '─', 'dim');
        if (linkRow !== way.row) this.#canvas.at(end, linkRow, '┤', 'dim');
        return;
      }
      case 'none':
        this.#canvas.put(link.x + 1, linkRow, section.out.why, 'dim', ways.x + ways.width - link.x - 1);
        return;
    }
  }

  #boxRows({ section, rows, plugs }: PlacedSection): number {
    const { geometry } = this.#layout;
    const lines = (section.box?.lines.length ?? 0) + (this.#look.live && isCounted(section) ? 1 : 0);
    const top = plugs[0]?.row ?? 0;
    const last = plugs.at(-1);
    const plugged = last === undefined ? 0 : last.row - top + (geometry.twoRows ? 2 : 1) + last.plug.notes.length;
    return Math.min(rows, Math.max(lines, plugged, 1) + 2);
  }

  #box(column: Column, top: number, rows: number, title: string, chosen: boolean, tone: Tone, plain: boolean): void {
    const { x, width } = column;
    const right = x + width - 1;
    const edge: Tone = chosen ? 'title' : plain ? 'plain' : tone === 'bad' ? 'bad' : 'plain';
    this.#canvas.across(x, top, width, '─', edge);
    this.#canvas.across(x, top + rows - 1, width, '─', edge);
    this.#canvas.down(x, top, rows, '│', edge);
    this.#canvas.down(right, top, rows, '│', edge);
    this.#canvas.at(x, top, '╭', edge);
    this.#canvas.at(right, top, '╮', edge);
    this.#canvas.at(x, top + rows - 1, '╰', edge);
    this.#canvas.at(right, top + rows - 1, '╯', edge);
    // A narrow box has its title from side to side, and the pointer in its corner.
    const isWide = width >= 10;
    if (chosen) this.#canvas.at(isWide ? x + 1 : x, top, this.#theme.symbols.pointer, 'title');
    else if (isWide) this.#canvas.at(x + 1, top, ' ', 'plain');
    const titleTone = chosen ? 'title' : tone === 'plain' ? 'strong' : tone;
    const used = this.#canvas.put(isWide ? x + 2 : x + 1, top, title, titleTone, width - (isWide ? 4 : 2));
    if (isWide) this.#canvas.at(x + 2 + used, top, ' ', 'plain');
  }

  #loadAt(x: number, y: number, room: number, load: Load, remark: string | null = null): number {
    let used = 0;
    const spans = [...loadSpans(load, this.#theme), ...(remark === null ? [] : [[remark, 'warn'] as const])];
    for (const [text, tone] of spans) {
      const gap = used === 0 ? 0 : 1;
      if (used + gap + displayWidth(this.#theme.clean(text)) > room) continue;
      if (gap === 1) this.#canvas.at(x + used, y, ' ', 'plain');
      used += gap + this.#canvas.put(x + used + gap, y, text, tone, room - used - gap);
    }
    return used;
  }

  #loadOf(device: string): Load {
    return this.#look.loads.get(device) ?? NO_LOAD;
  }

  #pointer(item: string, row: number): void {
    if (this.#look.selected === item) this.#canvas.at(0, row, this.#theme.symbols.pointer, 'title');
    this.#letter(item, 1, row);
  }

  /** The letter of a marked one. */
  #letter(item: string, x: number, y: number): void {
    const at = this.#look.marks.indexOf(item);
    if (at >= 0) this.#canvas.at(x, y, at === 0 ? 'A' : 'B', 'accent');
  }

  #toneOf(item: string, usual: Tone): Tone {
    if (this.#look.selected === item) return 'title';
    return this.#look.found.has(item) ? 'warn' : usual;
  }
}
