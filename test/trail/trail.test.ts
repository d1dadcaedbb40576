/** A trail beside its prediction: what agrees, what disagrees, and what is left open, in words and as places. */
import { describe, expect, it } from 'vitest';
import { parseIp } from '../../src/base/ip-address.ts';
import { FlowTable } from '../../src/flow/table.ts';
import type { Verdict, WayPoint } from '../../src/path/verdict.ts';
import { type Stage, TrailBook } from '../../src/trail/book.ts';
import { type Place, placesOf } from '../../src/trail/places.ts';
import { type PointSight, type Trail, trailOf } from '../../src/trail/trail.ts';
import { trailSentence } from '../../src/trail/words.ts';
import { echo } from '../flow/packets.ts';
import { scene } from '../path/scene.ts';

const NAMES = ['eth0 in a', 'cable of a', 'bridge 1', 'bridge 2', 'cable of b', 'eth0 in b'];

/** `ends`: how many places the prediction lets the packet come to. */
const places = (ends: number): Place[] =>
  NAMES.map((words, index) => ({
    id: words,
    netns: null,
    device: words,
    words,
    isExpected: index < ends,
    between: index === 3 ? 'routing and FORWARD' : '',
  }));

interface Case {
  readonly outcome: Verdict['outcome'] | null;
  readonly ends: number;
  /** Indexes of the places at which the packet was seen. */
  readonly seen: readonly number[];
  readonly points?: readonly PointSight[];
  readonly nowNs?: number;
}

const sure: readonly PointSight[] = NAMES.map((id) => ({ id, sinceNs: Number.NEGATIVE_INFINITY, unsure: null }));

const judged = ({
  outcome,
  ends,
  seen,
  points = sure,
  nowNs = Number.POSITIVE_INFINITY,
}: Case): Trail & { readonly words: string | null } => {
  const table = new FlowTable();
  const book = new TrailBook({ rank: (point) => point, mayTranslate: () => false });
  const stages = seen.map((point): Stage => {
    const packet = echo(`0.00001${point}`, 'request', '172.18.0.2', '172.19.0.2', 9, 1, {
      ttl: point < 3 ? 64 : 63,
      ipId: 5,
      interfaceId: point,
    });
    const stage = book.open(table.observe(packet));
    book.saw(stage, packet, 0, book.timeOf(packet.timeSec, packet.timeNsec));
    return stage;
  });
  book.recogniser.finish();
  const set = (stages[0] as Stage).set;
  expect(set.stages).toHaveLength(seen.length);
  const trail = trailOf({
    set,
    book,
    direction: 0,
    places: places(ends),
    points,
    outcome,
    sinceNs: Number.NEGATIVE_INFINITY,
    nowNs,
  });
  return { ...trail, words: trailSentence(trail, outcome === null ? null : { outcome, decision: 'filter DOCKER-USER #1' }) };
};

const without = (index: number, change: Partial<PointSight> | null): PointSight[] =>
  sure.flatMap((point, at) => (at !== index ? [point] : change === null ? [] : [{ ...point, ...change }]));

describe('a trail', () => {
  it('agrees where it ends where the prediction does, and says what lies between', () => {
    const trail = judged({ outcome: 'drop', ends: 3, seen: [0, 1, 2] });
    expect(trail).toMatchObject({ agrees: true, lastSeen: 2, nextExpected: 3 });
    expect(trail.words).toBe(
      'Last seen at bridge 1, next would be bridge 2: routing and FORWARD lie between, and filter DOCKER-USER #1 says drop, as predicted; not seen there.',
    );
  });

  it('agrees where all of the way was seen', () => {
    expect(judged({ outcome: 'accept', ends: 6, seen: [0, 1, 2, 3, 4, 5] })).toMatchObject({ agrees: true, nextExpected: -1 });
  });

  it('speaks against a drop behind which the packet was seen', () => {
    const trail = judged({ outcome: 'drop', ends: 3, seen: [0, 1, 2, 3, 4, 5] });
    expect(trail).toMatchObject({ agrees: false, kind: 'beyond' });
    expect(trail.words).toMatch(
      /^The prediction is wrong: DROP by filter DOCKER-USER #1 was predicted, yet 1 packet was seen beyond that, at bridge 2 and further/,
    );
  });

  it('speaks against an accept that ends too early', () => {
    const trail = judged({ outcome: 'accept', ends: 6, seen: [0, 1, 2] });
    expect(trail).toMatchObject({ agrees: false, kind: 'short' });
    expect(trail.words).toMatch(/seen at bridge 1 and none of them at bridge 2, where nothing was lost. routing and FORWARD lie between/);
  });

  it.each([
    ['lost packets', without(3, { unsure: '4 packets were lost there' }), 'unknown'],
    ['did not listen all the time', without(3, { sinceNs: 1e12 }), 'unknown'],
    ['does not listen any more', without(3, { sinceNs: null }), 'unknown'],
    ['is not captured', without(3, null), 'not-captured'],
  ] as const)('leaves open what passed a place that %s', (_, points, sight) => {
    // Behind it nothing is captured either.
    const known = points.filter(({ id }) => NAMES.indexOf(id) <= 3);
    const trail = judged({ outcome: 'accept', ends: 6, seen: [0, 1, 2], points: known });
    expect(trail.stops[3]?.sight).toBe(sight);
    expect(trail).toMatchObject({ agrees: null, kind: null });
    expect(judged({ outcome: 'drop', ends: 3, seen: [0, 1, 2], points: known })).toMatchObject({ agrees: null });
  });

  it('waits before it says that something was not seen', () => {
    expect(judged({ outcome: 'accept', ends: 6, seen: [0, 1, 2], nowNs: 5e8 })).toMatchObject({ agrees: null });
  });

  it('says what was seen where nothing is predicted', () => {
    const trail = judged({ outcome: 'undetermined', ends: 6, seen: [0, 1, 2] });
    expect(trail.agrees).toBeNull();
    expect(trail.words).toBe('Last seen at bridge 1; the next place would be bridge 2: not seen.');
  });
});

