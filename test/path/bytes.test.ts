/** Captured packets bring their bytes: rules that look into them answer, and what they answer holds for that packet only. */
import { describe, expect, it } from 'vitest';
import { decodePacket } from '../../src/packet/decode.ts';
import { LINKTYPE_RAW, Packet } from '../../src/packet/packet.ts';
import { judge } from '../../src/path/judge.ts';
import type { PacketSpec } from '../../src/path/verdict.ts';
import { IPTABLES, insertRules, scene } from './scene.ts';
import { Asker, pointAt } from './sharing/asking.ts';

/** A UDP packet of 36 bytes from 172.18.0.2 port 40000 to 198.51.100.1 port 53 with these eight bytes of payload; the checksum is right. */
const packet = (payload: readonly number[], ttl = 64): Uint8Array =>
  Uint8Array.from([
    ...[0x45, 0, 0, 36, 0, 1, 0, 0, ttl, 17, 0, 0, 172, 18, 0, 2, 198, 51, 100, 1],
    ...[40000 >> 8, 40000 & 255, 0, 53, 0, 16, 0, 0],
    ...payload,
  ]);

const world = (rule: string) => scene('20.10', { raw: { [IPTABLES]: insertRules('filter', rule) } });
const spec = (host: ReturnType<typeof world>, bytes?: Uint8Array): PacketSpec => ({
  in: host.bridge('test_net1'),
  src: '172.18.0.2',
  dst: '198.51.100.1',
  proto: 'udp',
  sport: 40000,
  dport: 53,
  length: 36,
  ttl: 64,
  ...(bytes === undefined ? {} : { bytes }),
});
const PAYLOAD_RULE = '-A FORWARD -m u32 --u32 0x1c=0xdeadbeef -j DROP';
const MARKED = packet([0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0]);
const PLAIN = packet([1, 2, 3, 4, 5, 6, 7, 8]);

const POINT = pointAt(scene('20.10').topology, scene('20.10').bridge('test_net1'));

/** As the bridge sees it: without MAC addresses, which it does not matter here whose they are. */
const captured = (bytes: Uint8Array): Packet => {
  const decoded = new Packet();
  decodePacket(decoded, bytes, 0, bytes.length, bytes.length, LINKTYPE_RAW);
  return decoded;
};

describe('bytes of a captured packet', () => {
  it('decide a rule that looks into them, which is unknown without', () => {
    const host = world(PAYLOAD_RULE);
    expect(judge(host.model, spec(host, MARKED))).toMatchObject({ outcome: 'drop', decidedBy: { text: PAYLOAD_RULE } });
    expect(judge(host.model, spec(host, PLAIN)).outcome).toBe('accept');
    expect(judge(host.model, spec(host)).outcome).toBe('undetermined');
  });

  it('show the hop limit as it is behind the routing decision', () => {
    const lowered = world('-A FORWARD -m u32 --u32 0x8>>24=0x3f -j DROP');
    expect(judge(lowered.model, spec(lowered, PLAIN)).outcome).toBe('drop');
    const before = world('-A FORWARD -m u32 --u32 0x8>>24=0x40 -j DROP');
    expect(judge(before.model, spec(before, PLAIN)).outcome).toBe('accept');
  });

  it('are no longer the packet behind a translation', () => {
    const host = scene('20.10', { raw: { [IPTABLES]: insertRules('filter', PAYLOAD_RULE) } });
    const published: PacketSpec = {
      in: 'eth0',
      src: '203.0.113.2',
      dst: '203.0.113.1',
      proto: 'tcp',
      sport: 40000,
      dport: 8080,
      bytes: PLAIN,
    };
    expect(judge(host.model, published).outcome).toBe('undetermined');
  });

  it('keep answers apart where a rule looks into them', () => {
    const asker = new Asker(world(PAYLOAD_RULE).model);
    expect([PLAIN, MARKED].map((bytes) => asker.ask(captured(bytes), POINT).verdict.outcome)).toEqual(['accept', 'drop']);
  });

  it('do not keep answers apart where none does', () => {
    const asker = new Asker(scene('20.10').model);
    expect(asker.ask(captured(MARKED), POINT).shared).toBe(asker.ask(captured(PLAIN), POINT).shared);
    expect(asker.asked).toBe(1);
  });
});
