/** TCP and its options: RFC 9293, window scale and timestamps RFC 7323, selective acknowledgement RFC 2018. */
import { join16, u8, u16be, u32be } from '../base/bytes.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import { type Packet, TH_ACK, TH_CWR, TH_ECE, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG } from './packet.ts';
import { portWords } from './protocols.ts';

export const TCP_MIN_HEADER = 20;

const TCPOPT_EOL = 0;
const TCPOPT_NOP = 1;
const TCPOPT_MAXSEG = 2;
const TCPOPT_WINDOW = 3;
const TCPOPT_SACK_PERMITTED = 4;
const TCPOPT_SACK = 5;
const TCPOPT_TIMESTAMP = 8;
/** Two NOPs, then a timestamp option of ten bytes: what Linux sends on every segment after the handshake. */
const TWO_NOPS = 0x0101;
const TIMESTAMP_OF_TEN = 0x080a;

export const TCP_FLAG_NAMES = [
  [TH_SYN, 'SYN'],
  [TH_FIN, 'FIN'],
  [TH_RST, 'RST'],
  [TH_PUSH, 'PSH'],
  [TH_ACK, 'ACK'],
  [TH_URG, 'URG'],
  [TH_ECE, 'ECE'],
  [TH_CWR, 'CWR'],
] as const;

export const decodeTcp = (packet: Packet, at: number, limit: number): void => {
  const { bytes } = packet;
  if (!hasBytes(packet, at, TCP_MIN_HEADER, limit, 'tcp', 'TCP header cut short')) {
    decodeTcpStart(packet, at, limit);
    return;
  }
  const headerLength = (u8(bytes, at + 12) >>> 4) * 4;
  packet.srcPort = u16be(bytes, at);
  packet.dstPort = u16be(bytes, at + 2);
  packet.tcpSeq = join16(u16be(bytes, at + 4), u16be(bytes, at + 6));
  packet.tcpAck = join16(u16be(bytes, at + 8), u16be(bytes, at + 10));
  packet.tcpFlags = u8(bytes, at + 13);
  packet.tcpWindow = u16be(bytes, at + 14);
  if (headerLength < TCP_MIN_HEADER) {
    packet.malformed = 'TCP data offset below 20 bytes';
    return;
  }
  if (!hasBytes(packet, at, headerLength, limit, 'tcp', 'TCP options cut short')) return;
  if (headerLength > TCP_MIN_HEADER) decodeOptions(packet, at + TCP_MIN_HEADER, at + headerLength);
  setPayload(packet, at + headerLength, limit);
};

/** An ICMP error need only quote eight bytes, a short capture may hold any number: ports and sequence number are the first of them. */
const decodeTcpStart = (packet: Packet, at: number, limit: number): void => {
  const available = Math.min(limit, packet.end) - at;
  if (available >= 4) {
    packet.srcPort = u16be(packet.bytes, at);
    packet.dstPort = u16be(packet.bytes, at + 2);
  }
  if (available >= 8) packet.tcpSeq = join16(u16be(packet.bytes, at + 4), u16be(packet.bytes, at + 6));
};

