/** Connections and their translation. nf_conntrack_core.c, nf_nat_core.c, nf_conntrack_proto_tcp.c, nf_conntrack_proto_icmp{,v6}.c. */
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../src/base/ip-address.ts';
import {
  applyNat,
  describeTuple,
  invertTuple,
  laterView,
  newConnection,
  replyView,
  stateOfFirstPacket,
  translateDestination,
  translateSource,
  tupleOf,
} from '../../src/netfilter/conntrack.ts';
import type { NatAction } from '../../src/netfilter/evaluation.ts';
import type { Skb } from '../../src/netfilter/skb.ts';
import { ip } from '../addresses.ts';
import { skb } from './support.ts';

const by = { backend: 'nft', family: 'ip', table: 'nat', chain: 'X', rule: 1, text: '', counters: null } as const;
const choice = { ports: null, basePort: null, random: false };
const dnat: NatAction = { kind: 'dnat', address: ip('172.17.0.2'), port: 80, choice, by };
const masquerade: NatAction = { kind: 'masquerade', address: ip('203.0.113.1'), port: 40000, choice, by };

const ends = (packet: Skb): string => describeTuple(tupleOf(packet), packet.protocol);
const through = (packet: Skb, nat: NatAction): Skb => {
  const ct = applyNat(packet.ct, nat);
  if (ct === null) throw new Error('not foreseeable');
  return { ...packet, ct };
};

describe('a connection that is translated both ways', () => {
  const request = skb({ src: '10.0.0.1', dst: '203.0.113.1', srcPort: 40000, dstPort: 8080 });
  const afterDnat = translateDestination(through(request, dnat));
  const afterBoth = translateSource(through(afterDnat, masquerade));

  it('changes the destination, then the source', () => {
    expect(ends(afterDnat)).toBe('10.0.0.1:40000 -> 172.17.0.2:80');
    expect(ends(afterBoth)).toBe('203.0.113.1:40000 -> 172.17.0.2:80');
    expect(afterBoth.ct).toMatchObject({ snat: true, dnat: true });
  });

  it('keeps what was asked in the original tuple and what will answer in the reply', () => {
    expect(describeTuple(afterBoth.ct.original, 6)).toBe('10.0.0.1:40000 -> 203.0.113.1:8080');
    expect(describeTuple(afterBoth.ct.reply, 6)).toBe('172.17.0.2:80 -> 203.0.113.1:40000');
  });

  it('brings the answer back to who asked, from whom was asked', () => {
    const view = replyView(afterBoth.ct);
    const { src, dst, srcPort, dstPort } = afterBoth.ct.reply;
    const answer = skb({ src: formatIp(src), dst: formatIp(dst), srcPort, dstPort, ct: view });
    expect(view).toMatchObject({ state: 'ESTABLISHED', direction: 'reply', seenReply: true });
    expect(ends(translateDestination(answer))).toBe('172.17.0.2:80 -> 10.0.0.1:40000');
    expect(ends(translateSource(translateDestination(answer)))).toBe('203.0.113.1:8080 -> 10.0.0.1:40000');
  });

  it('translates later packets of the same direction alike', () => {
    const later = { ...request, ct: laterView(afterBoth.ct, true) };
    expect(later.ct.state).toBe('ESTABLISHED');
    expect(ends(translateSource(translateDestination(later)))).toBe('203.0.113.1:40000 -> 172.17.0.2:80');
    expect(laterView(afterBoth.ct, false).state).toBe('NEW');
  });
});

describe('applyNat', () => {
  it('sets no bit where nothing changes', () => {
    const { ct } = skb();
    expect(applyNat(ct, { kind: 'snat', address: ip('10.0.0.1'), port: 40000, choice, by })).toBe(ct);
  });

  it('does not know what an address left to chance becomes', () => {
    expect(applyNat(skb().ct, { ...dnat, address: null })).toBeNull();
  });

  it('leaves the ICMP id alone', () => {
    const ct = newConnection({ src: ip('10.0.0.1'), dst: ip('10.0.0.2'), srcPort: 7, dstPort: 7 }, 1);
    expect(applyNat(ct, { ...masquerade, port: null })?.reply).toMatchObject({ srcPort: 7, dstPort: 7 });
  });

  it('leaves packets without a connection as they are', () => {
    const packet = skb({ ct: { state: 'UNTRACKED', reply: { src: ip('9.9.9.9'), dst: ip('10.0.0.1'), srcPort: 1, dstPort: 2 } } });
    expect(translateDestination(packet)).toBe(packet);
    expect(translateSource(packet)).toBe(packet);
  });
});

describe('stateOfFirstPacket', () => {
  const tcp = (tcpFlags: number | null) => ({ protocol: 6, tcpFlags, icmpType: null });
  const icmp = (protocol: number, icmpType: number) => ({ protocol, tcpFlags: null, icmpType });

  it.each([
    ['SYN', tcp(2), 'NEW'],
    ['SYN with ECE and CWR', tcp(0xc2), 'NEW'],
    ['SYN,ACK', tcp(0x12), 'INVALID'],
    ['ACK', tcp(0x10), 'NEW'],
    ['PSH,ACK', tcp(0x18), 'NEW'],
    ['RST', tcp(4), 'INVALID'],
    ['FIN,ACK', tcp(0x11), 'INVALID'],
    ['no flags', tcp(0), 'INVALID'],
    ['FIN,PSH,URG', tcp(0x29), 'INVALID'],
    ['echo request', icmp(1, 8), 'NEW'],
    ['echo reply', icmp(1, 0), 'INVALID'],
    ['time exceeded', icmp(1, 11), 'INVALID'],
    ['ICMPv6 echo request', icmp(58, 128), 'NEW'],
    ['neighbour solicitation', icmp(58, 135), 'UNTRACKED'],
    ['ICMPv6 echo reply', icmp(58, 129), 'INVALID'],
    ['UDP', icmp(17, 0), 'NEW'],
    ['GRE', icmp(47, 0), 'NEW'],
  ] as const)('%s is %s', (_name, packet, state) => expect(stateOfFirstPacket(packet, true)).toBe(state));

  it('takes a lone ACK for INVALID where nf_conntrack_tcp_loose is 0', () => expect(stateOfFirstPacket(tcp(0x10), false)).toBe('INVALID'));

  it('does not guess flags', () => expect(stateOfFirstPacket(tcp(null), true)).toEqual({ unknown: expect.stringContaining('flags') }));
});

describe('describeTuple', () => {
  it('writes addresses as people do', () => {
    const six = { src: ip('fd00::1'), dst: ip('fd00::2'), srcPort: 1, dstPort: null };
    expect(describeTuple(six, 6)).toBe('[fd00::1]:1 -> [fd00::2]:?');
    expect(describeTuple(six, 58)).toBe('fd00::1 -> fd00::2');
    expect(describeTuple(invertTuple(six), 58)).toBe('fd00::2 -> fd00::1');
  });
});
