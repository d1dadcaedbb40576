/** Recorded traces to packets' passages: test/fixtures/trace, which say what the kernel did; the goldens say what we make of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TraceEvent } from '../../src/trace/event.ts';
import { readNflogTrace } from '../../src/trace/nflog.ts';
import { NftMonitorReader } from '../../src/trace/nft-monitor.ts';
import { indexRules } from '../../src/trace/rule-index.ts';
import { expectGolden } from '../report/golden.ts';
import { describePassages, legacyEvents, legacyIndex, nflogRecords, nftEvents, passagesOf, text } from './recorded.ts';

const index = indexRules(text('nft-ruleset.json'), []);
const nativeIndex = indexRules(text('nft-native.json'), []);

describe('nft monitor trace', () => {
  it('of iptables-nft chains gives a passage for each packet, numbered as iptables numbers', () => {
    expectGolden('trace/nft.txt', describePassages(passagesOf(nftEvents(text('nft-monitor.txt')), index, 'own')));
  });

  it('of native chains, vmaps, returns and a reject in the middle gives a passage for each packet', () => {
    expectGolden('trace/native.txt', describePassages(passagesOf(nftEvents(text('nft-native.txt')), nativeIndex)));
  });

  it('reads the same however the output is cut', () => {
    const whole = text('nft-native.txt');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }), (cuts) => {
        const reader = new NftMonitorReader();
        const events: TraceEvent[] = [];
        let at = 0;
        for (let turn = 0; at < whole.length; turn++) {
          const length = cuts[turn % cuts.length] as number;
          events.push(...reader.push(whole.slice(at, at + length)));
          at += length;
        }
        events.push(...reader.end());
        expect(events).toEqual(nftEvents(whole));
        expect(reader.unreadable).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it('keeps a rule of several lines together and takes the handle at its end', () => {
    const reader = new NftMonitorReader();
    const head = 'trace id 0a0b0c0d ip t c rule tcp dport {';
    expect(reader.push(`${head} 1,\n\t\t\t     2 } comment "x # handle 9 (verdict drop)" # handle 4`)).toEqual([]);
    expect(reader.push(' (verdict jump next)\ntrace id 0a0b0c0d ip t next verdict continue meta mark 0x00000010 \n')).toMatchObject([
      {
        kind: 'rule',
        handle: 4,
        verdict: 'jump',
        target: 'next',
        text: 'tcp dport { 1,\n\t\t\t     2 } comment "x # handle 9 (verdict drop)"',
      },
      { kind: 'return', verdict: 'continue', mark: 16 },
    ]);
  });

  it('names what it cannot read by a count and goes on', () => {
    const reader = new NftMonitorReader();
    const events = reader.push(
      'add rule ip t c counter\ntrace id zz ip t\n\ntrace id 01 ip t c unknown rule handle 7 (verdict continue)\n',
    );
    expect(events).toMatchObject([{ kind: 'rule', handle: 7, text: null, verdict: 'continue' }]);
    expect(reader.unreadable).toBe(2);
  });

  it('passes over the conntrack lines of newer kernels', () => {
    const reader = new NftMonitorReader();
    expect(reader.push('trace id 01 ip t c conntrack: ct direction original ct state new ct id 7\n')).toEqual([]);
    expect(reader.unreadable).toBe(0);
  });

  it('throws at nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const reader = new NftMonitorReader();
        reader.push(`trace id 12 ip t c ${a}\n${b}`);
        reader.end();
      }),
    );
  });
});

describe('records of TRACE', () => {
  it('give a passage for each packet, tails of chains told from rules that look like them', () => {
    expectGolden('trace/legacy.txt', describePassages(passagesOf(legacyEvents('nflog.pcap'), legacyIndex())));
  });

  it('are told from other logs, and damage is no trace', () => {
    const [record] = nflogRecords('nflog.pcap');
    if (record === undefined) throw new Error('no record');
    expect(readNflogTrace(record, () => null)?.packet?.inDev).toBe('if2');
    const other = record.slice();
    other[other.indexOf(0x54)] = 0x55;
    expect(readNflogTrace(other, () => null)).toBeNull();
    fc.assert(
      fc.property(fc.nat(record.length), fc.nat(record.length - 1), fc.nat(255), (length, at, byte) => {
        const broken = record.slice(0, length);
        if (at < length) broken[at] = byte;
        readNflogTrace(broken, () => null);
      }),
    );
  });
});
