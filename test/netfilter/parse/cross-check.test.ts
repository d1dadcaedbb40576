/**
 * What is printed for each rule is what iptables-save printed: over every ruleset that the repository holds. The neighbours' rules (ufw,
 * kube-proxy, netavark, libvirt, calico, tailscale, fail2ban beside Docker) were loaded with iptables-restore 1.8.9 and saved again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRuleset } from '../../../src/netfilter/compile.ts';
import { parseSave } from '../../../src/netfilter/parse/save.ts';
import { tokenize } from '../../../src/netfilter/parse/tokens.ts';
import { printRule } from '../../../src/netfilter/print.ts';
import { SnapshotCollector } from '../../../src/pcap/snapshot-block.ts';
import { eventsOf } from '../../pcap/events-of.ts';
import { expectPrintsAsSaved, linesOf, printKept, printSave } from './saved.ts';

const at = (path: string): URL => new URL(`../../../${path}`, import.meta.url);

interface Recorded {
  readonly raw: Readonly<Record<string, string>>;
  readonly namespaces: Readonly<Record<string, { readonly raw: Readonly<Record<string, string>> }>>;
}

const SAVE = /^(ip6?)tables(?:-(nft|legacy))?-save/;

/** Each text of an iptables-save in a snapshot, the host's and its containers'. */
const savedIn = ({
  raw,
  namespaces,
}: Recorded): readonly { readonly text: string; readonly backend: 'nft' | 'legacy'; readonly family: 'ip' | 'ip6' }[] =>
  [raw, ...Object.values(namespaces).map((namespace) => namespace.raw)].flatMap((outputs) =>
    Object.entries(outputs).flatMap(([command, text]) => {
      const match = SAVE.exec(command);
      if (match === null || text === '') return [];
      return [{ text, backend: match[2] === 'legacy' ? ('legacy' as const) : ('nft' as const), family: match[1] as 'ip' | 'ip6' }];
    }),
  );

const snapshotsOf = (capture: string): readonly Recorded[] => {
  const collector = new SnapshotCollector();
  const found: Recorded[] = [];
  for (const event of eventsOf(readFileSync(at(capture)))) {
    if (event.kind !== 'custom') continue;
    const result = collector.add(event);
    if (result.kind !== 'snapshot') continue;
    const { document, packing } = result.snapshot;
    found.push(JSON.parse((packing === 'gzip' ? gunzipSync(document) : Buffer.from(document)).toString('utf8')) as Recorded);
  }
  return found;
};

const files = (folder: string, ending: string): string[] =>
  readdirSync(at(folder))
    .filter((name) => name.endsWith(ending))
    .sort();

describe('rules print as iptables-save printed them', () => {
  it.each(files('test/fixtures/snapshots', '.json'))('in the snapshot %s', (name) => {
    const texts = savedIn(JSON.parse(readFileSync(at(`test/fixtures/snapshots/${name}`), 'utf8')) as Recorded);
    const rules = texts.reduce((sum, { text, backend, family }) => sum + expectPrintsAsSaved(text, backend, family), 0);
    expect(rules).toBeGreaterThan(50);
  });

  it.each(files('captures/samples', '.pcapng'))('in the sample %s', (name) => {
    const snapshots = snapshotsOf(`captures/samples/${name}`);
    expect(snapshots.length).toBeGreaterThan(0);
    const texts = snapshots.flatMap(savedIn);
    expect(texts.reduce((sum, { text, backend, family }) => sum + expectPrintsAsSaved(text, backend, family), 0)).toBeGreaterThan(50);
  });

  it.each(files('test/fixtures/netfilter', '.saved'))('of the neighbours in %s', (name) => {
    const [, family, backend] = name.split(/[-.]/) as [string, 'ip' | 'ip6', 'nft' | 'legacy'];
    const text = readFileSync(at(`test/fixtures/netfilter/${name}`), 'utf8');
    expect(expectPrintsAsSaved(text, backend, family)).toBe(family === 'ip' ? 111 : 23);
  });
});

/** As xtables_save_string writes it: letters, digits, `-` and `_` stay bare, all else stands in quotes. */
const savedString = (text: string): string => (/^[A-Za-z0-9_-]+$/.test(text) ? text : `"${text.replace(/["\\']/g, '\\$&')}"`);

describe('text that nobody knows', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/).map((text) => `${text}z`);
  const value = fc.oneof(
    word,
    fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/[\n\r]/.test(text) && !/^[A-Za-z0-9_-]+$/.test(text)),
  );
  const option = fc
    .tuple(fc.boolean(), word, fc.array(value, { maxLength: 3 }))
    .map(([negated, name, values]) => `${negated ? '! ' : ''}--${name}${values.map((text) => ` ${savedString(text)}`).join('')}`);
  const options = fc.array(option, { maxLength: 3 });
  const line = fc
    .tuple(fc.array(fc.tuple(word, options), { maxLength: 3 }), word, options)
    .map(([matches, target, rest]) =>
      ['-A FORWARD', ...matches.map(([name, own]) => [`-m ${name}`, ...own].join(' ')), [`-j ${target}`, ...rest].join(' ')].join(' '),
    );
  const first = (text: string) =>
    parseSave(`*filter\n:FORWARD ACCEPT [0:0]\n${text}\nCOMMIT\n`, { backend: 'nft', family: 'ip' }).tables[0]?.chains[0]?.rules[0];

  it('is printed byte for byte: matches, targets, options and whatever stands in quotes', () => {
    fc.assert(
      fc.property(line, (text) => {
        const rule = first(text);
        expect(rule?.problem).toBeUndefined();
        expect(rule?.text).toBe(text);
        expect(rule === undefined ? '' : printRule(rule, 'FORWARD')).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('is kept byte for byte where it makes no sense, and evaluates to unknown', () => {
    const junk = fc
      .string({ unit: 'binary', maxLength: 60 })
      .map((text) => `-A FORWARD ${text}`.replace(/[\n\r]/g, ' ').trim())
      .filter((text) => !/^-A FORWARD\s*$/.test(text) && !/(^|\s)(-c|--set-counters)\s/.test(text));
    fc.assert(
      fc.property(junk, (text) => {
        const rule = first(text);
        expect(rule?.text).toBe(text);
        if (rule?.problem === undefined) return;
        expect(printKept(rule, 'FORWARD')).toBe(text);
        const [chain] = compileRuleset(parseSave(`*filter\n:FORWARD ACCEPT [0:0]\n${text}\nCOMMIT\n`, { backend: 'nft', family: 'ip' }));
        expect(chain?.name).toBe('FORWARD');
      }),
      { numRuns: 1000 },
    );
  });

  it('is cut into the words that iptables-restore cuts it into: quotes anywhere, a backslash within them', () => {
    const words = (text: string) => tokenize(text)?.map((token) => token.text);
    expect(words('a "b c" d"e f"g "\\"\\\\" \\x ""')).toEqual(['a', 'b c', 'de fg', '"\\', '\\x', '']);
    expect(tokenize('a "b')).toBeNull();
  });
});

describe('a ruleset printed as a whole', () => {
  it.each(files('test/fixtures/netfilter', '.saved'))('reads back the same: %s', (name) => {
    const text = readFileSync(at(`test/fixtures/netfilter/${name}`), 'utf8');
    const once = printSave(parseSave(text, { backend: 'nft', family: 'ip' }));
    expect(linesOf(printSave(parseSave(once, { backend: 'nft', family: 'ip' })))).toEqual(linesOf(once));
  });
});