const decodeOptions = (packet: Packet, from: number, end: number): void => {
  const { bytes } = packet;
  let at = from;
  if (end - at === 12 && u16be(bytes, at) === TWO_NOPS && u16be(bytes, at + 2) === TIMESTAMP_OF_TEN) {
    packet.tcpTsVal = join16(u16be(bytes, at + 4), u16be(bytes, at + 6));
    packet.tcpTsEcr = join16(u16be(bytes, at + 8), u16be(bytes, at + 10));
    return;
  }
  while (at < end) {
    const kind = u8(bytes, at);
    if (kind === TCPOPT_EOL) return;
    if (kind === TCPOPT_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? u8(bytes, at + 1) : 0;
    if (length < 2 || at + length > end) {
      packet.malformed = 'TCP option with a wrong length';
      return;
    }
    if (kind === TCPOPT_MAXSEG && length === 4) packet.tcpMss = u16be(bytes, at + 2);
    else if (kind === TCPOPT_WINDOW && length === 3) packet.tcpWindowScale = u8(bytes, at + 2);
    else if (kind === TCPOPT_SACK_PERMITTED && length === 2) packet.tcpSackPermitted = true;
    else if (kind === TCPOPT_TIMESTAMP && length === 10) {
      packet.tcpTsVal = join16(u16be(bytes, at + 2), u16be(bytes, at + 4));
      packet.tcpTsEcr = join16(u16be(bytes, at + 6), u16be(bytes, at + 8));
    }
    at += length;
  }
};

/** tcpdump's letters: `S`, `S.`, `P.`; `none` where no flag is set. */
export const tcpFlagLetters = (flags: number): string => {
  let letters = '';
  if ((flags & TH_FIN) !== 0) letters += 'F';
  if ((flags & TH_SYN) !== 0) letters += 'S';
  if ((flags & TH_RST) !== 0) letters += 'R';
  if ((flags & TH_PUSH) !== 0) letters += 'P';
  if ((flags & TH_ACK) !== 0) letters += '.';
  if ((flags & TH_URG) !== 0) letters += 'U';
  if ((flags & TH_ECE) !== 0) letters += 'E';
  if ((flags & TH_CWR) !== 0) letters += 'W';
  return letters === '' ? 'none' : letters;
};

/** `SYN,ACK`; `none` where no flag is set. */
export const tcpFlagNames = (flags: number): string => {
  const names = TCP_FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  return names.length === 0 ? 'none' : names.join(',');
};

/** Of a header that was cut short: whether the sequence number was still there. */
const hasSequence = (packet: Packet): boolean => packet.srcPort >= 0 && packet.l4Offset + 8 <= packet.end;

export const summariseTcp = (packet: Packet): string => {
  const { tcpFlags: flags } = packet;
  if (flags < 0) return hasSequence(packet) ? `tcp, seq ${packet.tcpSeq}` : 'tcp';
  const length = packet.payloadLength;
  const parts = [`Flags [${tcpFlagLetters(flags)}]`];
  if (length > 0) parts.push(`seq ${packet.tcpSeq}:${(packet.tcpSeq + length) >>> 0}`);
  else if ((flags & (TH_SYN | TH_FIN | TH_RST)) !== 0) parts.push(`seq ${packet.tcpSeq}`);
  if ((flags & TH_ACK) !== 0) parts.push(`ack ${packet.tcpAck}`);
  parts.push(`win ${packet.tcpWindow}`);
  if ((flags & TH_URG) !== 0) parts.push(`urg ${u16be(packet.bytes, packet.l4Offset + 18)}`);
  const options = optionWords(packet);
  if (options.length > 0) parts.push(`options [${options.join(',')}]`);
  parts.push(`length ${length}`);
  return parts.join(', ');
};

/** Each option as tcpdump writes it, in the order in which it was sent. */
const optionWords = (packet: Packet): string[] => {
  const words: string[] = [];
  eachOption(packet, (kind, at, length) => words.push(optionWord(packet.bytes, kind, at, length)));
  return words;
};

const eachOption = (packet: Packet, visit: (kind: number, at: number, length: number) => void): void => {
  const { bytes, l4Offset } = packet;
  const end = Math.min(l4Offset + (u8(bytes, l4Offset + 12) >>> 4) * 4, packet.end);
  let at = l4Offset + TCP_MIN_HEADER;
  while (at < end) {
    const kind = u8(bytes, at);
    const single = kind === TCPOPT_EOL || kind === TCPOPT_NOP;
    const length = single ? 1 : at + 1 < end ? u8(bytes, at + 1) : 0;
    if (length < 1 || (!single && length < 2) || at + length > end) return;
    visit(kind, at, length);
    if (kind === TCPOPT_EOL) return;
    at += length;
  }
};

const optionWord = (bytes: Uint8Array, kind: number, at: number, length: number): string => {
  if (kind === TCPOPT_EOL) return 'eol';
  if (kind === TCPOPT_NOP) return 'nop';
  if (kind === TCPOPT_MAXSEG && length === 4) return `mss ${u16be(bytes, at + 2)}`;
  if (kind === TCPOPT_WINDOW && length === 3) return `wscale ${u8(bytes, at + 2)}`;
  if (kind === TCPOPT_SACK_PERMITTED && length === 2) return 'sackOK';
  if (kind === TCPOPT_TIMESTAMP && length === 10) return `TS val ${u32be(bytes, at + 2)} ecr ${u32be(bytes, at + 6)}`;
  if (kind === TCPOPT_SACK && (length - 2) % 8 === 0) {
    const blocks: string[] = [];
    for (let block = at + 2; block < at + length; block += 8) blocks.push(`{${u32be(bytes, block)}:${u32be(bytes, block + 4)}}`);
    return `sack ${blocks.length} ${blocks.join('')}`;
  }
  return `unknown-${kind}`;
};

export const describeTcp = (packet: Packet): LayerView[] => {
  const { bytes, l4Offset: at } = packet;
  const fields: LayerField[] = [];
  if (packet.srcPort >= 0)
    fields.push(field('source port', portWords(packet.srcPort)), field('destination port', portWords(packet.dstPort)));
  if (packet.tcpFlags < 0 && hasSequence(packet)) fields.push(field('sequence', packet.tcpSeq));
  if (packet.tcpFlags < 0) return [{ name: 'TCP', fields, start: at, end: Math.min(at + TCP_MIN_HEADER, packet.end) }];
  const headerLength = (u8(bytes, at + 12) >>> 4) * 4;
  const scale = packet.tcpWindowScale < 0 ? '' : ` (scale offered: ${packet.tcpWindowScale})`;
  fields.push(
    field('flags', `${tcpFlagNames(packet.tcpFlags)} (${hex(packet.tcpFlags, 2)})`),
    field('sequence', packet.tcpSeq),
    field('acknowledgement', packet.tcpAck),
    field('window', `${packet.tcpWindow}${scale}`),
    field('header length', headerLength),
    field('checksum', hex(u16be(bytes, at + 16), 4)),
  );
  if ((packet.tcpFlags & TH_URG) !== 0) fields.push(field('urgent pointer', u16be(bytes, at + 18)));
  for (const words of optionWords(packet)) if (words !== 'nop' && words !== 'eol') fields.push(field('option', words));
  if (packet.payloadOffset >= 0) fields.push(field('payload', `${packet.payloadLength} bytes`));
  return [{ name: 'TCP', fields, start: at, end: Math.min(at + Math.max(headerLength, TCP_MIN_HEADER), packet.end) }];
};
