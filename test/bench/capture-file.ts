/**
 * A capture of any number of packets between the containers of a recorded host and the outside, the same in every run: TCP connections
 * with data, UDP questions with answers, pings; 200 packets a conversation in the mean, 400 of them at a time. Ethernet frames cut at 96 bytes,
 * as a pcapng file (draft-ietf-opsawg-pcapng).
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { type IpAddress, parseIp, parseMac } from '../../src/base/ip-address.ts';
import type { HostFacts } from '../../src/host/facts.ts';
import { BlockBuilder } from '../../src/pcap/block-builder.ts';
import { NanosecondStamp } from '../../src/pcap/time-scale.ts';
import { appendPacket, interfaceDescription, sectionHeader } from '../../src/pcap/writer.ts';
import { seeded } from './measure.ts';

const LINKTYPE_ETHERNET = 1;
const SNAP_LENGTH = 96;
const OPEN_FLOWS = 400;
const CHUNK_BYTES = 1 << 20;
/** A million packets are 5,000 conversations: when all have begun, those of TCP go on to the end of the file. */
const PACKETS_PER_FLOW = 200;

interface End {
  readonly ip: IpAddress;
  readonly mac: number;
}

/** One conversation: what is said next, and how much is left of it. */
interface Talk {
  readonly a: End;
  readonly b: End;
  readonly protocol: 1 | 6 | 17;
  readonly aPort: number;
  readonly bPort: number;
  said: number;
  length: number;
  readonly sequence: [number, number];
}

export const writeCaptureFile = (path: string, facts: HostFacts, packets: number): void => {
  const random = seeded(20);
  const network = facts.networks.find(
    (one) => one.claimedBridge !== null && facts.containers.some((two) => two.endpoints.some((end) => end.networkId === one.id)),
  );
  const bridge = network?.claimedBridge ?? 'docker0';
  const inside = facts.containers.flatMap((container) =>
    container.endpoints.flatMap(({ networkId, ipv4, mac }): End[] =>
      networkId !== network?.id || ipv4 === null || mac === null ? [] : [{ ip: ipv4, mac: parseMac(mac) ?? 0 }],
    ),
  );
  const gateway = facts.self.links?.find((link) => link.name === bridge)?.mac ?? '02:00:00:00:00:01';
  const outside = (): End => ({ ip: parseIp(`198.51.100.${1 + Math.floor(random() * 250)}`) as IpAddress, mac: parseMac(gateway) ?? 0 });
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const flows = Math.max(OPEN_FLOWS, Math.round(packets / PACKETS_PER_FLOW));
  let begun = 0;
  const begin = (): Talk => {
    begun++;
    const a = pick(inside);
    const kind = random();
    const protocol = kind < 0.7 ? 6 : kind < 0.9 ? 17 : 1;
    return {
      a,
      b: random() < 0.5 ? pick(inside.filter((end) => end !== a)) : outside(),
      protocol,
      aPort: 32_768 + Math.floor(random() * 28_000),
      bPort: protocol === 17 ? 53 : pick([80, 443, 8080, 5432]),
      said: 0,
      length: protocol === 6 ? 8 + Math.floor(random() * 530) : 2 * (1 + Math.floor(random() * 5)),
      sequence: [Math.floor(random() * 0xffff_ffff), Math.floor(random() * 0xffff_ffff)],
    };
  };
  const file = openSync(path, 'w');
  try {
    writeSync(file, sectionHeader({ application: 'test/bench' }));
    writeSync(file, interfaceDescription({ linkType: LINKTYPE_ETHERNET, snapLength: SNAP_LENGTH, name: bridge }));
    const out = new BlockBuilder();
    const stamp = new NanosecondStamp();
    const frame = new Uint8Array(SNAP_LENGTH);
    const talks = Array.from({ length: OPEN_FLOWS }, begin);
    let waiting = 0;
    for (let index = 0; index < packets; index++) {
      const at = Math.floor(random() * talks.length);
      const talk = talks[at] as Talk;
      const originalLength = writeFrame(frame, talk);
      talk.said++;
      // Before it closes, which takes its last three packets.
      if (begun === flows && talk.said === talk.length - 4) talk.length += 2;
      if (talk.said === talk.length) talks.splice(at, 1, ...(begun < flows ? [begin()] : []));
      const end = Math.min(originalLength, SNAP_LENGTH);
      appendPacket(out, stamp, {
        interfaceId: 0,
        timeSec: 1_700_000_000 + Math.floor(index / 50_000),
        timeNsec: (index % 50_000) * 20_000,
        bytes: frame,
        start: 0,
        end,
        originalLength,
      });
      waiting += end + 32;
      if (waiting < CHUNK_BYTES && index + 1 < packets) continue;
      writeSync(file, out.take());
      out.length = 0;
      waiting = 0;
    }
  } finally {
    closeSync(file);
  }
};

