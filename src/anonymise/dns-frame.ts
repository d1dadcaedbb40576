/**
 * DNS messages in place (RFC 1035): names label by label, addresses as everywhere. Nothing moves, so that compression's pointers hold; a
 * name that spells an address (in-addr.arpa, ip6.arpa) cannot keep its length, and its digits become `x`.
 */
import { u8, u16be } from '../base/bytes.ts';
import { DNS_HEADER_LENGTH } from '../packet/dns.ts';
import type { Maps } from './maps.ts';
import { replaceIpv4, replaceIpv6 } from './packet-bytes.ts';

const TYPE_A = 1;
const TYPE_AAAA = 28;
/** NS, CNAME, PTR, DNAME: the data is a name. */
const NAME_TYPES = new Set([2, 5, 12, 39]);
/** MX and SRV: so many bytes before the name. */
const BEFORE_NAME = new Map([
  [15, 2],
  [33, 6],
]);
const TYPE_SOA = 6;
const TYPE_TXT = 16;
/** More than any message of 64 KiB holds. */
const MAX_RECORDS = 6000;
/** Ends of names that say what kind of name it is. */
const KEPT_LABELS = new Set(['arpa', 'in-addr', 'ip6', 'local', 'localhost', 'internal']);

/** RFC 2782, RFC 6763: what is asked for, not who asks. */
const SERVICE_LABELS = new Set('_tcp _udp _http _https _ssh _ipp _smb _ldap _kerberos _sip _xmpp-client _services _dns-sd _dns'.split(' '));

interface Cursor {
  at: number;
}

/** Returns where to cut: at the payload's start where it is no DNS. */
export const rewriteDns = (bytes: Uint8Array, start: number, limit: number, maps: Maps): number => {
  if (limit - start < DNS_HEADER_LENGTH) return start;
  const questions = u16be(bytes, start + 4);
  const records = u16be(bytes, start + 6) + u16be(bytes, start + 8) + u16be(bytes, start + 10);
  if (questions + records > MAX_RECORDS) return start;
  const cursor: Cursor = { at: start + DNS_HEADER_LENGTH };
  for (let i = 0; i < questions; i++) {
    const from = cursor.at;
    if (!rewriteName(bytes, cursor, limit, maps)) return start;
    if (cursor.at + 4 > limit) return from;
    cursor.at += 4;
  }
  for (let i = 0; i < records; i++) {
    const from = cursor.at;
    if (!rewriteName(bytes, cursor, limit, maps)) return from;
    if (cursor.at + 10 > limit) return from;
    const length = u16be(bytes, cursor.at + 8);
    const data = cursor.at + 10;
    if (data + length > limit) return from;
    rewriteData(bytes, u16be(bytes, cursor.at), data, length, maps);
    cursor.at = data + length;
  }
  return cursor.at;
};

const rewriteData = (bytes: Uint8Array, type: number, at: number, length: number, maps: Maps): void => {
  const end = at + length;
  const before = BEFORE_NAME.get(type);
  const cursor: Cursor = { at: at + (before ?? 0) };
  if (type === TYPE_A && length === 4) replaceIpv4(bytes, at, maps);
  else if (type === TYPE_AAAA && length === 16) replaceIpv6(bytes, at, maps);
  else if (NAME_TYPES.has(type) || before !== undefined) {
    if (!rewriteName(bytes, cursor, end, maps)) bytes.fill(0, at, end);
  } else if (type === TYPE_SOA) {
    if (!rewriteName(bytes, cursor, end, maps) || !rewriteName(bytes, cursor, end, maps)) bytes.fill(0, at, end);
  } else if (type === TYPE_TXT) blankTexts(bytes, at, end);
  else bytes.fill(0, at, end);
};

const blankTexts = (bytes: Uint8Array, from: number, end: number): void => {
  let at = from;
  while (at < end) {
    const behind = Math.min(end, at + 1 + u8(bytes, at));
    bytes.fill(0x78, at + 1, behind);
    at = behind;
  }
};

/** False where it is no name, or does not end before the limit. */
const rewriteName = (bytes: Uint8Array, cursor: Cursor, limit: number, maps: Maps): boolean => {
  const labels: { readonly at: number; readonly text: string }[] = [];
  let at = cursor.at;
  for (;;) {
    if (at >= limit) return false;
    const length = u8(bytes, at);
    if (length === 0) {
      at++;
      break;
    }
    if (length >= 0xc0) {
      if (at + 2 > limit) return false;
      at += 2;
      break;
    }
    if (length > 63 || at + 1 + length > limit || labels.length > 127) return false;
    labels.push({ at: at + 1, text: String.fromCharCode(...bytes.subarray(at + 1, at + 1 + length)) });
    at += 1 + length;
  }
  cursor.at = at;
  const isReverse = labels.at(-1)?.text.toLowerCase() === 'arpa';
  labels.forEach(({ at: place, text }, index) => {
    const mapped = rewriteLabel(text, isReverse, index === labels.length - 1, maps);
    for (let i = 0; i < text.length; i++) bytes[place + i] = mapped.charCodeAt(i);
  });
  return true;
};

const rewriteLabel = (text: string, isReverse: boolean, isLast: boolean, maps: Maps): string => {
  if ((isLast || isReverse) && KEPT_LABELS.has(text.toLowerCase())) return text;
  if (SERVICE_LABELS.has(text.toLowerCase())) return text;
  return isReverse ? text.replace(/[0-9a-zA-Z\x80-\xff]/g, 'x') : maps.names.name(text);
};
