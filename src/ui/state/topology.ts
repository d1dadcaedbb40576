/** The picture of the host: what is selected, marked, folded and searched in it, and what is opened from there. */
import { HOST_ID } from '../../topology/graph/graph.ts';
import type { Plan, Section } from '../../topology/graph/plan.ts';
import { type About, isAbout } from '../picture/about.ts';
import { detailLines } from '../picture/details.ts';
import { boxItem, foldItem, type Layout, layOut, plugItem, wayItem } from '../picture/layout.ts';
import { INITIAL_SELECTION, type Selection, type Step, settle, walk } from '../picture/walk.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { Drawn } from './drawn.ts';
import type { TopologyScreen } from './screens.ts';
import type { Motion } from './scroll.ts';
import { textField } from './text-field.ts';
import { askWhere, captureContainers, noHostWords } from './where.ts';

/** The titles above the picture, and the lines below it that say what is selected. */
export const TOPOLOGY_HEAD_ROWS = 1;
export const TOPOLOGY_FOOT_ROWS = 3;

export const pictureRows = (bodyRows: number): number => Math.max(1, bodyRows - TOPOLOGY_HEAD_ROWS - TOPOLOGY_FOOT_ROWS);

/** A picture of more rows than this opens folded. */
const LARGE_ROWS = 150;

export interface PictureView extends Drawn {
  readonly layout: Layout;
  readonly folded: ReadonlySet<string>;
  readonly selection: Selection;
  /** The selected one. */
  readonly about: About | null;
}

const sectionsOf = (plan: Plan): readonly Section[] => [...plan.above, ...plan.inside, ...plan.below];

export const viewOf = (screen: TopologyScreen, drawn: Drawn, columns: number, height: number, live: boolean): PictureView => {
  const open = layOut(drawn.plan, { columns, folded: new Set(), live });
  const byDefault = open.rows > LARGE_ROWS ? sectionsOf(drawn.plan).map((section) => section.id) : [];
  const folded = new Set(screen.folded ?? byDefault);
  const layout = folded.size === 0 ? open : layOut(drawn.plan, { columns, folded, live });
  const { item, ...selection } = settle(layout, screen.selection, height);
  return { ...drawn, layout, folded, selection, about: drawn.abouts.find((about) => about.id === item?.id) ?? null };
};

const viewNow = (screen: TopologyScreen, ui: Ui): PictureView | null => {
  const host = ui.workspace.getHost();
  if (host === null) return null;
  return viewOf(screen, ui.drawn.of(host), ui.state.size.columns, pictureRows(ui.bodyRows()), host.traffic !== undefined);
};

/** Opens the picture with a container or an interface selected, where one is given and drawn: the interface rather than its container. */
export const openTopology = (wanted: { readonly container?: string; readonly point?: string }, ui: Ui): void => {
  const screen: TopologyScreen = { kind: 'topology', selection: INITIAL_SELECTION, marks: [], folded: null, search: '' };
  const view = viewNow(screen, ui);
  const home = view?.index.namespaces.find((node) => node.residents.some(({ name }) => name === wanted.container))?.id;
  const isOfContainer = (about: About): boolean => about.container === wanted.container || (about.namespace === home && home !== HOST_ID);
  const atPoint = wanted.point === undefined ? [] : (view?.abouts.filter((about) => about.point?.id === wanted.point) ?? []);
  const ofContainer = wanted.container === undefined ? undefined : view?.abouts.find(isOfContainer);
  const found = atPoint.find((about) => about.id.startsWith('cable:')) ?? atPoint[0] ?? ofContainer;
  ui.push(view === null || found === undefined ? screen : goTo(screen, view, found, ui));
};

/** Selects an item, and unfolds what hides it. */
const goTo = (screen: TopologyScreen, view: PictureView, about: About, ui: Ui): TopologyScreen => {
  const { section } = about;
  const isHidden = section !== null && view.folded.has(section.id) && !about.id.startsWith('box:') && !about.id.startsWith('fold:');
  const next = isHidden ? { ...screen, folded: [...view.folded].filter((id) => id !== section.id) } : screen;
  const seen = isHidden ? (viewNow(next, ui) ?? view) : view;
  const item = seen.layout.items.find((candidate) => candidate.id === about.id);
  if (item === undefined) return next;
  const height = pictureRows(ui.bodyRows());
  // A third of the window above it, so that it is seen with what belongs to it.
  const top =
    item.row < view.selection.top + 1 || item.row > view.selection.top + height - 3
      ? item.row - Math.floor(height / 3)
      : view.selection.top;
  return { ...next, selection: { id: item.id, row: item.row, column: item.column, top: Math.max(0, top) } };
};

const MOTIONS: Readonly<Record<Motion, Step>> = {
  up: 'up',
  down: 'down',
  'page-up': 'page-up',
  'page-down': 'page-down',
  first: 'first',
  last: 'last',
};

export const topologyMove = (screen: TopologyScreen, motion: Motion, ui: Ui): void => step(screen, MOTIONS[motion], ui);

const step = (screen: TopologyScreen, direction: Step, ui: Ui): void => {
  const view = viewNow(screen, ui);
  if (view === null) return;
  ui.replace({ ...screen, selection: walk(view.layout, view.selection, direction, pictureRows(ui.bodyRows())) });
};

/** The items that the search has found, in the order of the picture. */
export const foundIn = (screen: TopologyScreen, drawn: Drawn): readonly About[] => {
  const words = screen.search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return drawn.abouts.filter((about) => !about.id.startsWith('fold:') && isAbout(about, words));
};

export const topologySearch = (screen: TopologyScreen, text: string, ui: Ui): void => {
  const next = { ...screen, search: text };
  const view = viewNow(next, ui);
  const [first] = view === null ? [] : foundIn(next, view);
  ui.replace(view === null || first === undefined ? next : goTo(next, view, first, ui));
};

