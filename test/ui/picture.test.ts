/** The picture of the host: golden drawings of recorded hosts, and what holds of any host's. `UPDATE_GOLDEN=1` writes the drawings anew. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../src/host/facts.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { buildTopology } from '../../src/topology/build.ts';
import type { Plan } from '../../src/topology/graph/plan.ts';
import { type Item, type Layout, layOut } from '../../src/ui/picture/layout.ts';
import type { Load } from '../../src/ui/picture/loads.ts';
import { type Look, paintPicture } from '../../src/ui/picture/paint.ts';
import { INITIAL_SELECTION, type Selection, type Step, settle, walk } from '../../src/ui/picture/walk.ts';
import { paintSpans } from '../../src/ui/spans.ts';
import { type Drawn, drawnOf } from '../../src/ui/state/drawn.ts';
import { displayWidth } from '../../src/ui/text.ts';
import { makeTheme } from '../../src/ui/theme.ts';
import { expectGolden } from '../report/golden.ts';
import { address, container, endpoint, hostFacts, link, loopback, namespace, network, route } from '../topology/facts.ts';

const drawn = (facts: HostFacts): Drawn => drawnOf({ facts, topology: buildTopology(facts) });

const recorded = (path: string): Drawn =>
  drawn(readFacts(parseSnapshot(readFileSync(new URL(`../fixtures/${path}.json`, import.meta.url), 'utf8'))));

const QUIET: Look = {
  selected: null,
  marks: [],
  loads: new Map(),
  captured: new Set(),
  found: new Set(),
  live: false,
  refusedByHost: 0,
};

const draw = (plan: Plan, layout: Layout, columns: number, look: Partial<Look> = {}, unicode = true): string[] => {
  const theme = makeTheme({ color: false, unicode });
  const lines = paintPicture(plan, layout, { ...QUIET, ...look }, { top: 0, rows: layout.rows, columns }, theme);
  return lines.map((line) => paintSpans(line, columns, theme));
};

describe('the picture of a recorded host', () => {
  for (const [name, path] of [
    ['scene', 'snapshots/scene-28.5'],
    ['overlay', 'topology/overlay-28.5'],
  ] as const) {
    for (const columns of [80, 100, 140]) {
      it(`${name} at ${columns} columns`, () => {
        const { plan } = recorded(path);
        expectGolden(`picture/${name}-${columns}.txt`, draw(plan, layOut(plan, { columns, folded: new Set(), live: false }), columns));
      });
    }
  }

  it('with what moves on the links, without moving anything else', () => {
    const { plan } = recorded('snapshots/scene-28.5');
    const layout = layOut(plan, { columns: 100, folded: new Set(), live: true });
    const [first, second] = plan.inside[1]?.plugs ?? [];
    const web = first?.cable?.device ?? '';
    const loads = new Map<string, Load>([
      [web, { packets: 12_345, refused: 3, lost: 0 }],
      [second?.cable?.device ?? '', { packets: 7, refused: 0, lost: 2 }],
      ['dev:eth0', { packets: 410, refused: 0, lost: 0 }],
    ]);
    const busy = draw(plan, layout, 100, { live: true, loads, captured: new Set([web]), refusedByHost: 3, selected: 'host' });
    expectGolden('picture/scene-100-busy.txt', busy);
    const quiet = draw(plan, layout, 100, { live: true, selected: 'host' });
    const places = (lines: readonly string[]): string[] =>
      lines.flatMap((line, row) =>
        [...line.matchAll(/[a-z][\w.-]*\d\w*|outside|[╭╮╰╯┤├]/g)].map((found) => `${row}:${found.index} ${found[0]}`),
      );
    const moved = places(busy).filter((place) => !places(quiet).includes(place));
    expect(moved).toEqual([]);
  });

  it('with a mark at the container whose own device is captured, beside that of its cable', () => {
    const { plan } = recorded('snapshots/scene-28.5');
    const layout = layOut(plan, { columns: 100, folded: new Set(), live: true });
    const plug = plan.inside[1]?.plugs[0];
    const captured = new Set([plug?.device ?? '', plug?.cable?.device ?? '']);
    const line = draw(plan, layout, 100, { captured }).find((each) => each.includes(plug?.cable?.label ?? '?')) ?? '';
    expect(line.match(/●/g)).toHaveLength(2);
    expect(line).toMatch(/^ {2}●\w+ +─●veth/);
  });

  it('folded, and in ASCII', () => {
    const { plan } = recorded('snapshots/scene-28.5');
    const folded = new Set(plan.inside.map((section) => section.id));
    const lines = draw(plan, layOut(plan, { columns: 80, folded, live: false }), 80, {}, false);
    expect(lines.join('')).toMatch(/^[ -~]*$/);
    expectGolden('picture/scene-80-folded-ascii.txt', lines);
  });
});

/** Hosts of every shape: names as hostile as a kernel or Docker could ever give them. */
const NAME = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[a-z][a-z0-9_.-]{0,30}$/) },
  fc.constantFrom('日本語の名前', '\u001b[31mred', 'a\u202eb', '👨‍👩‍👧‍👦', 'e\u0301\u0301', '\u0000', 'x'.repeat(200), '│├┤', '▸'),
);

