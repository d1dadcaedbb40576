/** Packets counted rule by rule: on recorded sessions of quiet hosts the kernel's own counters say the same. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readOtherRules } from '../../../src/host/other-rules.ts';
import { ruleTable } from '../../../src/report/rule-table.ts';
import { isUsed, type RuleUses } from '../../../src/report/rule-use.ts';
import { PLAIN_STYLE } from '../../../src/report/style.ts';
import { FileCapture } from '../../../src/session/files/file-capture.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { RuleHits } from '../../../src/session/rules/rule-hits.ts';
import { WhatIf } from '../../../src/session/what-if.ts';
import { expectGolden } from '../../report/golden.ts';

const counted = async (name: string, whatIf: WhatIf | null = null): Promise<RuleUses> => {
  const path = fileURLToPath(new URL(`../../../captures/samples/${name}.pcapng`, import.meta.url));
  const store = new HostStore(false, whatIf);
  const capture = new FileCapture({
    path,
    store,
    hasOwnFacts: false,
    filter: '',
    packetFilter: null,
    keepPackets: false,
    packetLimit: null,
  });
  const hits = new RuleHits(store, capture);
  await capture.finished;
  await capture.stop();
  return hits.uses();
};

const refOf = ({ table, chain, rule }: RuleUses['rules'][number]): string => `${table} ${chain} ${rule ?? 'policy'}`;

describe('rules of a saved session', () => {
  it.each(['isolation-drop-20.10', 'isolation-drop-28.5', 'masquerade-28.5', 'published-port-26.1'])(
    'count what the kernel counted: %s',
    async (name) => {
      const { rules } = await counted(name);
      const told = rules.filter((use) => isUsed(use) && use.counted !== null);
      expect(told.length).toBeGreaterThan(3);
      expect(told.map((use) => [refOf(use), use.packets])).toEqual(told.map((use) => [refOf(use), use.counted]));
    },
  );

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
});
