/**
 * Snapshots mended by hand: a value of another type, anywhere in what the readers look into, is named as a problem or plays no part; it
 * is never left out in silence, and nothing falls over it.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VethscopeError } from '../../src/base/errors.ts';
import type { HostFacts } from '../../src/host/facts.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const SNAPSHOT = JSON.parse(readFileSync(new URL('../fixtures/snapshots/scene-28.5.json', import.meta.url), 'utf8')) as Record<
  string,
  Json
>;

/** Outputs in JSON as JSON itself, so that a change can be made within. Native nftables keeps each unreadable rule as unknown by itself. */
const opened = (raw: Record<string, string>): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(raw)
      .filter(([command]) => command !== 'nft -j list ruleset')
      .map(([command, text]) => [
        command,
        /^(ip|bridge|lsns) .*-[jJ]/.test(command) && text.trim() !== '' ? (JSON.parse(text) as Json) : text,
      ]),
  );

const whole = (): Record<string, Json> => {
  const copy = structuredClone(SNAPSHOT);
  copy['raw'] = opened(copy['raw'] as Record<string, string>);
  for (const namespace of Object.values(copy['namespaces'] as Record<string, Record<string, Json>>))
    namespace['raw'] = opened(namespace['raw'] as Record<string, string>);
  return copy;
};

/** Every place that holds something, as the keys that lead there. */
const placesIn = (value: Json, path: readonly (string | number)[] = []): (readonly (string | number)[])[] => {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value) ? value.map((item, at) => [at, item] as const) : Object.entries(value);
  return [path, ...inner.flatMap(([key, item]) => placesIn(item, [...path, key]))];
};

const OTHERS: readonly Json[] = [{ odd: 1 }, [7], true, 'odd text, no more', -1.5];
const kindOf = (value: Json): string => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value);

const plain = (facts: HostFacts): string =>
  JSON.stringify(
    {
      ...facts,
      self: { ...facts.self, problems: [] },
      namespaces: facts.namespaces.map((each) => ({ ...each, facts: { ...each.facts, problems: [] } })),
    },
    (_, value: unknown) => (value instanceof Map ? [...value] : value),
  );

const problemsOf = (facts: HostFacts): number =>
  facts.self.problems.length + facts.namespaces.reduce((sum, { facts: inner }) => sum + inner.problems.length, 0);

const change = (document: Record<string, Json>, path: readonly (string | number)[], value: Json): Record<string, Json> => {
  const copy = structuredClone(document);
  let at: Json = copy;
  for (const key of path.slice(0, -1)) at = (at as Record<string, Json>)[key as string] as Json;
  (at as Record<string, Json>)[path.at(-1) as string] = value;
  return copy;
};

describe('a value of another type in a snapshot', () => {
  const document = whole();
  const places = placesIn(document).filter((path) => path.length > 0);
  const before = readFacts(parseSnapshot(JSON.stringify(document)));
  const usual = plain(before);

  it('is named, or plays no part', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.constantFrom(...OTHERS), (path, other) => {
        let was: Json = document;
        for (const key of path) was = (was as Record<string, Json>)[key as string] as Json;
        // The same type is another value, which says something; a command's whole output may come as text or as JSON.
        if (kindOf(was) === kindOf(other) || was === null || path[0] === 'vethscope' || path[0] === 'takenAt') return;
        if (path.length <= 4 && path.includes('raw')) return;
        let facts: HostFacts;
        try {
          facts = readFacts(parseSnapshot(JSON.stringify(change(document, path, other))));
        } catch (error) {
          expect(error, `${path.join('.')} = ${JSON.stringify(other)}`).toBeInstanceOf(VethscopeError);
          return;
        }
        const named = problemsOf(facts) > problemsOf(before);
        expect(named || plain(facts) === usual, `${path.join('.')}: ${JSON.stringify(was)} -> ${JSON.stringify(other)}`).toBe(true);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it.each([
    ['raw', 'ip -j -d link', 'mtu', 'ip -j -d link: entry 1: mtu is {"odd":1}, where a number was expected'],
    ['raw', 'ip -j -4 route show table all', 'dev', 'ip -j -4 route show table all: entry 1: dev is {"odd":1}, where a text was expected'],
    ['raw', 'ip -j -4 rule', 'priority', 'ip -j -4 rule: entry 1: priority is {"odd":1}, where a number was expected'],
    ['raw', 'bridge -j fdb', 'mac', 'bridge -j fdb: entry 1: mac is {"odd":1}, where a text was expected'],
  ])('says where: %s %s %s', (part, command, key, problem) => {
    expect(readFacts(parseSnapshot(JSON.stringify(change(document, [part, command, 0, key], { odd: 1 })))).self.problems).toContain(
      problem,
    );
  });

  it('of a routing rule leaves open whether the rule matches', () => {
    const odd = change(document, ['raw', 'ip -j -4 rule', 0, 'iif'], 5);
    expect(readFacts(parseSnapshot(JSON.stringify(odd))).self.policyRules?.some((rule) => rule.unsupported.includes('iif 5'))).toBe(true);
  });
});
