/**
 * What this program prints for rules against what iptables-save prints for them now: of rules loaded into a namespace of its own, and
 * on real hosts of three engines. What is printed as a whole is loaded again and saved again.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSave } from '../../../src/netfilter/parse/save.ts';
import { type LabEngine, useLab } from '../../lab/lab.ts';
import { describeLab } from '../../lab/root.ts';
import { expectPrintsAsSaved, linesOf, printSave } from '../parse/saved.ts';
import { run } from './namespaces.ts';

const BACKENDS = ['nft', 'legacy'] as const;
const FAMILIES = ['ip', 'ip6'] as const;

const program = (family: 'ip' | 'ip6', backend: 'nft' | 'legacy', what: 'save' | 'restore'): string =>
  `${family === 'ip' ? 'iptables' : 'ip6tables'}-${backend}-${what}`;

describeLab('rules print as iptables-save prints them', () => {
  const namespace = `vssave-${process.pid}`;
  const inside = (command: string, input = ''): string => run('ip', ['netns', 'exec', namespace, command], input);

  beforeAll(() => {
    run('ip', ['netns', 'add', namespace]);
  });
  afterAll(() => {
    run('ip', ['netns', 'del', namespace]);
  });

  describe.each(FAMILIES)('%s', (family) => {
    const rules = readFileSync(new URL(`../../fixtures/netfilter/neighbours-${family}.rules`, import.meta.url), 'utf8');

    it.each(BACKENDS)('loaded with %s, and loaded again as they were printed', (backend) => {
      inside(program(family, backend, 'restore'), rules);
      const saved = inside(program(family, backend, 'save'));
      expect(expectPrintsAsSaved(saved, backend, family)).toBe(linesOf(rules).filter((line) => line.startsWith('-A')).length);
      const printed = printSave(parseSave(saved, { backend, family }));
      inside(program(family, backend, 'restore'), printed);
      expect(linesOf(inside(program(family, backend, 'save')))).toEqual(linesOf(saved));
    });
  });

  describe.each<LabEngine>(['20.10', '26.1', '28.5'])('on a host of engine %s', (engine) => {
    const host = useLab({ engine, shared: true });

    it('in both families and backends, with counters', async () => {
      let rules = 0;
      for (const family of FAMILIES) {
        for (const backend of BACKENDS) {
          const saved = await host().sh(`${program(family, backend, 'save')} -c 2>/dev/null`);
          if (saved !== '') rules += expectPrintsAsSaved(saved, backend, family);
        }
      }
      expect(rules).toBeGreaterThan(30);
    });
  });
});
