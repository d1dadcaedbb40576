/** Phrases that many diagnoses share. */
import { expect, it } from 'vitest';
import { rulingLine } from '../../src/diagnosis/words.ts';
import type { Verdict } from '../../src/path/verdict.ts';

const ignored = (namespace?: string): Verdict => ({
  outcome: 'drop',
  decidedBy: { kind: 'sysctl', text: 'net.ipv4.icmp_echo_ignore_all = 1', ...(namespace !== undefined && { namespace }) },
  nat: [],
  out: null,
  steps: [],
  unknowns: [],
  evidence: 'predicted',
});

it('says in which namespace a setting is, as every one has it', () => {
  expect(rulingLine(ignored('web2'))).toBe('net.ipv4.icmp_echo_ignore_all = 1 in web2');
  expect(rulingLine(ignored())).toBe('net.ipv4.icmp_echo_ignore_all = 1');
});
