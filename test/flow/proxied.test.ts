/** Halves of proxied connections: joined where what was seen leaves one way only, and left open where it leaves more. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4 } from '../../src/base/ip-address.ts';
import { ORIGINAL, REPLY } from '../../src/flow/flow.ts';
import { HalfStream } from '../../src/flow/half-stream.ts';
import { Half, ProxiedPairs } from '../../src/flow/proxied.ts';
import { type Packet, TH_ACK, TH_FIN, TH_RST, TH_SYN } from '../../src/packet/packet.ts';
import { packetOf } from './packets.ts';

const segment = (tcpSeq: number, text: string, tcpFlags = TH_ACK): Packet => {
  const bytes = new TextEncoder().encode(text);
  return packetOf({
    tcpFlags,
    tcpSeq,
    bytes,
    payloadOffset: 0,
    payloadLength: bytes.length,
    payloadCaptured: bytes.length,
    start: 0,
    end: bytes.length,
  });
};

const datagram = (text: string): Packet => segment(0, text, -1);

const streamOf = (...packets: readonly Packet[]): HalfStream => {
  const stream = new HalfStream();
  for (const packet of packets) stream.observe(packet);
  return stream;
};

describe('the beginning of what one end says', () => {
  const syn = segment(999, '', TH_SYN);

  it('is the same however it is cut into segments', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 200 }),
        fc.array(fc.integer({ min: 1, max: 60 })),
        fc.array(fc.integer({ min: 1, max: 60 })),
        (text, one, other) => {
          const ascii = text.replace(/[^ -~]/g, '.');
          expect(streamOf(syn, ...cut(ascii, one)).compare(streamOf(syn, ...cut(ascii, other)))).toBe('same');
        },
      ),
    );
  });

  it('is taken up again where a segment was repeated', () => {
    const stream = streamOf(syn, segment(1000, 'GET /'), segment(1000, 'GET / HTTP'), segment(1010, '/1.0'));
    expect(stream.length).toBe(14);
    expect(stream.compare(streamOf(syn, segment(1000, 'GET / HTTP/1.0')))).toBe('same');
  });

  it('ends where a segment is missing, and compares what lies before', () => {
    const stream = streamOf(syn, segment(1000, 'GET /'), segment(1020, 'Host: a'));
    expect(stream.length).toBe(5);
    expect(stream.total).toBe(27);
    expect(stream.compare(streamOf(syn, segment(1000, 'GET /b')))).toBe('same');
  });

  it('goes across the end of the sequence numbers', () => {
    const stream = streamOf(segment(0xffff_fffd, '', TH_SYN), segment(0xffff_fffe, 'abcd'), segment(2, 'ef'));
    expect(stream.compare(streamOf(syn, segment(1000, 'abcdef')))).toBe('same');
    expect(stream.length).toBe(6);
  });

  it('tells nothing where the beginning was not seen', () => {
    expect(streamOf(segment(1000, 'GET /')).compare(streamOf(syn, segment(1000, 'GET /')))).toBe('nothing');
  });

  it('keeps datagrams apart', () => {
    expect(streamOf(datagram('ab'), datagram('c')).compare(streamOf(datagram('a'), datagram('bc')))).toBe('differs');
    expect(streamOf(datagram('ab'), datagram('c')).compare(streamOf(datagram('ab')))).toBe('same');
  });
});

const cut = (text: string, lengths: readonly number[]): Packet[] => {
  const packets: Packet[] = [];
  let at = 0;
  for (const length of [...lengths, text.length]) {
    const piece = text.slice(at, at + length);
    if (piece !== '') packets.push(segment(1000 + at, piece));
    at += piece.length;
  }
  return packets;
};

interface Told {
  readonly side: Half['side'];
  readonly id: number;
  readonly at: number;
  readonly says?: string;
  readonly hears?: string;
  /** Both ends are done so long after it began. */
  readonly lasts?: number;
  readonly refused?: boolean;
  readonly point?: number;
}

const halfOf = ({ side, id, at, says, hears, lasts, refused, point }: Told): Half => {
  const ends = { a: ipv4(id), aPort: 40000 + id, b: ipv4(1), bPort: 80 };
  const half = new Half(side, 'tcp 172.17.0.2:80', ends, { flowId: id, point: point ?? (side === 'client' ? 0 : 1), beganSec: at });
  half.observe(segment(999, '', TH_SYN), ORIGINAL, at);
  if (refused === true) {
    half.observe(segment(0, '', TH_RST | TH_ACK), REPLY, at);
    return half;
  }
  half.observe(segment(4999, '', TH_SYN | TH_ACK), REPLY, at);
  if (says !== undefined) half.observe(segment(1000, says), ORIGINAL, at);
  if (hears !== undefined) half.observe(segment(5000, hears), REPLY, at);
  if (lasts !== undefined) {
    half.observe(segment(1000 + (says ?? '').length, '', TH_FIN | TH_ACK), ORIGINAL, at + lasts);
    half.observe(segment(5000 + (hears ?? '').length, '', TH_FIN | TH_ACK), REPLY, at + lasts);
  }
  return half;
};

/** Partners by id after all has been seen. */
const joined = (told: readonly Told[], nowSec = 1e6): { readonly pairs: string[]; readonly halves: Half[] } => {
  const pairs = new ProxiedPairs();
  const halves = told.map(halfOf);
  for (const half of halves) pairs.add(half);
  pairs.decide(nowSec);
  return {
    halves,
    pairs: halves.flatMap((half) => (half.side === 'client' && half.partner !== null ? [`${half.flows[0]}-${half.partner.flows[0]}`] : [])),
  };
};

