/** Packets to addresses that mean one link: they are that link's own, at whatever capture point they are seen, and nothing routes them. */
import { describe, expect, it } from 'vitest';
import { formatMac, parseIp, parseMac } from '../../src/base/ip-address.ts';
import { whySentences } from '../../src/diagnosis/diagnose.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { decodePacket } from '../../src/packet/decode.ts';
import { LINKTYPE_ETHERNET, Packet } from '../../src/packet/packet.ts';
import { isOfLink } from '../../src/path/address-kinds.ts';
import { judgeBoth } from '../../src/path/judge.ts';
import { specOfPacket } from '../../src/path/origin/origin.ts';
import { packetOf } from './frames.ts';
import { scene } from './scene.ts';

const world = scene('28.5');
const { model } = world;
const web3 = model.places.all.find((place) => place.container.name === 'web3');
const port = web3?.port ?? '';
const bridge = web3?.bridge ?? '';
const other = model.places.all.find((place) => place.bridge === bridge && place.port !== null && place.port !== port);
const point = world.topology.points.find((entry) => entry.interface === port && entry.netns === null);
const linkLocal = (device: string): string => {
  const found = (model.self.addresses ?? []).find((entry) => entry.interface === device && entry.ip.version === 6);
  if (found === undefined) throw new Error(`no IPv6 address of ${device}`);
  const { a, b, c, d } = found.ip;
  return [a, b, c, d].map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':');
};
const macOf = (device: string): string => model.links?.get(device)?.mac ?? '';

const bytesOfIp = (text: string): number[] => {
  const ip = parseIp(text);
  if (ip === null) throw new Error(text);
  return [ip.a, ip.b, ip.c, ip.d].flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]);
};
const bytesOfMac = (text: string): number[] => {
  const mac = parseMac(text) ?? 0;
  return [40, 32, 24, 16, 8, 0].map((shift) => Math.floor(mac / 2 ** shift) % 256);
};
const icmp6 = (srcMac: string, dstMac: string, src: string, dst: string, type: number): Packet => {
  const header = [0x60, 0, 0, 0, 0, 8, 58, 255, ...bytesOfIp(src), ...bytesOfIp(dst)];
  const bytes = Uint8Array.from([...bytesOfMac(dstMac), ...bytesOfMac(srcMac), 0x86, 0xdd, ...header, type, 0, 0, 0, 0, 0, 0, 0]);
  const packet = new Packet();
  decodePacket(packet, bytes, 0, bytes.length, bytes.length, LINKTYPE_ETHERNET);
  return packet;
};

const asked = (packet: Packet) => {
  if (point === undefined) throw new Error(`no capture point ${port}`);
  const origin = specOfPacket(model, packet, point);
  if ('unknown' in origin) throw new Error(origin.unknown);
  return { ...origin, ...judgeBoth(model, origin.spec, { explain: true }) };
};

describe("at a container's cable", () => {
  it("a router solicitation of the host's end is sent by that end, untracked, and unanswered by nature", () => {
    const { spec, assumptions, verdict, reply } = asked(icmp6(macOf(port), '33:33:00:00:00:02', linkLocal(port), 'ff02::2', 133));
    expect(spec).toMatchObject({ in: null, link: port });
    expect(spec.state).toBeUndefined();
    expect(assumptions).toEqual([]);
    expect(verdict).toMatchObject({ outcome: 'accept', out: port });
    expect(verdict.phases?.find(({ kind }) => kind === 'conntrack')?.text).toBe('UNTRACKED');
    expect(reply).toBeNull();
  });

  it('a multicast listener report of the bridge is sent by the bridge', () => {
    const { verdict } = asked(icmp6(macOf(bridge), '33:33:00:00:00:16', linkLocal(bridge), 'ff02::16', 143));
    expect(verdict).toMatchObject({ outcome: 'accept', out: bridge });
    expect(verdict.phases?.find(({ kind }) => kind === 'conntrack')?.text).toBe('UNTRACKED');
  });

  it('what another container sends to all came in by its port', () => {
    const mac = formatMac(other?.mac ?? 0);
    const { spec, verdict } = asked(icmp6(mac, '33:33:00:00:00:02', 'fe80::5', 'ff02::2', 133));
    expect(spec).toMatchObject({ in: bridge, port: other?.port });
    expect(verdict.out).not.toBe('eth0');
  });

  it('a broadcast and mDNS of the host leave by the bridge', () => {
    for (const [dst, dstMac] of [
      ['255.255.255.255', 'ff:ff:ff:ff:ff:ff'],
      ['224.0.0.251', '01:00:5e:00:00:fb'],
    ] as const) {
      const { verdict } = asked(packetOf({ srcMac: macOf(bridge), dstMac, src: '198.18.20.1', dst, udp: { sport: 5353, dport: 5353 } }));
      expect(verdict).toMatchObject({ outcome: 'accept', out: bridge });
    }
  });

  it('a neighbour solicitation to an address of the link is untracked, whoever asks', () => {
    const { verdict } = asked(icmp6(macOf(bridge), formatMac(web3?.mac ?? 0), linkLocal(bridge), 'fe80::42', 135));
    expect(verdict.out).toBe(bridge);
    expect(verdict.phases?.find(({ kind }) => kind === 'conntrack')?.text).toBe('UNTRACKED');
  });
});

describe('a diagnosis', () => {
  it('does not look for the answer of a group', () => {
    const { spec, verdict, reply } = asked(icmp6(macOf(port), '33:33:00:00:00:02', linkLocal(port), 'ff02::2', 133));
    const flow = { packets: [3, 0] } as unknown as Flow;
    const said = whySentences({ spec, verdict, reply, flow, facts: world.facts, topology: world.topology });
    expect(said.join('\n')).not.toContain('beyond this host');
  });
});

describe('addresses of a link', () => {
  it.each([
    ['ff02::2', true],
    ['ff01::1', true],
    ['ff12::1', true],
    ['ff05::2', false],
    ['ff0e::2', false],
    ['fe80::1', true],
    ['fec0::1', false],
    ['fd00::1', false],
    ['224.0.0.251', true],
    ['224.0.1.1', false],
    ['239.255.255.250', false],
    ['255.255.255.255', true],
    ['172.18.255.255', false],
  ])('%s: %s', (text, expected) => {
    const ip = parseIp(text);
    expect(ip !== null && isOfLink(ip)).toBe(expected);
  });
});
