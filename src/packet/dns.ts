/** DNS messages in short: the question, the answers, the response code. RFC 1035, RFC 3597, EDNS RFC 6891; names as RFC 4343 escapes them. */
import { u8, u16be, u32be } from '../base/bytes.ts';
import { formatIp, ipv4, ipv6 } from '../base/ip-address.ts';

export const DNS_PORT = 53;
export const MDNS_PORT = 5353;
export const DNS_HEADER_LENGTH = 12;

export const DNS_QR = 0x8000;
export const DNS_AA = 0x0400;
export const DNS_TC = 0x0200;
export const DNS_RD = 0x0100;
export const DNS_RA = 0x0080;
export const DNS_AD = 0x0020;
export const DNS_CD = 0x0010;

/** RFC 1035 section 2.3.4. */
const MAX_NAME_LENGTH = 255;
/** More answers than anybody reads; a hostile message can count 65,535 of them. */
const MAX_RECORDS = 32;

const TYPE_CNAME = 5;
const TYPE_OPT = 41;

export interface DnsQuestion {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** The data in words: an address, a name, or how many bytes. */
  readonly data: string;
}

export interface DnsMessage {
  readonly id: number;
  readonly flags: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly rcode: number;
  readonly counts: { readonly questions: number; readonly answers: number; readonly authorities: number; readonly additionals: number };
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  /** Why reading stopped before the answers' end, or ''. */
  readonly problem: string;
}