interface Shape {
  readonly nets: readonly { readonly name: string; readonly internal: boolean; readonly members: readonly string[] }[];
  readonly children: readonly string[];
  readonly lone: readonly string[];
  readonly wires: number;
  readonly uplink: boolean;
}

const SHAPE: fc.Arbitrary<Shape> = fc.record({
  nets: fc.array(fc.record({ name: NAME, internal: fc.boolean(), members: fc.array(NAME, { maxLength: 5 }) }), { maxLength: 6 }),
  children: fc.array(NAME, { maxLength: 3 }),
  lone: fc.array(NAME, { maxLength: 3 }),
  wires: fc.integer({ min: 0, max: 3 }),
  uplink: fc.boolean(),
});

const hostOf = (shape: Shape): HostFacts => {
  const links = [loopback];
  const containers: ReturnType<typeof container>[] = [];
  const namespaces: ReturnType<typeof namespace>[] = [];
  let number = 100;
  let id = 5000;
  for (let wire = 0; wire < shape.wires; wire++) links.push(link(2 + wire, `eth${wire}`, null));
  const networks = shape.nets.map((net, at) => {
    const docker = network(net.name, { id: `${at}`.repeat(20), internal: net.internal });
    const bridge = docker.claimedBridge ?? '';
    links.push(link(number++, bridge, 'bridge'));
    net.members.forEach((name, member) => {
      const host = number++;
      const netns = String(id++);
      links.push(link(host, `veth${host}`, 'veth', { linkIndex: 9, linkNetnsid: id, master: bridge }));
      const own = `10.${at}.0.${member + 2}`;
      namespaces.push(
        namespace(
          netns,
          id,
          { links: [loopback, link(9, 'eth0', 'veth', { linkIndex: host, linkNetnsid: 0 })], addresses: [address('eth0', `${own}/24`)] },
          { owners: [`c${netns}`] },
        ),
      );
      containers.push(container(name, { id: `c${netns}`, mode: net.name, netns, endpoints: [endpoint(docker, own)] }));
    });
    return docker;
  });
  const mv = network('mv', { driver: 'macvlan', options: { parent: 'eth0' } });
  if (shape.wires > 0) {
    shape.children.forEach((name, child) => {
      const netns = String(id++);
      namespaces.push(
        namespace(netns, null, {
          links: [loopback, link(9, 'eth0', 'macvlan', { linkIndex: 2, linkNetnsid: 0, data: { mode: 'bridge' } })],
          addresses: [address('eth0', `192.0.2.${child + 2}/24`)],
        }),
      );
      containers.push(container(name, { id: `c${netns}`, mode: 'mv', netns, endpoints: [endpoint(mv, `192.0.2.${child + 2}`)] }));
    });
  }
  for (const name of shape.lone) containers.push(container(name, { id: `l${id++}`, state: 'exited', pid: null, mode: 'none' }));
  const routes = shape.uplink && shape.wires > 0 ? [route('default via 203.0.113.2 dev eth0')] : [];
  return hostFacts({ self: { links, routes }, networks: [...networks, mv], namespaces, containers });
};

const COLUMNS = fc.integer({ min: 80, max: 200 });
const RUNS = { numRuns: 60 };

