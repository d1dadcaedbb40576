/** Headers only: what is kept of a packet, and that transforms are applied one after another. */
import { describe, expect, it } from 'vitest';
import { LINKTYPE_ETHERNET } from '../../../src/packet/packet.ts';
import { headersOnly } from '../../../src/session/saving/headers-only.ts';
import { composeTransforms } from '../../../src/session/saving/transform.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const ETHERNET = '0242ac120003 0242ac120002';
const SECRET = Buffer.from('secret').toString('hex');
const ipv4 = (protocol: string, length: number, fragment = '0000'): string =>
  `0800 4500${length.toString(16).padStart(4, '0')} 0001 ${fragment} 40${protocol} 0000 ac120002 ac120003`;
const UDP = '1f90 0035 000e 0000';
const TCP = '1f90 0050 00000001 00000002 8018 0100 0000 0000 01010402 01010101 01010101';

const kept = (text: string): string => {
  const bytes = hex(text);
  const out = headersOnly().packet?.(bytes, LINKTYPE_ETHERNET, bytes.length) ?? bytes;
  return Buffer.from(out).toString('hex');
};
const same = (text: string): string => text.replace(/\s/g, '');

describe('headers only', () => {
  it.each([
    ['UDP', `${ETHERNET} ${ipv4('11', 34)} ${UDP}`],
    ['TCP with its options', `${ETHERNET} ${ipv4('06', 58)} ${TCP}`],
    ['an echo request', `${ETHERNET} ${ipv4('01', 34)} 0800 0000 0001 0001`],
    ['a later fragment', `${ETHERNET} ${ipv4('11', 26, '0010')}`],
    ['a protocol of its own (GRE)', `${ETHERNET} ${ipv4('2f', 26)}`],
    ['a frame of a protocol that is not known', `${ETHERNET} 88b5`],
  ])('cuts %s behind the header', (_name, headers) => {
    expect(kept(`${headers}${SECRET}`)).toBe(same(headers));
  });

  it('cuts what an ICMP error quotes behind the quoted header', () => {
    const quoted = `${ipv4('11', 34).slice(5)} ${UDP}`;
    const headers = `${ETHERNET} ${ipv4('01', 62)} 0303 0000 00000000 ${quoted}`;
    expect(kept(`${headers}${SECRET}`)).toBe(same(headers));
  });

  it('cuts what VXLAN carries behind the inner header', () => {
    const inner = `${ETHERNET} ${ipv4('11', 34)} ${UDP}`;
    const headers = `${ETHERNET} ${ipv4('11', 92)} 1f90 12b5 0048 0000 08000000 00100100 ${inner}`;
    expect(kept(`${headers}${SECRET}`)).toBe(same(headers));
  });

  it.each([
    ['ARP', `${ETHERNET} 0806 0001080006040001 0242ac120002 ac120002 000000000000 ac120003`],
    [
      'a neighbour solicitation',
      `${ETHERNET} 86dd 60000000 0018 3aff ${'fe80'.padEnd(32, '0')} ${'ff02'.padEnd(32, '0')} 8700 0000 00000000 ${'fe80'.padEnd(32, '1')}`,
    ],
  ])('keeps %s whole', (_name, frame) => {
    expect(kept(frame)).toBe(same(frame));
  });

  it('keeps no payload where the transport header cannot be read', () => {
    const headers = `${ETHERNET} ${ipv4('06', 46)} 1f90 0050 00000001`;
    // A data offset of one word is below TCP's own header.
    expect(kept(`${headers} 00000002 1018 0100 0000 0000${SECRET}`)).toBe(same(headers));
  });
});

describe('composed transforms', () => {
  it('are applied in their order, and leave alone what none of them changes', () => {
    const add = (byte: number) => ({ packet: (bytes: Uint8Array) => Uint8Array.of(...bytes, byte) });
    const both = composeTransforms([
      { ...add(1), comment: (text) => `${text}!` },
      { ...add(2), comment: () => null },
    ]);
    expect([...(both?.packet?.(Uint8Array.of(0), 1, 3) ?? [])]).toEqual([0, 1, 2]);
    expect(both?.comment?.('a')).toBeNull();
    expect(both?.snapshot).toBeUndefined();
    expect(both?.dropsForeignBlocks).toBe(false);
    expect(composeTransforms([])).toBeNull();
  });
});
