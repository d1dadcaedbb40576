/** The packets of `explain --packets`: what is understood, and which field is named where it is not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VethscopeError } from '../../src/base/errors.ts';
import { parsePacketSpec, protocolOf, tcpFlagsOf } from '../../src/path/packet-spec.ts';

const good = {
  in: 'br-1',
  src: '172.18.0.2',
  dst: '198.18.20.2',
  proto: 'tcp',
  sport: 1,
  dport: 65535,
  flags: 'SYN',
  length: 60,
  ttl: 64,
  tos: 0,
  srcMac: '02:42:ac:12:00:02',
  state: 'NEW',
  mark: 16,
  port: 'veth1',
};

describe('a packet', () => {
  it('is kept field by field', () => {
    expect(parsePacketSpec(good)).toEqual(good);
  });

  it('is made on the host where it names no interface', () => {
    expect(parsePacketSpec({ src: '::1', dst: '::1', proto: 58 }).in).toBeNull();
  });

  it.each([
    [{ ...good, src: '172.18.0.256' }, '"src" of a packet is no IP address'],
    [{ ...good, dst: '::1' }, '"src" and "dst" of a packet must be of one family'],
    [{ ...good, proto: 'tpc' }, '"proto" of a packet is no protocol'],
    [{ ...good, proto: 300 }, '"proto" of a packet is no protocol'],
    [{ ...good, dport: 65536 }, '"dport" of a packet is no whole number from 0 to 65535'],
    [{ ...good, dport: '80' }, '"dport" of a packet'],
    [{ ...good, flags: 'SIN' }, '"flags" of a packet is unreadable'],
    [{ ...good, state: 'OLD' }, '"state" of a packet is none of'],
    [{ ...good, srcMac: 'x' }, '"srcMac" of a packet is no MAC address'],
    [{ ...good, dprot: 80 }, 'unknown field "dprot"'],
    [[good], 'a packet is a JSON object'],
  ])('is refused by name: %j', (value, message) => {
    expect(() => parsePacketSpec(value)).toThrow(message);
  });

  it('is refused with an error for people, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ src: fc.string(), dst: fc.ipV4(), proto: fc.jsonValue() })), (value) => {
        try {
          parsePacketSpec(value);
        } catch (error) {
          expect(error).toBeInstanceOf(VethscopeError);
        }
      }),
    );
  });
});

describe('names', () => {
  it('knows flags in every usual spelling', () => {
    expect(['SYN,ACK', 'syn ack', 'SYN|ACK'].map(tcpFlagsOf)).toEqual([18, 18, 18]);
    expect([tcpFlagsOf('NONE'), tcpFlagsOf('ALL'), tcpFlagsOf('X')]).toEqual([0, 63, null]);
  });

  it('knows ICMP for IPv6 by its three names', () => {
    expect(['icmpv6', 'icmp6', 'ipv6-icmp', '58'].map(protocolOf)).toEqual([58, 58, 58, 58]);
  });
});
