/** Which packets of a trace belong to the question, and how its answer will look. */
import { describe, expect, it } from 'vitest';
import type { Verdict, VerdictNat } from '../../../src/path/verdict.ts';
import { replyTupleOf, specOfTraced, tupleOf } from '../../../src/session/tracing/trace-packets.ts';
import { NO_PACKET } from '../../../src/trace/event.ts';

const by = { table: 'nat', chain: 'DOCKER', rule: 1, text: '' };
const verdict = (...nat: VerdictNat[]): Verdict => ({
  outcome: 'accept',
  decidedBy: { kind: 'policy', text: '' },
  nat,
  out: 'docker0',
  steps: [],
  unknowns: [],
  evidence: 'predicted',
});
const call = tupleOf({ in: 'eth0', src: '203.0.113.2', dst: '203.0.113.1', proto: 'tcp', sport: 40_000, dport: 8080 }, false);

describe('the answer of a traced packet', () => {
  it('comes from where the packet was sent on to', () => {
    const dnat: VerdictNat = { kind: 'dnat', from: '203.0.113.1:8080', to: '172.17.0.2:80', by };
    expect(replyTupleOf(call, verdict(dnat))).toMatchObject({ src: '172.17.0.2', dst: '203.0.113.2', sport: 80, dport: null });
  });

  it('goes to where the packet seems to come from, IPv6 too', () => {
    const echo = tupleOf({ in: 'br0', src: 'fd00:6::2', dst: '2001:db8::9', proto: 58 }, false);
    const masquerade: VerdictNat = { kind: 'masquerade', from: 'fd00:6::2', to: '2001:db8::1', by };
    expect(replyTupleOf(echo, verdict(masquerade))).toMatchObject({ src: '2001:db8::9', dst: '2001:db8::1', icmpType: 129 });
  });

  it('is not known where a translation is not, and is none where nothing gets through', () => {
    expect(replyTupleOf(call, verdict({ kind: 'masquerade', from: 'x', to: 'unknown', by }))).toBeNull();
    expect(replyTupleOf(call, { ...verdict(), outcome: 'drop' })).toBeNull();
  });
});

describe('the packet to be judged', () => {
  it('is the one that the kernel showed; what only the question knows holds on the same way in', () => {
    const known = { in: 'br0', port: 'veth1', src: '10.0.0.2', dst: '10.0.0.3', proto: 6, dport: 80 };
    const packet = { ...NO_PACKET, inDev: 'br0', srcPort: 51_000, lengthBytes: 60, ttl: 64 };
    expect(specOfTraced(packet, known)).toEqual({ ...known, sport: 51_000, length: 60, ttl: 64 });
    expect(specOfTraced({ ...packet, inDev: 'eth0' }, known)).toMatchObject({ in: 'eth0' });
    expect(specOfTraced({ ...packet, inDev: 'eth0' }, known)).not.toHaveProperty('port');
  });
});