describe('the picture of any host', () => {
  it('has every namespace and every device of the host in it', () => {
    fc.assert(
      fc.property(SHAPE, (shape) => {
        const { plan, index, abouts } = drawn(hostOf(shape));
        const told = new Set(abouts.flatMap((about) => [about.namespace, ...about.devices]));
        for (const node of index.namespaces) expect(told.has(node.id), node.label).toBe(true);
        for (const device of index.devices) expect(device.namespace !== 'host' || told.has(device.id), device.name).toBe(true);
        const layout = layOut(plan, { columns: 100, folded: new Set(), live: true });
        for (const item of layout.items)
          expect(
            abouts.some((about) => about.id === item.id),
            item.id,
          ).toBe(true);
      }),
      RUNS,
    );
  });

  it('lays nothing over anything else', () => {
    fc.assert(
      fc.property(SHAPE, COLUMNS, fc.boolean(), fc.boolean(), (shape, columns, live, fold) => {
        const { plan } = drawn(hostOf(shape));
        const folded = new Set(fold ? plan.inside.map((section) => section.id) : []);
        const { items, rows } = layOut(plan, { columns, folded, live });
        expect(new Set(items.map((item) => item.id)).size).toBe(items.length);
        for (const item of items) {
          expect(item.top >= 0 && item.top + item.rows <= rows, item.id).toBe(true);
          for (const other of items) {
            if (other === item || other.column !== item.column) continue;
            expect(other.top >= item.top + item.rows || item.top >= other.top + other.rows, `${item.id} over ${other.id}`).toBe(true);
          }
        }
      }),
      RUNS,
    );
  });

  it('keeps to its columns, points at exactly what is selected, and lets no name draw or command', () => {
    fc.assert(
      fc.property(SHAPE, COLUMNS, fc.boolean(), fc.nat(), (shape, columns, unicode, pick) => {
        const { plan } = drawn(hostOf(shape));
        const layout = layOut(plan, { columns, folded: new Set(), live: true });
        const selected = layout.items[pick % layout.items.length] as Item;
        const lines = draw(plan, layout, columns, { selected: selected.id, live: true }, unicode);
        for (const line of lines) {
          expect(displayWidth(line)).toBeLessThanOrEqual(columns);
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
          if (!unicode) expect(line).toMatch(/^[ -~]*$/);
        }
        if (unicode) {
          const before = draw(plan, layout, columns, { live: true }).join('').split('▸').length;
          expect(lines.join('').split('▸').length).toBe(before + 1);
        }
      }),
      RUNS,
    );
  });
});

const STEPS: readonly Step[] = ['up', 'down', 'left', 'right'];

describe('moving over the picture', () => {
  const reach = (layout: Layout, height: number): Set<string> => {
    const seen = new Map<string, Selection>();
    const open: Selection[] = [settle(layout, INITIAL_SELECTION, height)];
    while (open.length > 0) {
      const here = open.pop() as Selection;
      const key = `${here.id} ${here.row}`;
      if (seen.has(key)) continue;
      seen.set(key, here);
      for (const step of STEPS) open.push(walk(layout, here, step, height));
    }
    return new Set([...seen.values()].flatMap((selection) => selection.id ?? []));
  };

  it('leads everywhere with the four arrows, and keeps what is selected in sight', () => {
    for (const path of ['snapshots/scene-28.5', 'topology/overlay-28.5']) {
      const { plan } = recorded(path);
      for (const folded of [new Set<string>(), new Set(plan.inside.map((section) => section.id))]) {
        const layout = layOut(plan, { columns: 80, folded, live: true });
        expect([...reach(layout, 16)].sort()).toEqual(layout.items.map((item) => item.id).sort());
      }
    }
    fc.assert(
      fc.property(
        SHAPE,
        fc.array(fc.constantFrom<Step>(...STEPS, 'page-up', 'page-down', 'first', 'last'), { maxLength: 40 }),
        (shape, steps) => {
          const layout = layOut(drawn(hostOf(shape)).plan, { columns: 80, folded: new Set(), live: true });
          let here: Selection = INITIAL_SELECTION;
          for (const step of steps) {
            here = walk(layout, here, step, 12);
            expect(here.row >= here.top && here.row < here.top + 12).toBe(true);
            expect(layout.items.some((item) => item.id === here.id)).toBe(true);
          }
        },
      ),
      RUNS,
    );
  });

  it('comes back by the same row from what is tall', () => {
    const { plan } = recorded('snapshots/scene-28.5');
    const layout = layOut(plan, { columns: 100, folded: new Set(), live: false });
    const web = layout.items.filter((item) => item.column === 'cable').at(-2) as Item;
    const start: Selection = { id: web.id, row: web.row, column: 'cable', top: 0 };
    const there = walk(layout, walk(layout, start, 'right', 20), 'right', 20);
    expect(there.id).toBe('host');
    expect(walk(layout, walk(layout, there, 'left', 20), 'left', 20).id).toBe(web.id);
  });
});
