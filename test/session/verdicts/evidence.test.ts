/** What counters and answers say beside a prediction: when it counts as counted, and when it is contradicted. */

import { describe, expect, it } from 'vitest';
import { ipv4 } from '../../../src/base/ip-address.ts';
import type { Flow } from '../../../src/flow/flow.ts';
import type { RuleRef } from '../../../src/netfilter/ruleset.ts';
import { answerBetween } from '../../../src/path/question.ts';
import type { Verdict } from '../../../src/path/verdict.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import {
  contradictionOf,
  countedSentence,
  type EvidenceTrack,
  natCounts,
  natRefsOf,
  observe,
  trackOf,
  type Witness,
  witnessesOf,
  witnessOf,
} from '../../../src/session/verdicts/evidence.ts';
import { aFlow } from '../../flow/a-flow.ts';
import { scene, sceneDocument } from '../../path/scene.ts';

const world = scene('28.5');
const verdictOf = (src: string, dst: string, proto: string): Verdict => answerBetween(world.model, world.topology, src, dst, proto).verdict;

const DROPPED = verdictOf('web1', 'web2', 'icmp');
const PUBLISHED = verdictOf('outside', 'host', 'tcp:8080');

const refOf = ({ decidedBy: by }: Verdict): RuleRef => ({
  backend: by.backend ?? 'nft',
  family: by.family ?? 'ip',
  table: by.table ?? '',
  chain: by.chain ?? '',
  rule: by.rule ?? null,
  text: by.text,
  counters: null,
});

const flowOf = (packets: [number, number], more: Partial<Flow> = {}): Flow =>
  aFlow({
    kind: 'icmp-echo',
    protocol: 1,
    a: ipv4(0xac12_0002),
    b: ipv4(0xc612_1402),
    icmpType: 8,
    icmpCode: 0,
    packets,
    firstSec: 100,
    lastSec: 100,
    ...more,
  });

const IPTABLES = 'iptables-nft-save -c';

/** The recorded host, whose rules have each counted `packets` at `atSec`. */
const readAt = (atSec: number, packets: number) => {
  const document = sceneDocument('28.5');
  const text = (document.raw[IPTABLES] ?? '').replaceAll(/^\[\d+:\d+\]/gm, `[${packets}:${packets * 84}]`);
  return { ...document, takenAt: `${atSec}.000000000`, raw: { ...document.raw, [IPTABLES]: text } };
};

const storeWith = (...readings: readonly (readonly [number, number])[]): HostStore => {
  const store = new HostStore(true);
  for (const [index, [atSec, packets]] of readings.entries()) {
    const document = readAt(atSec, packets);
    if (index === 0) store.replace(document, 'first');
    else store.updateCounters(document.takenAt, { [IPTABLES]: document.raw[IPTABLES] ?? '' });
  }
  return store;
};

const track = (silentReadings = 0): EvidenceTrack => ({ nat: [], answersBefore: 0, readAtSec: 0, packets: 0, silentReadings });
const witness: Witness = { ref: refOf(DROPPED), before: 0, sure: true };
const seen = { verdict: DROPPED, witness, counted: 0 as number | null, laterCounted: () => false };

describe('a rule that should have counted', () => {
  it('contradicts where packets came between three readings and it counted none', () => {
    const silent = track();
    const flow = flowOf([0, 0]);
    for (const [readAtSec, packets] of [
      [101, 4],
      [102, 8],
      [103, 12],
    ] as const) {
      expect(contradictionOf({ ...seen, flow, track: silent })).toBeNull();
      flow.packets[0] = packets;
      observe(silent, flow, 0, readAtSec);
    }
    const found = contradictionOf({ ...seen, flow, track: silent });
    expect(found?.kind).toBe('not-counted');
    expect(found?.text).toContain('vethscope trace 172.18.0.2 198.18.20.2 icmp');
  });

  it('does not where no packets came, or the same reading is looked at again', () => {
    const silent = track();
    const flow = flowOf([4, 0]);
    for (const readAtSec of [101, 102, 103, 104]) observe(silent, flow, 0, readAtSec);
    expect(silent.silentReadings).toBe(1);
    flow.packets[0] = 9;
    observe(silent, flow, 0, 104);
    expect(silent.silentReadings).toBe(1);
  });

  it('does not where it counted once, has no counter, or was first read after the flow began', () => {
    const flow = flowOf([12, 0]);
    expect(contradictionOf({ ...seen, flow, track: track(9), counted: 1 })).toBeNull();
    expect(contradictionOf({ ...seen, flow, track: track(9), witness: null, counted: null })).toBeNull();
    expect(contradictionOf({ ...seen, flow, track: track(9), witness: { ...witness, sure: false } })).toBeNull();
  });

  it('does not where the rule for established conversations counted in its place', () => {
    const silent = track(9);
    expect(contradictionOf({ ...seen, flow: flowOf([12, 0]), track: silent, laterCounted: () => true })).toBeNull();
    expect(silent.silentReadings).toBe(0);
  });
});

describe('an answer to what should have been dropped', () => {
  it('contradicts at once, also where the rule counted', () => {
    const found = contradictionOf({ ...seen, flow: flowOf([3, 1]), track: track(), counted: 3 });
    expect(found).toMatchObject({
      kind: 'answered',
      text: expect.stringContaining('DROP by raw PREROUTING #2 was predicted, yet 1 packet came back'),
    });
  });

  it('is none where what came back is an ICMP error, or the refusal that a reject sends', () => {
    expect(contradictionOf({ ...seen, flow: flowOf([3, 1], { errorPackets: [0, 1] }), track: track(), counted: 3 })).toBeNull();
    const refused = flowOf([1, 1], {
      kind: 'tcp',
      tcp: { phase: 'reset', resetBy: 1, retransmissions: [0, 0], zeroWindows: [0, 0], outOfOrder: [0, 0], handshakeNs: null },
    });
    expect(contradictionOf({ ...seen, verdict: { ...DROPPED, outcome: 'reject' }, flow: refused, track: track(), counted: 1 })).toBeNull();
    expect(contradictionOf({ ...seen, flow: refused, track: track(), counted: 1 })?.kind).toBe('answered');
  });

  it('is none where the answers came before the verdict changed to a drop', () => {
    const later = trackOf(storeWith([99, 0]), flowOf([8, 8]), [], false);
    expect(contradictionOf({ ...seen, flow: flowOf([9, 9]), track: later, counted: 1 })).toBeNull();
    expect(contradictionOf({ ...seen, flow: flowOf([12, 12]), track: later, counted: 4 })?.kind).toBe('answered');
  });
});

describe('counters as witnesses', () => {
  it('are sure of what came only where they were read before it', () => {
    expect(witnessOf(storeWith([99, 5], [101, 7]), refOf(DROPPED), 100)).toMatchObject({ before: 5, sure: true });
    expect(witnessOf(storeWith([101, 7]), refOf(DROPPED), 100)).toMatchObject({ before: 7, sure: false });
    expect(witnessOf(storeWith([99, 5]), null, 100)).toBeNull();
  });

  it('count connections in the nat tables, and say so in words', () => {
    const store = storeWith([99, 5], [101, 6]);
    const nat = natCounts(store, witnessesOf(store, natRefsOf(PUBLISHED), 100), 100);
    expect(nat).toEqual([{ by: 'nat DOCKER #5', connections: 1 }]);
    expect(countedSentence(PUBLISHED, 12, nat)).toBe(
      'Counted since the flow began: filter DOCKER #3 +12 packets, nat DOCKER #5 +1 connection.',
    );
    expect(countedSentence(PUBLISHED, 0, [])).toBeNull();
  });
});
