/** DNS messages: names and their compression, answers, and messages that try to keep a reader busy. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DnsMessage, readDns } from '../../src/packet/dns.ts';
import { describeDns, dnsOf } from '../../src/packet/dns-view.ts';
import { summarisePacket } from '../../src/packet/summary.ts';
import { decode, fromHex } from './fixtures.ts';

const read = (hex: string): DnsMessage => {
  const bytes = fromHex(hex);
  const message = readDns(bytes, 0, bytes.length);
  if (message === null) throw new Error('no message');
  return message;
};

const overUdp = (dns: string, linkHeader = '') => {
  const length = fromHex(dns).length;
  const field = (value: number): string => value.toString(16).padStart(4, '0');
  return decode(
    fromHex(`${linkHeader} 4500 ${field(28 + length)} 0000 0000 40 11 0000 0a090102 0a090101 c184 0035 ${field(8 + length)} 0000 ${dns}`),
    101,
  );
};

const overTcp = (payload: string) => {
  const length = (40 + fromHex(payload).length).toString(16).padStart(4, '0');
  return decode(
    fromHex(`4500 ${length} 0000 0000 40 06 0000 0a090102 0a090101 c1840035 00000001 00000001 50180400 00000000 ${payload}`),
    101,
  );
};

// 8738+ [1au] AAAA? web.example.com. (44)
const QUERY = '2222 0100 0001 0000 0000 0001 03776562 076578616d706c65 03636f6d 00 001c 0001 00 0029 04d0 00000000 0000';
// 17476 2/0/0 CNAME web.example.com., A 10.9.2.2 (69)
const ANSWER =
  '4444 8180 0001 0002 0000 0000 05616c696173 076578616d706c65 03636f6d 00 0001 0001 c00c 0005 0001 0000003c 0006 03776562 c012 c02f 0001 0001 0000003c 0004 0a090202';

describe('readDns', () => {
  it('gives the question of a query', () => {
    const message = read(QUERY);
    expect([message.id, message.response, message.opcode, message.rcode, message.problem]).toEqual([0x2222, false, 0, 0, '']);
    expect(message.questions).toEqual([{ name: 'web.example.com.', type: 28, class: 1 }]);
    expect(message.counts).toEqual({ questions: 1, answers: 0, authorities: 0, additionals: 1 });
  });

  it('follows compressed names, in owners and in data', () => {
    const message = read(ANSWER);
    expect(message.response).toBe(true);
    expect(message.answers).toEqual([
      { name: 'alias.example.com.', type: 5, class: 1, ttl: 60, data: 'web.example.com.' },
      { name: 'web.example.com.', type: 1, class: 1, ttl: 60, data: '10.9.2.2' },
    ]);
  });

  it.each([
    ['A', '0001', '0a090202', '10.9.2.2'],
    ['A of a wrong length', '0001', '0a0902', '3 bytes'],
    ['AAAA', '001c', 'fd090002000000000000000000000002', 'fd09:2::2'],
    ['MX', '000f', '000a c00c', 'a. 10'],
    ['SRV', '0021', '0001 0002 01bb c00c', 'a.:443 1 2'],
    ['TXT', '0010', '06 2268692220 1b', '"\\"hi\\" \\027"'],
    ['TXT whose string is longer than its data', '0010', 'ff 6869', '"hi"'],
    ['a type without words', '0063', '0102', '2 bytes'],
  ])('gives the data of %s', (_, type, data, words) => {
    const length = fromHex(data).length.toString(16).padStart(4, '0');
    const message = read(`0001 8180 0001 0001 0000 0000 0161 00 0001 0001 c00c ${type} 0001 0000000a ${length} ${data}`);
    expect(message.answers[0]?.data).toBe(words);
  });

  it('escapes what a label may hold and a terminal may not', () => {
    expect(read('0001 0100 0001 0000 0000 0000 07 612e625c1bff20 00 0001 0001').questions[0]?.name).toBe('a\\.b\\\\\\027\\255\\032.');
    expect(read('0001 0100 0001 0000 0000 0000 00 0002 0001').questions[0]?.name).toBe('.');
  });

  it.each([
    ['a name that points at itself', 'c00c 0001 0001', 'name points forwards or at itself'],
    ['two names that point at each other', 'c00e c00c 0001 0001', 'name points forwards or at itself'],
    ['a label that leads back to its own start', '0161 c00c 0001 0001', 'name points forwards or at itself'],
    ['a name that points beyond the message', 'c0ff 0001 0001', 'name points forwards or at itself'],
    ['a label of an unknown kind', '80 0001 0001', 'label of an unknown kind'],
    ['a label longer than the message', '3f 6162', 'message cut short'],
    ['half a pointer', 'c0', 'message cut short'],
    ['a name without an end', '0161', 'message cut short'],
    ['a question without its type', '0161 00 00', 'message cut short'],
    ['a name of 256 bytes', `${`3f${'61'.repeat(63)}`.repeat(4)} 00 0001 0001`, 'name longer than 255 bytes'],
  ])('stops at %s', (_, body, problem) => {
    const message = read(`0001 0100 0001 0000 0000 0000 ${body}`);
    expect([message.problem, message.questions]).toEqual([problem, []]);
  });

  it('keeps the answers before the one that was cut off', () => {
    const bytes = fromHex(ANSWER);
    const message = readDns(bytes, 0, bytes.length - 2);
    expect([message?.answers.length, message?.problem]).toEqual([1, 'message cut short']);
  });

  it('reads at most 32 of the 65,535 answers that a message may count', () => {
    const message = read(`0001 8180 0000 ffff 0000 0000 ${'00 0001 0001 00000000 0004 01010101'.repeat(100)}`);
    expect(message.answers.length).toBe(32);
  });

  it('is null where the header is not there', () => {
    expect(readDns(fromHex('0001 0100 0001'), 0, 6)).toBeNull();
    expect(readDns(new Uint8Array(20), -1, 20)).toBeNull();
  });

  it('ends, and writes plain text, whatever the bytes', () => {
    const pointers = fc.array(fc.constantFrom(0xc0, 0x0c, 0x0d, 0x10, 0x01, 0x61, 0x00), { maxLength: 80 });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 120 }), pointers), (body) => {
        const bytes = new Uint8Array([0, 1, 0x81, 0x80, 0, 3, 0, 9, 0, 0, 0, 0, ...body]);
        const message = readDns(bytes, 0, bytes.length);
        const texts = [...(message?.questions ?? []), ...(message?.answers ?? [])].map(({ name }) => name);
        for (const text of texts) {
          expect(text).toMatch(/^[\x20-\x7e]+$/);
          expect(text.length).toBeLessThanOrEqual(4 * 255);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('DNS in packets', () => {
  it('stands in the line with its question', () => {
    expect(summarisePacket(overUdp(QUERY))).toBe('IP 10.9.1.2.49540 > 10.9.1.1.53: 8738+ [1au] AAAA? web.example.com. (44)');
    expect(summarisePacket(overUdp(ANSWER))).toBe(
      'IP 10.9.1.2.49540 > 10.9.1.1.53: 17476 q: A? alias.example.com. 2/0/0 CNAME web.example.com., A 10.9.2.2 (69)',
    );
  });

  it.each([
    ['8183', '1 NXDomain q: A? a. 0/0/0'],
    ['8182', '1 ServFail q: A? a. 0/0/0'],
    ['8105', '1 Refused- q: A? a. 0/0/0'],
    ['8780', '1*| q: A? a. 0/0/0'],
    ['0010', '1% A? a.'],
    ['2800', '1 update A? a.'],
  ])('flags %s are written %s', (flags, words) => {
    expect(summarisePacket(overUdp(`0001 ${flags} 0001 0000 0000 0000 0161 00 0001 0001`))).toContain(`: ${words} (19)`);
  });

  it('over TCP is read behind its length, and only where that can be one', () => {
    const length = fromHex(QUERY).length.toString(16).padStart(4, '0');
    expect(summarisePacket(overTcp(`${length} ${QUERY}`))).toContain('length 46: 8738+ [1au] AAAA? web.example.com. (46)');
    expect(dnsOf(overTcp(QUERY))).toBeNull();
    expect(dnsOf(overTcp(''))).toBeNull();
  });

  it('is a layer with its answers', () => {
    const [layer] = describeDns(overUdp(ANSWER));
    expect(layer?.name).toBe('DNS');
    expect(layer?.fields).toEqual(
      expect.arrayContaining([
        { label: 'message', value: 'response, NoError' },
        { label: 'question', value: 'A? alias.example.com.' },
        { label: 'answer', value: 'web.example.com. A 10.9.2.2, TTL 60 s' },
        { label: 'flags', value: 'recursion desired, recursion available' },
      ]),
    );
  });

  it('cut off by the capture says so and keeps the question', () => {
    const whole = overUdp(ANSWER);
    const packet = decode(whole.bytes.subarray(0, whole.end - 20), 101, whole.end);
    expect(summarisePacket(packet)).toContain('q: A? alias.example.com. 2/0/0');
    expect(summarisePacket(packet)).toContain('[message cut short]');
  });

  it('on another port is not looked for', () => {
    const packet = overUdp(QUERY);
    packet.dstPort = 54;
    expect(dnsOf(packet)).toBeNull();
  });
});
