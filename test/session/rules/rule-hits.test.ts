/** Packets counted rule by rule: on recorded sessions of quiet hosts the kernel's own counters say the same. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Direction, type Flow, ORIGINAL } from '../../../src/flow/flow.ts';
import { readOtherRules } from '../../../src/host/other-rules.ts';
import type { Packet } from '../../../src/packet/packet.ts';
import { ruleTable } from '../../../src/report/rule-table.ts';
import { isUsed, type RuleUses } from '../../../src/report/rule-use.ts';
import { PLAIN_STYLE } from '../../../src/report/style.ts';
import { FileCapture } from '../../../src/session/files/file-capture.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { openWorkspace } from '../../../src/session/open-workspace.ts';
import { Pace } from '../../../src/session/replay/replay-pace.ts';
import { RuleHits } from '../../../src/session/rules/rule-hits.ts';
import { countInto, noCounts } from '../../../src/session/rules/rule-ways.ts';
import { WhatIf } from '../../../src/session/what-if.ts';
import { expectGolden } from '../../report/golden.ts';

const SAMPLES = ['isolation-drop-20.10', 'isolation-drop-28.5', 'masquerade-28.5', 'published-port-26.1'];

const opened = (name: string, store: HostStore, pace?: Pace): FileCapture =>
  new FileCapture({
    path: fileURLToPath(new URL(`../../../captures/samples/${name}.pcapng`, import.meta.url)),
    store,
    hasOwnFacts: false,
    filter: '',
    packetFilter: null,
    keepPackets: false,
    packetLimit: null,
    ...(pace === undefined ? {} : { pace }),
  });

const counted = async (name: string, whatIf: WhatIf | null = null): Promise<RuleUses> => {
  const store = new HostStore(false, whatIf);
  const capture = opened(name, store);
  const hits = new RuleHits(store, capture);
  await capture.finished;
  await capture.stop();
  return hits.uses();
};

/** The file without its custom blocks. */
const withoutSnapshots = (bytes: Uint8Array): Uint8Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kept: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint32(at + 4, true)) {
    const isCustom = [0x0000_0bad, 0x4000_0bad].includes(view.getUint32(at, true));
    if (!isCustom) kept.push(bytes.subarray(at, at + view.getUint32(at + 4, true)));
  }
  return Buffer.concat(kept);
};

const refOf = ({ table, chain, rule }: RuleUses['rules'][number]): string => `${table} ${chain} ${rule ?? 'policy'}`;

describe('rules of a saved session', () => {
  it.each(SAMPLES)('count what the kernel counted: %s', async (name) => {
    const { rules } = await counted(name);
    const told = rules.filter((use) => isUsed(use) && use.counted !== null);
    expect(told.length).toBeGreaterThan(3);
    expect(told.map((use) => [refOf(use), use.packets])).toEqual(told.map((use) => [refOf(use), use.counted]));
  });

  it('count the first packet of each connection at nat rules, and answers at those of the way back', async () => {
    expectGolden('rule-table.txt', ruleTable(await counted('published-port-26.1'), PLAIN_STYLE, false));
  });

  it('have no counters of the kernel where they are others, and count all the same', async () => {
    const rules = readOtherRules({
      iptables: { name: 'new', text: '*filter\n:FORWARD DROP\n-A FORWARD -p tcp -j DROP\nCOMMIT\n*raw\n:PREROUTING ACCEPT\nCOMMIT\n' },
    });
    const { rules: uses } = await counted('published-port-26.1', new WhatIf(rules));
    const forward = uses.filter(({ chain }) => chain === 'FORWARD');
    // Never confirmed, each packet of the question is as new as the first; of answers none is foretold.
    expect(forward.map(({ rule, packets, flows, counted: kernel }) => [rule, packets, flows, kernel])).toEqual([
      [1, 14, 2, null],
      [null, 0, 0, null],
    ]);
    const dnat = uses.find(({ table, chain, rule }) => table === 'nat' && chain === 'DOCKER' && rule === 5);
    expect(dnat?.packets).toBe(14);
  });

  it('are no way at all where nothing is determined and none was met', async () => {
    const path = fileURLToPath(new URL('../../../captures/samples/isolation-drop-28.5.pcapng', import.meta.url));
    const rules = readOtherRules({
      iptables: { name: 'new', text: '*raw\n:PREROUTING ACCEPT\n-A PREROUTING -s 172.18.0.3/32 -j DROP\nCOMMIT\n' },
    });
    const folder = await mkdtemp(join(tmpdir(), 'vethscope-rules-'));
    try {
      // A foreign capture: whether an end of it is the host's own address is not known, nor so what becomes of answers.
      await writeFile(join(folder, 'plain.pcapng'), withoutSnapshots(await readFile(path)));
      const workspace = await openWorkspace({ host: null, dockerHost: null, needs: 'file', whatIf: new WhatIf(rules) });
      const view = await workspace.openFile(join(folder, 'plain.pcapng'));
      const counting = workspace.countRules(view);
      await view.finished;
      const uses = counting.uses();
      const answers = view.flows({ sort: 'first', descending: false, search: 'reply:undetermined', offset: 0, limit: 9 }).rows;
      expect(answers.length).toBeGreaterThan(1);
      expect(uses.rules.filter(isUsed).map((use) => [refOf(use), use.packets])).toEqual([['raw PREROUTING policy', uses.packets]]);
      await workspace.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('count flows that go on like those that are over, whenever they are asked for', async () => {
    const pace = new Pace(Number.NEGATIVE_INFINITY);
    const store = new HostStore(false);
    const capture = opened('published-port-26.1', store, pace);
    const hits = new RuleHits(store, capture);
    let before = -1;
    await pace.reached();
    while (!capture.getState().finished) {
      const { packets, unplaced } = hits.uses();
      expect(hits.uses().packets).toBe(packets);
      expect(packets + unplaced).toBeGreaterThanOrEqual(before);
      before = packets + unplaced;
      pace.allow(pace.heldSec as number);
      await Promise.race([pace.reached(), capture.finished]);
    }
    expect(hits.uses()).toEqual(await counted('published-port-26.1'));
    await capture.stop();
  });
});

const countedOf = (flow: Flow): unknown => {
  const counts = noCounts();
  countInto(counts, flow, null);
  return counts;
};

describe('what came of a flow', () => {
  it.each(SAMPLES)('falls into the parts that its packets are of, one by one: %s', async (name) => {
    const capture = opened(name, new HostStore(false));
    const seen = new Map<Flow, { packets: number[]; bytes: number[] }>();
    const packet = ({ originalLength }: Packet, flow: Flow, direction: Direction): void => {
      const counts = seen.get(flow) ?? { packets: [0, 0, 0, 0], bytes: [0, 0, 0, 0] };
      const isFirst = !seen.has(flow);
      seen.set(flow, counts);
      const isAnswered = (counts.packets[3] as number) > 0;
      const part = isFirst ? 0 : direction !== ORIGINAL ? 3 : isAnswered ? 2 : 1;
      counts.packets[part] = (counts.packets[part] as number) + 1;
      counts.bytes[part] = (counts.bytes[part] as number) + originalLength;
    };
    capture.observe({ packet });
    await capture.finished;
    expect(seen.size).toBeGreaterThan(1);
    for (const [flow, counts] of seen) if (flow.askedPackets !== 0) expect(countedOf(flow)).toEqual(counts);
  });
});
