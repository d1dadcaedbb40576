/** A snapshot and its stand-in: the same verdicts for every pair, and nothing left of what it was. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createAnonymiser } from '../../src/anonymise/anonymiser.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { leaksOf } from './leaks.ts';
import { asIs, KEY, mapping, matrixEssence } from './sameness.ts';

const SNAPSHOTS = ['scene-20.10', 'scene-26.1', 'scene-28.5', 'swarm-a', 'swarm-b', 'awkward-28.5'];

describe.each(SNAPSHOTS)('the snapshot %s, anonymised', (name) => {
  const original = parseSnapshot(readFileSync(`test/fixtures/snapshots/${name}.json`, 'utf8'));
  const anonymiser = createAnonymiser(KEY);
  const document = anonymiser.snapshot(original);

  it('leads to the same verdict for every pair', () => {
    const expected = matrixEssence(original, mapping(anonymiser.standIn));
    expect(expected.length).toBeGreaterThan(3);
    expect(matrixEssence(document, asIs)).toEqual([...expected].sort());
  });

  it('is read as completely as before', () => {
    expect(readFacts(document).self.problems.length).toBe(readFacts(original).self.problems.length);
  });

  it('holds no address, no MAC address, no name and no id of the original', () => {
    expect(leaksOf(original, JSON.stringify(document))).toEqual([]);
  });

  it('survives being read as a document', () => {
    expect(parseSnapshot(JSON.stringify(document))).toEqual(JSON.parse(JSON.stringify(document)));
  });
});

it('words of people in comments, prefixes, strings, names and numbers of the rules are gone', () => {
  const text = readFileSync('test/fixtures/snapshots/awkward-28.5.json', 'utf8');
  const words = /acme|jane|bob|zürich|topsecret|gmbh|ac120005/i;
  expect(text).toMatch(words);
  expect(JSON.stringify(createAnonymiser(KEY).snapshot(parseSnapshot(text)))).not.toMatch(words);
});