const TH_FIN = 1;
const TH_SYN = 2;
const TH_PUSH = 8;
const TH_ACK = 16;

/** Writes the talk's next frame and gives its length on the wire. */
const writeFrame = (frame: Uint8Array, talk: Talk): number => {
  const { said, length, protocol, sequence } = talk;
  const fromA = said % 2 === 0;
  const [from, to] = fromA ? [talk.a, talk.b] : [talk.b, talk.a];
  frame.fill(0);
  setMac(frame, 0, to.mac);
  setMac(frame, 6, from.mac);
  set16(frame, 12, 0x0800);
  const opening = protocol === 6 && said < 2;
  const isFin = protocol === 6 && (said === length - 3 || said === length - 2);
  const data = protocol === 6 ? (opening || said === 2 || said >= length - 3 ? 0 : 100 + (said % 13) * 100) : 56;
  const header = protocol === 6 ? 20 : 8;
  frame[14] = 0x45;
  set16(frame, 16, 20 + header + data);
  set16(frame, 18, said);
  frame[22] = 64;
  frame[23] = protocol;
  set32(frame, 26, from.ip.a);
  set32(frame, 30, to.ip.a);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += ((frame[at] as number) << 8) | (frame[at + 1] as number);
  sum = (sum & 0xffff) + (sum >>> 16);
  set16(frame, 24, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  if (protocol === 1) {
    frame[34] = fromA ? 8 : 0;
    set16(frame, 38, talk.aPort);
    set16(frame, 40, said >> 1);
    return 42 + data;
  }
  set16(frame, 34, fromA ? talk.aPort : talk.bPort);
  set16(frame, 36, fromA ? talk.bPort : talk.aPort);
  if (protocol === 17) {
    set16(frame, 38, 8 + data);
    return 42 + data;
  }
  const [own, other] = fromA ? [0, 1] : [1, 0];
  set32(frame, 38, sequence[own] as number);
  set32(frame, 42, said === 0 ? 0 : (sequence[other] as number));
  frame[46] = 0x50;
  frame[47] = said === 0 ? TH_SYN : said === 1 ? TH_SYN | TH_ACK : isFin ? TH_FIN | TH_ACK : data > 0 ? TH_PUSH | TH_ACK : TH_ACK;
  set16(frame, 48, 64_240);
  sequence[own] = ((sequence[own] as number) + data + (opening || isFin ? 1 : 0)) >>> 0;
  return 54 + data;
};

const set16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = (value >> 8) & 255;
  bytes[at + 1] = value & 255;
};

const set32 = (bytes: Uint8Array, at: number, value: number): void => {
  set16(bytes, at, value >>> 16);
  set16(bytes, at + 2, value & 0xffff);
};

const setMac = (bytes: Uint8Array, at: number, mac: number): void => {
  set16(bytes, at, Math.floor(mac / 0x1_0000_0000));
  set32(bytes, at + 2, mac % 0x1_0000_0000);
};