describe('the places of a packet', () => {
  const { topology, model } = scene('28.5');
  const { facts } = model;
  const of = (name: string, network: string) => {
    const container = topology.containers.find((node) => node.name === name);
    const endpoint = container?.endpoints.find((each) => each.network === network);
    if (container === undefined || endpoint?.ipv4 == null || endpoint.host === null) throw new Error(`${name} on ${network}`);
    return { ip: endpoint.ipv4, ids: [`${container.netns}/${endpoint.interface}`, endpoint.host.interface, endpoint.host.bridge] };
  };
  const verdict = (outcome: Verdict['outcome'], more: Partial<Verdict> = {}): Verdict => ({
    outcome,
    decidedBy: { kind: 'rule', text: '-j DROP' },
    nat: [],
    out: null,
    steps: [],
    unknowns: [],
    evidence: 'predicted',
    ...more,
  });
  const web1 = of('web1', 'test_net1');
  const web2 = of('web2', 'test_net2');
  const wayTo = (ids: readonly (string | null)[]): WayPoint[] =>
    ids.map((id) => ({
      netns: id?.includes('/') === true ? (id.split('/')[0] ?? null) : null,
      owner: null,
      device: (id ?? '').replace(/^.*\//, ''),
      direction: 'in',
      src: '',
      dst: '',
      sport: null,
      dport: null,
    }));

  it('are both ends whole, with what lies behind the end of the way', () => {
    const found = placesOf({ src: web1.ip, dst: web2.ip, verdict: verdict('drop', { way: wayTo(web1.ids) }) }, topology, facts);
    expect(found.map(({ id }) => id)).toEqual([...web1.ids, ...[...web2.ids].reverse()]);
    expect(found.map(({ isExpected }) => isExpected)).toEqual([true, true, true, false, false, false]);
    expect(found.map(({ between }) => between)).toEqual(['', '', 'PREROUTING', 'routing and FORWARD', '', '']);
  });

  it('hold nothing against a bridge that only switches', () => {
    const near = of('multi', 'test_net1');
    const found = placesOf({ src: web1.ip, dst: near.ip, verdict: verdict('drop', { way: wayTo(web1.ids.slice(0, 2)) }) }, topology, facts);
    expect(found.map(({ isExpected }) => isExpected)).toEqual([true, true, null, false, false]);
  });

  it('go by the translation to whom it leads, and by the default route to the outside', () => {
    const outside = parseIp('198.51.100.9');
    const pub = topology.containers.find(({ name }) => name === 'pub')?.endpoints[0];
    if (outside === null || pub?.ipv4 == null) throw new Error('no such addresses');
    const to = {
      kind: 'dnat',
      from: '203.0.113.1:8080',
      to: `172.17.0.2:80`,
      by: { table: 'nat', chain: 'DOCKER', rule: 1, text: '' },
    } as const;
    const host = parseIp('203.0.113.1');
    if (host === null) throw new Error('no host');
    const found = placesOf({ src: outside, dst: host, verdict: verdict('accept', { nat: [to] }) }, topology, facts);
    expect(found.map(({ id }) => id)[0]).toBe('eth0');
    expect(found.at(-1)?.words).toMatch(/^eth0 in /);
    expect(found.every(({ isExpected }) => isExpected === true)).toBe(true);
  });
});
