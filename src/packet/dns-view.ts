/** A DNS message in one line, as tcpdump writes it with the question kept in the answer, and as a layer. */
import { u16be } from '../base/bytes.ts';
import {
  DNS_AA,
  DNS_AD,
  DNS_CD,
  DNS_PORT,
  DNS_RA,
  DNS_RD,
  DNS_TC,
  type DnsMessage,
  type DnsQuestion,
  dnsOpcodeName,
  dnsRcodeName,
  dnsTypeName,
  MDNS_PORT,
  readDns,
} from './dns.ts';
import { bitNames, field, hex, type LayerField, type LayerView } from './layer-view.ts';
import { IPPROTO_TCP, IPPROTO_UDP, type Packet } from './packet.ts';

const CLASS_IN = 1;
/** mDNS uses the class's top bit for "unicast answer wanted" and "cache flush" (RFC 6762). */
const CLASS_MASK = 0x7fff;
/** How many answers a line has room for. */
const ANSWERS_SHOWN = 4;
/** Over TCP each message has its length before it (RFC 1035 section 4.2.2). */
const TCP_PREFIX_LENGTH = 2;

const FLAG_NAMES = [
  [DNS_AA, 'authoritative'],
  [DNS_TC, 'truncated'],
  [DNS_RD, 'recursion desired'],
  [DNS_RA, 'recursion available'],
  [DNS_AD, 'authentic data'],
  [DNS_CD, 'checking disabled'],
] as const;

/** The DNS message that a packet to or from port 53 or 5353 carries, or null. Of TCP only what starts a segment is seen. */
export const dnsOf = (packet: Packet): DnsMessage | null => {
  const at = dnsOffset(packet);
  return at < 0 ? null : readDns(packet.bytes, at, packet.payloadOffset + packet.payloadCaptured);
};

/** Where the message starts, or -1. */
const dnsOffset = (packet: Packet): number => {
  if (packet.payloadOffset < 0 || !(isDnsPort(packet.srcPort) || isDnsPort(packet.dstPort))) return -1;
  if (packet.protocol === IPPROTO_UDP) return packet.payloadOffset;
  if (packet.protocol !== IPPROTO_TCP || packet.payloadCaptured < TCP_PREFIX_LENGTH) return -1;
  const length = u16be(packet.bytes, packet.payloadOffset);
  return length > 0 && length + TCP_PREFIX_LENGTH <= packet.payloadLength ? packet.payloadOffset + TCP_PREFIX_LENGTH : -1;
};

const isDnsPort = (port: number): boolean => port === DNS_PORT || port === MDNS_PORT;

const questionWords = ({ name, type, class: klass }: DnsQuestion): string =>
  `${dnsTypeName(type)}?${(klass & CLASS_MASK) === CLASS_IN ? '' : ` (class ${klass & CLASS_MASK})`} ${name}`;

/** `lengthBytes` is the message's own, as its transport claims it. */
export const summariseDns = (message: DnsMessage, lengthBytes: number): string => {
  const words = message.response ? responseWords(message) : queryWords(message);
  const problem = message.problem === '' ? '' : ` [${message.problem}]`;
  return `${words.join(' ')}${problem} (${lengthBytes})`;
};

const queryWords = (message: DnsMessage): string[] => {
  const { flags, counts, opcode } = message;
  const marks = `${(flags & DNS_RD) === 0 ? '' : '+'}${(flags & DNS_CD) === 0 ? '' : '%'}`;
  const words = [`${message.id}${opcode === 0 ? '' : ` ${dnsOpcodeName(opcode)}`}${marks}`];
  if (counts.questions !== 1) words.push(`[${counts.questions}q]`);
  if (counts.answers > 0) words.push(`[${counts.answers}a]`);
  if (counts.authorities > 0) words.push(`[${counts.authorities}n]`);
  if (counts.additionals > 0) words.push(`[${counts.additionals}au]`);
  return [...words, ...message.questions.map(questionWords)];
};

const responseWords = (message: DnsMessage): string[] => {
  const { flags, counts, rcode, opcode } = message;
  const marks = [
    (flags & DNS_AA) === 0 ? '' : '*',
    (flags & DNS_RA) === 0 ? '-' : '',
    (flags & DNS_TC) === 0 ? '' : '|',
    (flags & DNS_AD) === 0 ? '' : '$',
  ].join('');
  const id = `${message.id}${opcode === 0 ? '' : ` ${dnsOpcodeName(opcode)}`}${rcode === 0 ? '' : ` ${dnsRcodeName(rcode)}`}${marks}`;
  const questions = message.questions.map((question) => `q: ${questionWords(question)}`);
  const answers = message.answers.slice(0, ANSWERS_SHOWN).map(({ type, data }) => `${dnsTypeName(type)} ${data}`);
  if (counts.answers > ANSWERS_SHOWN) answers.push('…');
  const words = [id, ...questions, `${counts.answers}/${counts.authorities}/${counts.additionals}`];
  return answers.length === 0 ? words : [...words, answers.join(', ')];
};

export const describeDns = (packet: Packet): LayerView[] => {
  const message = dnsOf(packet);
  if (message === null) return [];
  const { counts } = message;
  const fields: LayerField[] = [
    field('id', `${message.id} (${hex(message.id, 4)})`),
    field('message', message.response ? `response, ${dnsRcodeName(message.rcode)}` : dnsOpcodeName(message.opcode)),
    field('flags', bitNames(message.flags, FLAG_NAMES)),
  ];
  for (const question of message.questions) fields.push(field('question', questionWords(question)));
  for (const { name, type, ttl, data } of message.answers)
    fields.push(field('answer', `${name} ${dnsTypeName(type)} ${data}, TTL ${ttl} s`));
  if (counts.answers > message.answers.length) fields.push(field('answers not shown', counts.answers - message.answers.length));
  fields.push(field('authorities', counts.authorities), field('additionals', counts.additionals));
  if (message.problem !== '') fields.push(field('problem', message.problem));
  return [{ name: 'DNS', fields, start: dnsOffset(packet), end: packet.payloadOffset + packet.payloadCaptured }];
};