const searchOn = (screen: TopologyScreen, back: boolean, ui: Ui): void => {
  const view = viewNow(screen, ui);
  if (view === null) return;
  const found = foundIn(screen, view);
  if (found.length === 0) {
    ui.notice(screen.search === '' ? '/ searches for a name, an address, an interface' : `nothing here is called ${screen.search}`, 'warn');
    return;
  }
  const at = found.findIndex((about) => about.id === view.selection.id);
  const next = found[(at + (back ? found.length - 1 : 1) + (at < 0 && back ? 1 : 0)) % found.length];
  if (next !== undefined) ui.replace(goTo(screen, view, next, ui));
};

const withAbout = (screen: TopologyScreen, ui: Ui, action: (about: About, view: PictureView) => void): void => {
  const view = viewNow(screen, ui);
  if (view === null) ui.notice(noHostWords(ui), 'warn');
  else if (view.about !== null) action(view.about, view);
};

const toggle = (list: readonly string[], id: string): readonly string[] =>
  list.includes(id) ? list.filter((other) => other !== id) : [...list, id];

export const topologyHandlers: Handlers<'topology'> = {
  capture: (screen, ui) => withAbout(screen, ui, (about, view) => capture(about, view, screen, ui)),
  mark: (screen, ui) =>
    withAbout(screen, ui, (about) => {
      if (about.end === null) ui.notice(`${about.title}: no packet begins or ends there`, 'warn');
      else if (screen.marks.includes(about.id)) ui.replace({ ...screen, marks: toggle(screen.marks, about.id) });
      // The older of two makes way.
      else ui.replace({ ...screen, marks: [...screen.marks, about.id].slice(-2) });
    }),
  explain: (screen, ui) => withAbout(screen, ui, (about, view) => explain(about, view, screen, ui)),
  details: (screen, ui) =>
    withAbout(screen, ui, (about, view) => {
      const host = ui.workspace.getHost();
      if (host !== null) ui.push({ kind: 'text', title: about.title, lines: detailLines(about, view.index, host), top: 0 });
    }),
  search: (screen, ui) => ui.ask({ purpose: 'topology-search', label: '/' }, screen.search),
  'next-found': (screen, ui) => searchOn(screen, false, ui),
  'found-before': (screen, ui) => searchOn(screen, true, ui),
  fold: (screen, ui) =>
    withAbout(screen, ui, ({ section }, view) => {
      if (section === null) {
        ui.notice('a bridge, or what is plugged into one, can be folded', 'warn');
        return;
      }
      const folded = toggle([...view.folded], section.id);
      const next = { ...screen, folded };
      ui.replace({ ...next, selection: afterFolding(next, view, section, ui) });
    }),
  'fold-all': (screen, ui) => {
    const view = viewNow(screen, ui);
    if (view === null) return;
    const all = sectionsOf(view.plan).map((section) => section.id);
    const next = { ...screen, folded: view.folded.size > 0 ? [] : all };
    const section = view.about?.section ?? null;
    ui.replace(section === null ? next : { ...next, selection: afterFolding(next, view, section, ui) });
  },
  left: (screen, ui) => step(screen, 'left', ui),
  right: (screen, ui) => step(screen, 'right', ui),
};

/** What was plugged in is hidden now, or what stood for it is gone: the section's own first item takes the selection. */
const afterFolding = (screen: TopologyScreen, before: PictureView, section: Section, ui: Ui): Selection => {
  const view = viewNow(screen, ui);
  const { selection } = before;
  if (view === null || selection.column === 'box') return selection;
  const [plug] = section.plugs;
  const ids = [foldItem(section.id), ...(plug === undefined ? [boxItem(section.id)] : [plugItem(plug)])];
  const item = view.layout.items.find((candidate) => ids.includes(candidate.id));
  return item === undefined
    ? selection
    : { id: item.id, row: item.row, column: item.column, top: selection.top + item.row - selection.row };
};

const capture = (about: About, view: PictureView, screen: TopologyScreen, ui: Ui): void => {
  const host = ui.workspace.getHost();
  if (host === null) return;
  if (about.id === foldItem(about.section?.id ?? '')) {
    topologyHandlers.fold(screen, ui);
    return;
  }
  const container = host.topology.containers.find(({ name }) => name === about.container);
  if (container !== undefined) captureContainers([container], ui, about.id.startsWith('cable:') ? (about.point?.id ?? null) : null);
  else if (about.point === null) ui.notice(`${about.title}: there is no interface to capture at; choose one beside it`, 'warn');
  else {
    const ways = view.plan.ways.flatMap((way) => view.abouts.find(({ id }) => id === wayItem(way.device)) ?? []);
    const onwards = about.section?.out.kind === 'host' && about.id === boxItem(about.section.id) ? ways : [];
    const nodes = [about, ...onwards.filter(({ point }) => point !== null && point.id !== about.point?.id)];
    askWhere(
      about.title,
      [nodes.map((node, at) => ({ label: node.title, address: null, link: at === nodes.length - 1 ? null : 'route', point: node.point }))],
      about.point.id,
      ui,
    );
  }
};

/** From the first marked to the second, or to what is selected. */
const explain = (about: About, view: PictureView, screen: TopologyScreen, ui: Ui): void => {
  const marked = screen.marks.flatMap((id) => view.abouts.find((other) => other.id === id)?.end ?? []);
  const [src = '', dst = ''] = marked.length >= 2 ? marked : [...marked, ...(about.end === null ? [] : [about.end])];
  const focus = src === '' ? 0 : dst === '' ? 1 : 2;
  ui.push({ kind: 'explain', fields: [textField(src), textField(dst), textField('icmp')], focus });
};
