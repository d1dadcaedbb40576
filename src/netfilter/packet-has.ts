/**
 * For near misses: what the packet has in place of what a condition wants, in words. Reads the condition's own text, whose options are
 * those of iptables(8) and iptables-extensions(8); conditions about more than one value of the packet get no words.
 */
import { formatIp, formatMac, type IpAddress } from '../base/ip-address.ts';
import type { MatchEnv } from './evaluation.ts';
import type { Skb } from './skb.ts';

type Say = (skb: Skb, env: MatchEnv, option: string) => string | null;

export const packetHas = (condition: string, skb: Skb, env: MatchEnv): string | null => {
  for (const word of condition.split(' ')) {
    const say = SAYS[word];
    if (say !== undefined) return say(skb, env, condition);
  }
  return null;
};

const device = (name: string | null, which: string): string =>
  name === null ? `no ${which}-interface here` : `${which}-interface ${name}`;

const port = (value: number | null, which: 'dport' | 'sport'): string => (value === null ? `no ${which}` : `${which} ${value}`);

const ports: Say = ({ srcPort, dstPort }) => `${port(srcPort, 'sport')}, ${port(dstPort, 'dport')}`;

const sport: Say = (skb) => port(skb.srcPort, 'sport');

const dport: Say = (skb) => port(skb.dstPort, 'dport');

const addresses: Say = ({ src, dst }) => `source ${formatIp(src)}, destination ${formatIp(dst)}`;

const type = (ip: IpAddress, dev: string | null, env: MatchEnv): string | null => {
  const answer = env.addressType(ip, dev);
  return answer === null ? null : `an address of type ${answer}`;
};

const number = (value: number | null, name: string): string | null => (value === null ? null : `${name} ${value}`);

const mark = (value: number | null, name: string): string | null => (value === null ? null : `${name} 0x${(value >>> 0).toString(16)}`);

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'ipv6-icmp', 132: 'sctp' };

/** Bit by bit, as iptables names them (RFC 9293 section 3.1). */
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

const icmpType: Say = ({ icmpType: kind, icmpCode: code }) => (kind === null ? 'no ICMP type' : `type ${kind}/${code ?? 0}`);

const status: Say = ({ ct }) => {
  if (ct.state === 'INVALID' || ct.state === 'UNTRACKED') return `state ${ct.state}`;
  const names = [
    ct.expected ? 'EXPECTED' : '',
    ct.seenReply ? 'SEEN_REPLY' : '',
    ct.assured ? 'ASSURED' : '',
    ct.confirmed ? 'CONFIRMED' : '',
  ].filter(Boolean);
  return `status ${names.length === 0 ? 'NONE' : names.join(',')}`;
};

/** By option; the first option in the condition's text that is here speaks. */
const SAYS: Readonly<Record<string, Say>> = {
  '-s': ({ src }) => `source ${formatIp(src)}`,
  '-d': ({ dst }) => `destination ${formatIp(dst)}`,
  '-i': ({ inDev }) => device(inDev, 'in'),
  '-o': ({ outDev }) => device(outDev, 'out'),
  '-p': ({ protocol }) => `protocol ${PROTOCOLS[protocol] ?? protocol}`,
  '-f': ({ fragmentOffset }) => (fragmentOffset === 0 ? 'no later fragment' : `fragment at ${fragmentOffset}`),
  '--sport': sport,
  '--sports': sport,
  '--source-ports': sport,
  '--dport': dport,
  '--dports': dport,
  '--destination-ports': dport,
  '--ports': ports,
  '--tcp-flags': ({ tcpFlags }) =>
    tcpFlags === null ? null : `flags ${TCP_FLAGS.filter((_, bit) => (tcpFlags & (1 << bit)) !== 0).join(',') || 'NONE'}`,
  '--icmp-type': icmpType,
  '--icmpv6-type': icmpType,
  '--ctstate': ({ ct }) => `state ${ct.state}${ct.snat ? ',SNAT' : ''}${ct.dnat ? ',DNAT' : ''}`,
  '--state': ({ ct }) => `state ${ct.state}`,
  '--ctstatus': status,
  // Of -m mark and of -m connmark: the option alone does not tell which.
  '--mark': ({ mark: own, markUnknown, ct }) =>
    markUnknown !== undefined ? null : `${mark(own, 'mark')}${ct.mark === null ? '' : `, ${mark(ct.mark, 'connection mark')}`}`,
  '--ctdir': ({ ct }) => `direction ${ct.direction.toUpperCase()}`,
  '--src-type': ({ src, inDev }, env, option) => type(src, option.includes('--limit-iface-in') ? inDev : null, env),
  '--dst-type': ({ dst, inDev, outDev }, env, option) =>
    type(dst, option.includes('--limit-iface-in') ? inDev : option.includes('--limit-iface-out') ? outDev : null, env),
  '--physdev-in': ({ physIn }) => (physIn === null ? 'no bridge port in' : `in port ${physIn}`),
  '--physdev-out': ({ physOut }) => (physOut === null ? 'no bridge port out' : `out port ${physOut}`),
  '--physdev-is-bridged': ({ bridged }) => (bridged ? 'switched inside a bridge' : 'not switched inside a bridge'),
  '--physdev-is-in': ({ physIn }) => (physIn === null ? 'no bridge port in' : `in port ${physIn}`),
  '--physdev-is-out': ({ physOut }) => (physOut === null ? 'no bridge port out' : `out port ${physOut}`),
  '--mac-source': ({ srcMac }) => (srcMac === null ? null : `MAC ${formatMac(srcMac)}`),
  '--pkt-type': ({ packetType }) => packetType,
  '--length': ({ length }) => number(length, 'length'),
  '--ttl-eq': ({ ttl }) => number(ttl, 'ttl'),
  '--ttl-lt': ({ ttl }) => number(ttl, 'ttl'),
  '--ttl-gt': ({ ttl }) => number(ttl, 'ttl'),
  '--dscp': ({ tos }) => (tos === null ? null : mark(tos >> 2, 'dscp')),
  '--tos': ({ tos }) => mark(tos, 'tos'),
  '--src-range': ({ src }) => `source ${formatIp(src)}`,
  '--dst-range': ({ dst }) => `destination ${formatIp(dst)}`,
  '--match-set': addresses,
  '--loose': ({ src, inDev }) => `source ${formatIp(src)} by ${inDev ?? 'no interface'}`,
  '--uid-owner': ({ local }) => (local ? null : 'no socket: the packet is not local'),
  '--gid-owner': ({ local }) => (local ? null : 'no socket: the packet is not local'),
  '--socket-exists': ({ local }) => (local ? null : 'no socket: the packet is not local'),
};