const TYPE_NAMES = new Map<number, string>([
  [1, 'A'],
  [2, 'NS'],
  [TYPE_CNAME, 'CNAME'],
  [6, 'SOA'],
  [12, 'PTR'],
  [13, 'HINFO'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [33, 'SRV'],
  [35, 'NAPTR'],
  [39, 'DNAME'],
  [TYPE_OPT, 'OPT'],
  [43, 'DS'],
  [46, 'RRSIG'],
  [47, 'NSEC'],
  [48, 'DNSKEY'],
  [50, 'NSEC3'],
  [52, 'TLSA'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [251, 'IXFR'],
  [252, 'AXFR'],
  [255, 'ANY'],
  [257, 'CAA'],
]);

const RCODE_NAMES = [
  'NoError',
  'FormErr',
  'ServFail',
  'NXDomain',
  'NotImp',
  'Refused',
  'YXDomain',
  'YXRRSet',
  'NXRRSet',
  'NotAuth',
  'NotZone',
] as const;

const OPCODE_NAMES = ['query', 'inv_q', 'stat', 'op3', 'notify', 'update', 'stateful'] as const;

export const dnsTypeName = (type: number): string => TYPE_NAMES.get(type) ?? `Type${type}`;

export const dnsRcodeName = (rcode: number): string => RCODE_NAMES[rcode] ?? `Resp${rcode}`;

export const dnsOpcodeName = (opcode: number): string => OPCODE_NAMES[opcode] ?? `op${opcode}`;

/** Reads what lies between `start` and `end`. Null where not even the header is there. Names are plain printable ASCII. */
export const readDns = (bytes: Uint8Array, start: number, end: number): DnsMessage | null => {
  const to = Math.min(end, bytes.length);
  if (start < 0 || start + DNS_HEADER_LENGTH > to) return null;
  const reader = new DnsReader(bytes, start, to);
  const flags = u16be(bytes, start + 2);
  const counts = {
    questions: u16be(bytes, start + 4),
    answers: u16be(bytes, start + 6),
    authorities: u16be(bytes, start + 8),
    additionals: u16be(bytes, start + 10),
  };
  const questions: DnsQuestion[] = [];
  const answers: DnsRecord[] = [];
  while (questions.length < Math.min(counts.questions, MAX_RECORDS)) {
    const question = reader.question();
    if (question === null) break;
    questions.push(question);
  }
  if (questions.length === counts.questions) {
    while (answers.length < Math.min(counts.answers, MAX_RECORDS)) {
      const answer = reader.record();
      if (answer === null) break;
      answers.push(answer);
    }
  }
  return {
    id: u16be(bytes, start),
    flags,
    response: (flags & DNS_QR) !== 0,
    opcode: (flags >>> 11) & 0x0f,
    rcode: flags & 0x0f,
    counts,
    questions,
    answers,
    problem: reader.problem,
  };
};

/** A cursor over one message, which compressed names point back into. */
class DnsReader {
  problem = '';
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#at = start + DNS_HEADER_LENGTH;
  }

  question(): DnsQuestion | null {
    const name = this.#name();
    if (name === null || !this.#has(4)) return null;
    const question = { name, type: u16be(this.#bytes, this.#at), class: u16be(this.#bytes, this.#at + 2) };
    this.#at += 4;
    return question;
  }

  record(): DnsRecord | null {
    const name = this.#name();
    if (name === null || !this.#has(10)) return null;
    const at = this.#at;
    const type = u16be(this.#bytes, at);
    const length = u16be(this.#bytes, at + 8);
    this.#at += 10;
    if (!this.#has(length)) return null;
    const data = this.#data(type, this.#at, length);
    this.#at += length;
    return { name, type, class: u16be(this.#bytes, at + 2), ttl: u32be(this.#bytes, at + 4), data };
  }

  #has(length: number): boolean {
    if (this.#at + length <= this.#end) return true;
    this.problem ||= 'message cut short';
    return false;
  }

  #name(): string | null {
    const read = this.#nameAt(this.#at);
    if (read === null) return null;
    this.#at = read.next;
    return read.name;
  }

  /** A pointer must lead backwards, behind which the name goes on: so every chain of pointers ends. */
  #nameAt(from: number): { name: string; next: number } | null {
    let at = from;
    let next = -1;
    let lowest = from;
    let length = 0;
    let name = '';
    for (;;) {
      if (at >= this.#end) return this.#fail('message cut short');
      const size = u8(this.#bytes, at);
      if (size === 0) return { name: name === '' ? '.' : name, next: next < 0 ? at + 1 : next };
      if ((size & 0xc0) === 0xc0) {
        if (at + 2 > this.#end) return this.#fail('message cut short');
        const target = this.#start + (u16be(this.#bytes, at) & 0x3fff);
        if (next < 0) next = at + 2;
        if (target >= lowest) return this.#fail('name points forwards or at itself');
        lowest = target;
        at = target;
        continue;
      }
      if ((size & 0xc0) !== 0) return this.#fail('label of an unknown kind');
      length += size + 1;
      if (length >= MAX_NAME_LENGTH) return this.#fail('name longer than 255 bytes');
      if (at + 1 + size > this.#end) return this.#fail('message cut short');
      name += `${escapeLabel(this.#bytes, at + 1, size)}.`;
      at += 1 + size;
    }
  }

  #fail(problem: string): null {
    this.problem ||= problem;
    return null;
  }

  #data(type: number, at: number, length: number): string {
    const bytes = this.#bytes;
    if (type === 1 && length === 4) return formatIp(ipv4(u32be(bytes, at)));
    if (type === 28 && length === 16)
      return formatIp(ipv6(u32be(bytes, at), u32be(bytes, at + 4), u32be(bytes, at + 8), u32be(bytes, at + 12)));
    if (type === TYPE_CNAME || type === 2 || type === 12 || type === 39) return this.#nameAt(at)?.name ?? '?';
    if (type === 15 && length > 2) return `${this.#nameAt(at + 2)?.name ?? '?'} ${u16be(bytes, at)}`;
    if (type === 33 && length > 6)
      return `${this.#nameAt(at + 6)?.name ?? '?'}:${u16be(bytes, at + 4)} ${u16be(bytes, at)} ${u16be(bytes, at + 2)}`;
    if (type === 16 && length > 0) {
      const size = Math.min(u8(bytes, at), length - 1);
      return `"${escapeLabel(bytes, at + 1, size, true)}"`;
    }
    return `${length} bytes`;
  }
}

/** Dots and backslashes inside a label get a backslash, bytes that are not printable ASCII become `\DDD`. */
const escapeLabel = (bytes: Uint8Array, at: number, length: number, isText = false): string => {
  let text = '';
  for (let i = at; i < at + length; i++) {
    const code = u8(bytes, i);
    if (code === 0x5c || (code === 0x2e && !isText) || (code === 0x22 && isText)) text += `\\${String.fromCharCode(code)}`;
    else if (code > 0x20 && code < 0x7f) text += String.fromCharCode(code);
    else if (code === 0x20 && isText) text += ' ';
    else text += `\\${String(code).padStart(3, '0')}`;
  }
  return text;
};
