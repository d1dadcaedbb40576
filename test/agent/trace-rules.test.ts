/** The rules that ask for a trace, as nft(8) reads them. */
import { describe, expect, it } from 'vitest';
import type { TracedTuple } from '../../src/agent/protocol.ts';
import { type TraceRules, traceCommands } from '../../src/agent/trace-rules.ts';

const original: TracedTuple = {
  family: 4,
  src: '203.0.113.2',
  dst: '203.0.113.1',
  protocol: 6,
  sport: null,
  dport: 8080,
  icmpType: null,
};
const reply: TracedTuple = { ...original, src: '172.17.0.2', dst: '203.0.113.2', sport: 80, dport: null };
const rules: TraceRules = { table: 'vethscope_trace_1_2', original, reply, tracks: true, bridge: false, owned: true };

/** Each rule on its own line, chains by their heads. */
const lines = (commands: string): string[] => commands.split(/(?<=[{;]) /).map((line) => line.trim());

describe('the rules that ask for a trace', () => {
  it('mark the packet and its predicted answer before raw, and other answers behind conntrack', () => {
    const found = lines(traceCommands(rules));
    const early = 'ip saddr 203.0.113.2 ip daddr 203.0.113.1 meta l4proto 6 th dport 8080';
    expect(found).toContain('flags owner;');
    expect(found.filter((line) => line.startsWith('type filter hook'))).toEqual([
      'type filter hook prerouting priority -350;',
      'type filter hook output priority -350;',
      'type filter hook prerouting priority -199;',
      'type filter hook output priority -199;',
    ]);
    expect(found.filter((line) => line.startsWith(`${early} limit`))).toEqual(
      Array(2).fill(`${early} limit name "pace" counter name "traced" meta nftrace set 1 return;`),
    );
    expect(found.filter((line) => line === `${early} counter name "over";`)).toHaveLength(2);
    expect(found.filter((line) => line.startsWith('ip saddr 172.17.0.2 ip daddr 203.0.113.2 meta l4proto 6 th sport 80 '))).toHaveLength(4);
    expect(traceCommands(rules)).toContain(
      'ct direction reply ct original ip saddr 203.0.113.2 ct original ip daddr 203.0.113.1 meta l4proto 6 ct original proto-dst 8080 ' +
        'ip saddr . ip daddr != { 172.17.0.2 . 203.0.113.2 } limit name "pace"',
    );
  });

  it('ask for no connection where none is tracked, and for no owner where the kernel knows none', () => {
    const commands = traceCommands({ ...rules, tracks: false, owned: false });
    expect(commands).not.toMatch(/\bct\b|owner/);
  });

  it('begin before the bridge where bridge rules are', () => {
    const tables = traceCommands({ ...rules, bridge: true }).match(/^add table \S+/gm);
    expect(tables).toEqual(['add table inet', 'add table bridge']);
  });

  it('take nothing but addresses and numbers from elsewhere', () => {
    for (const bad of [{ src: '1.2.3.4; flush ruleset' }, { dst: 'fd00::1' }, { dport: 65_536 }, { protocol: 1.5 }])
      expect(() => traceCommands({ ...rules, original: { ...original, ...bad } }), JSON.stringify(bad)).toThrow('not sound');
  });
});