const GET = 'GET / HTTP/1.0\r\n\r\n';

describe('the halves of proxied connections', () => {
  it('are joined where both say the same', () => {
    const { pairs, halves } = joined([
      { side: 'client', id: 1, at: 100, says: GET },
      { side: 'container', id: 2, at: 100.001, says: GET },
    ]);
    expect(pairs).toEqual(['1-2']);
    expect(halves.map(({ evidence }) => evidence)).toEqual(['payload', 'payload']);
  });

  it('are told apart by what they say, though they began together and came in any order', () => {
    const all: Told[] = ['a', 'b', 'c'].flatMap((name, n): Told[] => [
      { side: 'client', id: n, at: 100, says: `GET /${name} HTTP/1.0\r\n` },
      { side: 'container', id: n + 10, at: 100, says: `GET /${name} HTTP/1.0\r\n` },
    ]);
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        expect(joined(shuffled).pairs.sort()).toEqual(['0-10', '1-11', '2-12']);
      }),
    );
  });

  it('are told apart by the answer where the question is the same', () => {
    const { pairs } = joined([
      { side: 'client', id: 1, at: 100, says: GET, hears: 'HTTP/1.0 200 OK\r\n\r\none' },
      { side: 'client', id: 2, at: 100, says: GET, hears: 'HTTP/1.0 200 OK\r\n\r\ntwo' },
      { side: 'container', id: 3, at: 100, says: GET, hears: 'HTTP/1.0 200 OK\r\n\r\ntwo' },
      { side: 'container', id: 4, at: 100, says: GET, hears: 'HTTP/1.0 200 OK\r\n\r\none' },
    ]);
    expect(pairs.sort()).toEqual(['1-4', '2-3']);
  });

  it('are left open where all they say is the same and they began together, and each names all that it may be', () => {
    const { pairs, halves } = joined([
      { side: 'client', id: 1, at: 100, says: GET },
      { side: 'client', id: 2, at: 100.01, says: GET },
      { side: 'container', id: 3, at: 100.001, says: GET },
      { side: 'container', id: 4, at: 100.011, says: GET },
    ]);
    expect(pairs).toEqual([]);
    expect(halves.map(({ candidates }) => candidates.map(({ flows }) => flows[0]))).toEqual([
      [3, 4],
      [3, 4],
      [1, 2],
      [1, 2],
    ]);
  });

  it('that say the same one after the other are told apart by when they began', () => {
    const { pairs } = joined([
      { side: 'client', id: 1, at: 100, says: GET, lasts: 50 },
      { side: 'client', id: 2, at: 101, says: GET, lasts: 50 },
      { side: 'container', id: 3, at: 100.001, says: GET, lasts: 50 },
      { side: 'container', id: 4, at: 101.001, says: GET, lasts: 50 },
    ]);
    expect(pairs.sort()).toEqual(['1-3', '2-4']);
  });

  it('that were seen at one point are told apart by their order there', () => {
    const { pairs } = joined([
      { side: 'client', id: 1, at: 100, says: GET, point: 0 },
      { side: 'container', id: 3, at: 100.0003, says: GET, point: 0 },
      { side: 'client', id: 2, at: 100.0005, says: GET, point: 0 },
      { side: 'container', id: 4, at: 100.0007, says: GET, point: 0 },
    ]);
    expect(pairs.sort()).toEqual(['1-3', '2-4']);
  });

  it('never join what says something else, or began before its client, or is of another length', () => {
    expect(
      joined([
        { side: 'client', id: 1, at: 100, says: GET },
        { side: 'container', id: 2, at: 100, says: 'POST / HTTP/1.0\r\n\r\n' },
      ]).pairs,
    ).toEqual([]);
    expect(
      joined([
        { side: 'client', id: 1, at: 100, says: GET },
        { side: 'container', id: 2, at: 98, says: GET },
      ]).pairs,
    ).toEqual([]);
    expect(
      joined([
        { side: 'client', id: 1, at: 100, says: GET, hears: 'short', lasts: 1 },
        { side: 'container', id: 2, at: 100, says: GET, hears: 'shorter', lasts: 1 },
      ]).pairs,
    ).toEqual([]);
  });

  it('wait until whatever else began then has been seen', () => {
    const told: Told[] = [
      { side: 'client', id: 1, at: 100, says: GET },
      { side: 'container', id: 2, at: 100.001, says: GET },
    ];
    expect(joined(told, 100.1).pairs).toEqual([]);
    expect(joined(told, 101).pairs).toEqual(['1-2']);
  });

  it('without a word are joined by a refusal that closes the client, and else only perhaps', () => {
    expect(
      joined([
        { side: 'client', id: 1, at: 100, lasts: 0 },
        { side: 'container', id: 2, at: 100, refused: true },
      ]).halves.map(({ evidence }) => evidence),
    ).toEqual(['refusal', 'refusal']);
    const silent: Told[] = [
      { side: 'client', id: 1, at: 100 },
      { side: 'container', id: 2, at: 100 },
    ];
    expect(joined(silent).halves.map(({ partner, candidates }) => [partner, candidates.length])).toEqual([
      [null, 1],
      [null, 1],
    ]);
  });
});
