/** From a container to a capture: the places on its way out, and the start of the capture at one of them. */
import type { HostState } from '../../session/state/host-state.ts';
import { resolveTarget } from '../../topology/target.ts';
import type { CapturePoint, ContainerNode, PathNode } from '../../topology/topology.ts';
import { wayOut } from '../../topology/way-out.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { WherePlace, WhereScreen } from './screens.ts';

/** Goes straight to the capture where there is one place only, or several containers; else asks where, with `preferred` chosen. */
export const captureContainers = (containers: readonly ContainerNode[], ui: Ui, preferred: string | null = null): void => {
  const host = ui.workspace.getHost();
  const [only] = containers;
  if (host === null || only === undefined) {
    ui.notice(host === null ? noHostWords(ui) : 'there is no container to capture', 'warn');
    return;
  }
  if (containers.length === 1) {
    const lines = linesOf(only, host);
    if (placesOf(lines).length > 1) {
      askWhere(only.name, lines, preferred, ui);
      return;
    }
  }
  const points: CapturePoint[] = [];
  const reasons: string[] = [];
  for (const container of containers) {
    const found = nearestPoints(container, host);
    for (const point of found) if (!points.some((other) => other.id === point.id)) points.push(point);
    if (found.length === 0) reasons.push(whyNothing(container));
  }
  if (points.length === 0) ui.notice(reasons.join(' · '), 'warn');
  else {
    const label = containers.map((container) => container.name).join(', ');
    const whole = containers.map((container) => container.id);
    openPoints(ui, points, label, ui.options.filter, null, reasons, whole);
  }
};

/** Asks where on some lines outwards, with the place called `preferred` chosen, or else the first on the host. */
export const askWhere = (name: string, lines: readonly (readonly PathNode[])[], preferred: string | null, ui: Ui): void => {
  const places = placesOf(lines);
  const wanted = places.findIndex(({ point }) => point.id === preferred);
  const usual = places.findIndex(({ point }) => isOnHost(point));
  ui.push({
    kind: 'where',
    container: name,
    lines,
    places,
    chosen: Math.max(0, wanted >= 0 ? wanted : usual),
    marked: [],
    to: null,
    filter: ui.options.filter,
    file: ui.workspace.suggestFileName(name),
    saving: false,
  });
};

const whyNothing = (container: ContainerNode): string => {
  const unresolved = container.endpoints.map((endpoint) => endpoint.unresolved).find((reason) => reason !== null);
  const state = container.state === 'running' ? null : `it is ${container.state}`;
  return `${container.name}: ${container.remark ?? unresolved ?? state ?? 'no interface was found'}`;
};

/** Why no host is shown. */
export const noHostWords = (ui: Ui): string =>
  ui.options.file == null ? 'this host is being read: containers, interfaces, rules …' : 'only a saved session is open here, no host';

/** The host's side of a veth shows the same packets as the container's, and takes no entering of its namespace. */
const isOnHost = (point: CapturePoint): boolean => point.kind !== 'container' && point.kind !== 'loopback';

/** One line outwards for each endpoint, or for those of the container whose network this one shares. */
const linesOf = (container: ContainerNode, host: HostState): PathNode[][] => {
  const count = Math.max(1, ownerOf(container, host).endpoints.length);
  const lines = Array.from({ length: count }, (_, index) => wayOut(host.topology, host.facts, container, index));
  return lines.filter((line) => line.length > 0);
};

const ownerOf = (container: ContainerNode, host: HostState): ContainerNode =>
  container.endpoints.length > 0 || container.sharesWith === null
    ? container
    : (host.topology.containers.find((other) => other.name === container.sharesWith) ?? container);

const placesOf = (lines: readonly (readonly PathNode[])[]): WherePlace[] => {
  const places: WherePlace[] = [];
  lines.forEach((nodes, line) => {
    nodes.forEach(({ point }, node) => {
      if (point !== null && !places.some((place) => place.point.id === point.id)) places.push({ point, line, node });
    });
  });
  return places;
};

/** The places that see all of the container: the first of each of its lines, or what its name resolves to. */
const nearestPoints = (container: ContainerNode, host: HostState): CapturePoint[] => {
  const first = linesOf(container, host).flatMap((line) => {
    const points = line.flatMap((node) => node.point ?? []);
    return points.find(isOnHost) ?? points[0] ?? [];
  });
  if (first.length > 0) return first;
  if (container.modeKind === 'none' || container.state !== 'running') return [];
  return resolveTarget(host.topology, container.name);
};

/** Captures at what the command line named: a container, container:network, an interface, bridge:NAME. */
export const captureTarget = (target: string, ui: Ui): void => {
  const host = ui.workspace.getHost();
  if (host === null) return;
  const container = host.topology.containers.find((node) => node.name === target || node.id === target);
  const points = container === undefined ? resolveTarget(host.topology, target) : nearestPoints(container, host);
  if (points.length > 0) openPoints(ui, points, target, ui.options.filter, null, [], container === undefined ? [] : [container.id]);
  else ui.notice(container === undefined ? `${target}: nothing to capture there` : whyNothing(container), 'warn');
};

