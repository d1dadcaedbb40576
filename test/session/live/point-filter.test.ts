/** What an engine is asked for; what libpcap makes of it is asked of tcpdump, whose compiled program is run on real frames. */
import { describe, expect, it } from 'vitest';
import { LINKTYPE_ETHERNET } from '../../../src/packet/packet.ts';
import type { RawPacket } from '../../../src/pcap/reader.ts';
import { compilePacketFilter } from '../../../src/session/files/packet-filter.ts';
import { pointFilter } from '../../../src/session/live/point-filter.ts';

const ARP_REQUEST = '0001080006040001 020000000005 c6130502 000000000000 c6130503';
const ETHER = 'ffffffffffff 020000000005';

const frame = (hex: string): RawPacket => {
  const bytes = new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return { linkType: LINKTYPE_ETHERNET, bytes, start: 0, end: bytes.length, originalLength: bytes.length } as RawPacket;
};
const plain = frame(`${ETHER} 0806 ${ARP_REQUEST}`);
const tagged = frame(`${ETHER} 8100000a 0806 ${ARP_REQUEST}`);
const otherVlan = frame(`${ETHER} 81000014 0806 ${ARP_REQUEST}`);

const accepts = async (filter: string, packet: RawPacket): Promise<boolean> => (await compilePacketFilter(filter))?.accepts(packet) ?? true;

describe('the filter of a capture point', () => {
  it('joins what belongs to the point and what was asked for', () => {
    expect(pointFilter(null, '', false)).toBe('');
    expect(pointFilter('ether host 02:00:00:00:00:05', '', false)).toBe('ether host 02:00:00:00:00:05');
    expect(pointFilter('ether host 02:00:00:00:00:05', 'icmp or arp', false)).toBe('(ether host 02:00:00:00:00:05) and (icmp or arp)');
  });

  it('asks for frames with a tag too on a trunk', async () => {
    const filter = pointFilter(null, 'icmp or arp', true);
    expect(await accepts('icmp or arp', tagged)).toBe(false);
    expect(await accepts(filter, tagged)).toBe(true);
    expect(await accepts(filter, plain)).toBe(true);
  });

  it('leaves a filter that speaks of VLANs as it is: what follows `vlan` is about tagged frames', async () => {
    const filter = pointFilter('vlan 10 and (ether host 02:00:00:00:00:05 or arp host 198.19.5.2)', 'icmp or arp', true);
    expect(filter).toBe('(vlan 10 and (ether host 02:00:00:00:00:05 or arp host 198.19.5.2)) and (icmp or arp)');
    expect([await accepts(filter, tagged), await accepts(filter, otherVlan), await accepts(filter, plain)]).toEqual([true, false, false]);
  });
});
