/**
 * Every match and target that is evaluated has a case of its own, and the case says by which kernel file or manual page it judges:
 * either the block's title names the source, or the case's own line does.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MATCHES } from '../../src/netfilter/matches/index.ts';
import { TARGETS } from '../../src/netfilter/targets/index.ts';

/** `xt_mark.c`, `iptables-extensions(8)`, `Documentation/networking/filter.rst`, `RFC 9293`. */
const SOURCE = /\b\w+\.c\b|[\w-]+\(\d\)|\.rst\b|\bRFC \d+/;

interface Case {
  readonly line: string;
  readonly cites: boolean;
}

const casesIn = (folder: string): readonly Case[] =>
  readdirSync(new URL(folder, import.meta.url))
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => {
      let titleCites = false;
      return readFileSync(new URL(`${folder}/${name}`, import.meta.url), 'utf8')
        .split('\n')
        .map((line): Case => {
          const title = /^(?:describe|conformance)\('(.*)'/.exec(line)?.[1];
          if (title !== undefined) titleCites = SOURCE.test(title);
          return { line, cites: titleCites || SOURCE.test(line) };
        });
    });

describe('a case that cites its source', () => {
  const ofMatches = casesIn('./matches');
  const ofTargets = casesIn('./targets');

  it.each(MATCHES.map(({ name }) => name))('is there for -m %s', (name) => {
    const asks = name === '' ? /\['(! )?-[sdiopf] / : new RegExp(`-m ${name}(?![\\w-])`);
    expect(ofMatches.filter(({ line, cites }) => cites && asks.test(line)).length).toBeGreaterThan(0);
  });

  it.each(TARGETS.map(({ name }) => name))('is there for -j %s', (name) => {
    const does = new RegExp(`['"\`]${name}[ '"\`]`);
    expect(ofTargets.filter(({ line, cites }) => cites && does.test(line)).length).toBeGreaterThan(0);
  });
});
