/** Recorded sessions judged by other rules: the same rules change nothing, others change what they are about and nothing else. */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { readOtherRules } from '../../../src/host/other-rules.ts';
import { SNAPSHOT_COMMANDS } from '../../../src/host/snapshot.ts';
import { diffText } from '../../../src/report/diff-text.ts';
import type { SessionDiff } from '../../../src/report/session-diff.ts';
import { PLAIN_STYLE } from '../../../src/report/style.ts';
import { FileCapture } from '../../../src/session/files/file-capture.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { diffSession } from '../../../src/session/replay/replay-diff.ts';
import type { FlowRow } from '../../../src/session/state/flow-row.ts';
import { WhatIf } from '../../../src/session/what-if.ts';
import { expectGolden } from '../../report/golden.ts';

const sample = (name: string): string => fileURLToPath(new URL(`../../../captures/samples/${name}.pcapng`, import.meta.url));
const SAMPLES = ['isolation-drop-20.10', 'isolation-drop-28.5', 'masquerade-28.5', 'published-port-26.1'];

const opened = (path: string, store: HostStore): FileCapture =>
  new FileCapture({ path, store, hasOwnFacts: false, filter: '', packetFilter: null, keepPackets: false, packetLimit: null });

/** The rules that the session itself brings, as iptables-save printed them. */
const ownRules = async (path: string): Promise<string> => {
  const store = new HostStore(false);
  const capture = opened(path, store);
  await capture.finished;
  await capture.stop();
  const { raw = {} } = store.version?.document ?? {};
  return raw[SNAPSHOT_COMMANDS.iptablesNft] ?? raw[SNAPSHOT_COMMANDS.iptablesLegacy] ?? '';
};

const diffWith = (path: string, text: string): Promise<SessionDiff> => {
  const rules = readOtherRules({ iptables: { name: 'new.save', text } });
  const open = (whatIf: WhatIf) => async () => opened(path, new HostStore(false, whatIf));
  return diffSession(
    { before: open(new WhatIf(null)), after: open(new WhatIf(rules)) },
    { event: () => {}, interrupted: new Promise(() => {}) },
  );
};

/** A line above the first rule of a chain. */
const withFirst = (rules: string, chain: string, line: string): string => {
  const at = rules.split('\n').findIndex((each) => each.includes(`-A ${chain} `));
  const lines = rules.split('\n');
  return [...lines.slice(0, at), line, ...lines.slice(at)].join('\n');
};

describe('a session judged by other rules', () => {
  it.each(SAMPLES)('changes in nothing by its own: %s', async (name) => {
    const path = sample(name);
    const diff = await diffWith(path, await ownRules(path));
    expect(diff.changed).toEqual([]);
    expect(diff.compared).toBeGreaterThan(0);
  });

  describe('by new ones', () => {
    const path = sample('isolation-drop-28.5');
    let own: string;

    beforeAll(async () => {
      own = await ownRules(path);
    });

    it('tells what stops, by which rule, there and back', async () => {
      const diff = await diffWith(
        path,
        withFirst(own, 'PREROUTING', '-A PREROUTING -s 172.18.0.3/32 -p tcp -j DROP').replace(/.* -d 198\.18\.20\.2\/32 .*\n/, ''),
      );
      expectGolden('diff-reply.txt', diffText(diff, { style: PLAIN_STYLE, columns: 100, all: false, offsetOf: () => 0 }));
    });

    it('tells the rule of the answer where that alone is another one', async () => {
      const published = sample('published-port-26.1');
      const rules = await ownRules(published);
      const diff = await diffWith(
        published,
        rules.replace('-i docker0 ! -o docker0 -j ACCEPT', '-i docker0 ! -o docker0 -p tcp -j ACCEPT'),
      );
      const text = diffText(diff, { style: PLAIN_STYLE, columns: null, all: false, offsetOf: () => 0 }).join('\n');
      expect(text).toMatch(
        /was {2}filter DOCKER #1: .*; the reply by filter FORWARD #21: {2}-A FORWARD -i docker0 ! -o docker0 -j ACCEPT$/m,
      );
      expect(text).toMatch(/now {2}filter DOCKER #1: .*; the reply by .* ! -o docker0 -p tcp -j ACCEPT$/m);
    });

    it('is not contradicted by what was seen: that was by other rules', async () => {
      const rules = readOtherRules({ iptables: { name: 'n', text: '*filter\n:FORWARD DROP\nCOMMIT\n*raw\n:PREROUTING DROP\nCOMMIT\n' } });
      const capture = opened(path, new HostStore(false, new WhatIf(rules)));
      const rows: FlowRow[] = [];
      capture.observe({ flowEnded: (row) => rows.push(row) });
      await capture.finished;
      await capture.stop();
      const judged = rows.filter(({ verdict }) => verdict !== null);
      expect(judged.some(({ flow, verdict }) => flow.packets[1] > 0 && verdict?.verdict.outcome === 'drop')).toBe(true);
      expect(judged.map(({ verdict }) => [verdict?.contradiction, verdict?.counted, verdict?.verdict.evidence])).toEqual(
        judged.map(() => [null, null, 'predicted']),
      );
    });

    it('changes in nothing by rules about others, wherever they stand', async () => {
      const lines = own.split('\n').map((line, at) => ({ at, chain: / ?-A (\S+) /.exec(line)?.[1] }));
      const places = lines.filter(({ chain }) => chain !== undefined);
      const stranger = fc.record({
        place: fc.constantFrom(...places),
        last: fc.integer({ min: 1, max: 254 }),
        target: fc.constantFrom('DROP', 'ACCEPT', 'RETURN'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(stranger, { minLength: 1, maxLength: 4 }), async (strangers) => {
          const text = own.split('\n');
          for (const { place, last, target } of [...strangers].sort((x, y) => y.place.at - x.place.at))
            text.splice(place.at, 0, `-A ${place.chain} -s 192.0.2.${last}/32 -j ${target}`);
          expect((await diffWith(path, text.join('\n'))).changed).toEqual([]);
        }),
        { numRuns: 15 },
      );
    });
  });
});
