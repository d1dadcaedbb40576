/** The picker: which containers are shown, which one is selected, and what is opened from here. */

import { formatIp } from '../../base/ip-address.ts';
import type { HostState } from '../../session/state/host-state.ts';
import type { ContainerNode } from '../../topology/topology.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { PickScreen } from './screens.ts';
import { clampIndex, type Motion, moveIndex, scrollTo } from './scroll.ts';
import { textField } from './text-field.ts';
import { openTopology } from './topology.ts';
import { captureContainers } from './where.ts';

/** The title of the table, the line of the filter and that of a running capture stand above the rows. */
export const PICK_HEAD_ROWS = 2;

export interface PickRow {
  readonly container: ContainerNode;
  readonly network: string;
  readonly address: string;
  readonly interface: string;
  /** Packets per second of the newest seconds, oldest first; empty where nobody counts them. */
  readonly traffic: readonly number[];
}

/** Running containers first, otherwise in Docker's order. */
export const pickRows = (host: HostState, filter: string): PickRow[] => {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const { containers } = host.topology;
  const isRunning = (container: ContainerNode): boolean => container.state === 'running';
  const ordered = [...containers.filter(isRunning), ...containers.filter((container) => !isRunning(container))];
  const rows = ordered.map((container) => rowOf(container, host));
  if (words.length === 0) return rows;
  const found = rows.filter((row) => words.every((word) => searchText(row).includes(word)));
  // Whoever types a name means the container of that name before those that have to do with it.
  const named = (row: PickRow): boolean => row.container.name.toLowerCase().startsWith(words[0] ?? '');
  return [...found.filter(named), ...found.filter((row) => !named(row))];
};

const searchText = (row: PickRow): string => {
  const { name, state, image, composeProject } = row.container;
  return [name, state, image, composeProject ?? '', row.network, row.address, row.interface].join(' ').toLowerCase();
};

const rowOf = (container: ContainerNode, host: HostState): PickRow => {
  const first = container.endpoints[0];
  const more = container.endpoints.length - 1;
  const traffic = first?.host?.interface == null ? [] : (host.traffic?.get(first.host.interface) ?? []);
  switch (container.modeKind) {
    case 'container': {
      const other = container.sharesWith ?? '?';
      return { container, network: `container:${other}`, address: `(shares ${other})`, interface: '—', traffic };
    }
    case 'host':
      return { container, network: 'host', address: "host's own", interface: 'every host interface', traffic };
    case 'none':
      if (first === undefined) return { container, network: 'none', address: '—', interface: 'no network: nothing to capture', traffic };
      break;
    default:
  }
  const address = first?.ipv4 ?? first?.ipv6 ?? null;
  return {
    container,
    network: first === undefined ? container.mode : `${first.network ?? '—'}${more > 0 ? ` +${more}` : ''}`,
    address: address === null ? '—' : `${formatIp(address)}${more > 0 ? ' …' : ''}`,
    interface: interfaceWords(container),
    traffic,
  };
};

const interfaceWords = (container: ContainerNode): string => {
  const { endpoints } = container;
  if (endpoints.length > 1) return `${endpoints.length} interfaces`;
  const endpoint = endpoints[0];
  if (endpoint === undefined) return container.state === 'running' ? '—' : 'not running';
  const { host } = endpoint;
  if (host === null) return endpoint.unresolved ?? 'not resolved';
  const near = host.interface ?? host.parent ?? '?';
  if (host.kind === 'macvlan' || host.kind === 'ipvlan') return `${host.kind} on ${host.parent ?? '?'}`;
  if (host.kind === 'overlay') return `overlay ${host.namespace ?? ''}`.trim();
  return host.bridge === null ? near : `${near} ▸ ${shortBridge(host.bridge)}`;
};

/** Docker's own names of bridges are `br-` and the first twelve digits of the network's id: four tell them apart at a glance. */
export const shortBridge = (name: string): string => (/^br-[0-9a-f]{12}$/.test(name) ? name.slice(0, 7) : name);

export const selectedIndex = (rows: readonly PickRow[], screen: PickScreen): number =>
  Math.max(
    0,
    rows.findIndex((row) => row.container.id === screen.selected),
  );

const rowsNow = (screen: PickScreen, ui: Ui): PickRow[] => {
  const host = ui.workspace.getHost();
  return host === null ? [] : pickRows(host, screen.filter);
};

export const pickMove = (screen: PickScreen, motion: Motion, ui: Ui): void => {
  const rows = rowsNow(screen, ui);
  const height = ui.bodyRows() - PICK_HEAD_ROWS;
  const index = moveIndex(clampIndex(selectedIndex(rows, screen), rows.length), motion, rows.length, height);
  const row = rows[index];
  if (row === undefined) return;
  ui.replace({ ...screen, selected: row.container.id, top: scrollTo(screen.top, index, rows.length, height) });
};

export const pickHandlers: Handlers<'pick'> = {
  capture: (screen, ui) => {
    const rows = rowsNow(screen, ui);
    const marked = (ui.workspace.getHost()?.topology.containers ?? []).filter((container) => screen.marked.includes(container.id));
    const selected = rows[selectedIndex(rows, screen)]?.container;
    const chosen = marked.length > 0 ? marked : selected === undefined ? [] : [selected];
    captureContainers(chosen, ui);
  },
  mark: (screen, ui) => {
    const rows = rowsNow(screen, ui);
    const row = rows[selectedIndex(rows, screen)];
    if (row === undefined) return;
    const { id } = row.container;
    const marked = screen.marked.includes(id) ? screen.marked.filter((other) => other !== id) : [...screen.marked, id];
    ui.replace({ ...screen, marked, selected: id });
    pickMove({ ...screen, marked, selected: id }, 'down', ui);
  },
  filter: (screen, ui) => ui.ask({ purpose: 'pick-filter', label: '/' }, screen.filter),
  topology: (screen, ui) => {
    const rows = rowsNow(screen, ui);
    const container = rows[selectedIndex(rows, screen)]?.container.name;
    openTopology(container === undefined ? {} : { container }, ui);
  },
  explain: (screen, ui) => {
    const rows = rowsNow(screen, ui);
    const src = rows[selectedIndex(rows, screen)]?.container.name ?? '';
    ui.push({ kind: 'explain', fields: [textField(src), textField(''), textField('icmp')], focus: src === '' ? 0 : 1 });
  },
  open: (_screen, ui) => ui.ask({ purpose: 'open-file', label: 'open' }, 'captures/'),
  'back-to-capture': (_screen, ui) => {
    const { background } = ui.state;
    if (background === null) ui.notice('no capture runs in the background');
    else ui.watch(background.capture, background.label);
  },
};