export const openPoints = (
  ui: Ui,
  points: readonly CapturePoint[],
  label: string,
  filter: string,
  saveTo: string | null,
  reasons: readonly string[],
  /** Ids of containers that are meant as a whole. */
  whole: readonly string[] = [],
  /** The points lie along one way. */
  forTrail = false,
): void =>
  ui.run(
    `starting to capture ${label}`,
    () => ui.workspace.openCapture(points, { filter, engine: ui.options.engine, saveTo, whole, ...(forTrail ? { forTrail } : {}) }),
    (capture) => {
      ui.watch(capture, label);
      if (reasons.length > 0) ui.notice(reasons.join(' · '), 'warn');
    },
    (capture) => void capture.stop(),
  );

const choose = (screen: WhereScreen, step: number, ui: Ui): void => {
  const chosen = Math.max(0, Math.min(screen.places.length - 1, screen.chosen + step));
  ui.replace({ ...screen, chosen });
};

export const whereHandlers: Handlers<'where'> = {
  start: (screen, ui) => {
    const place = screen.places[screen.chosen];
    if (place === undefined) return;
    const saveTo = screen.saving ? screen.file : null;
    const marked = screen.places.filter(({ point }) => screen.marked.includes(point.id)).map(({ point }) => point);
    if (marked.length > 0) {
      const label = screen.to === null ? screen.container : `${screen.container} → ${screen.to}`;
      openPoints(ui, marked, label, screen.filter, saveTo, [], [], marked.length > 1);
      return;
    }
    openPoints(ui, [place.point], whereLabel(screen, place), screen.filter, saveTo, [], wholeOf(screen, place, ui));
  },
  'further-out': (screen, ui) => choose(screen, 1, ui),
  closer: (screen, ui) => choose(screen, -1, ui),
  mark: (screen, ui) => {
    const id = screen.places[screen.chosen]?.point.id;
    if (id === undefined) return;
    const marked = screen.marked.includes(id) ? screen.marked.filter((other) => other !== id) : [...screen.marked, id];
    const chosen = Math.min(screen.places.length - 1, screen.chosen + 1);
    ui.replace({ ...screen, marked, chosen });
  },
  'mark-all': (screen, ui) => {
    const isAll = screen.places.every(({ point }) => screen.marked.includes(point.id));
    ui.replace({ ...screen, marked: isAll ? [] : screen.places.map(({ point }) => point.id) });
  },
  to: (screen, ui) => ui.ask({ purpose: 'where-to', label: `all along the way from ${screen.container} to` }, screen.to ?? ''),
  'edit-filter': (screen, ui) => ui.ask({ purpose: 'where-filter', label: 'filter' }, screen.filter),
  'toggle-saving': (screen, ui) => ui.replace({ ...screen, saving: !screen.saving }),
  'edit-file': (screen, ui) => ui.ask({ purpose: 'where-file', label: 'save to' }, screen.file),
};

/** Adds the places along the way to `to`, and marks them and no others. */
export const markAlong = (screen: WhereScreen, to: string, ui: Ui): void => {
  const { points, missing } = ui.workspace.pointsBetween(screen.container, to);
  const added = points.filter((point) => !screen.places.some((place) => place.point.id === point.id));
  const places = [
    ...screen.places.map((place) => ({ ...place, point: points.find(({ id }) => id === place.point.id) ?? place.point })),
    ...added.map((point): WherePlace => ({ point, line: NO_LINE, node: NO_LINE })),
  ];
  ui.replace({ ...screen, places, to, marked: points.map(({ id }) => id) });
  if (missing.length > 0) ui.notice(`nothing can be captured from here at ${missing.join(', ')}`, 'warn');
};

/** Of places that stand on no line from the container outwards. */
const NO_LINE = -1;

/** A place that sees all there is of a container stands for the container, with the networks that it joins later. */
const wholeOf = (screen: WhereScreen, { point }: WherePlace, ui: Ui): string[] => {
  const container = ui.workspace.getHost()?.topology.containers.find((node) => node.name === screen.container);
  const seesAll = screen.lines.length === 1 && point.container === screen.container && point.kind !== 'loopback';
  return container !== undefined && seesAll ? [container.id] : [];
};

/** `web1` where the place sees just that container, else the place. */
const whereLabel = (screen: WhereScreen, place: WherePlace): string =>
  place.point.container === screen.container || place.point.kind === 'veth' || place.point.kind === 'container'
    ? screen.container
    : place.point.interface;

export const addressWords = (node: PathNode): string => (node.address === null ? '' : ` ${node.address}`);
