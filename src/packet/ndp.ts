/** What neighbour discovery messages say: targets, router lifetimes, prefixes and link-layer addresses. RFC 4861. */
import { u8, u16be, u32be, u48be } from '../base/bytes.ts';
import { formatIp, formatMac, type IpAddress, ipv6 } from '../base/ip-address.ts';
import { bitNames, field, type LayerField } from './layer-view.ts';
import type { Packet } from './packet.ts';

export const ND_ROUTER_SOLICIT = 133;
export const ND_ROUTER_ADVERT = 134;
export const ND_NEIGHBOR_SOLICIT = 135;
export const ND_NEIGHBOR_ADVERT = 136;
export const ND_REDIRECT = 137;

const ND_OPT_SOURCE_LINKADDR = 1;
const ND_OPT_TARGET_LINKADDR = 2;
const ND_OPT_PREFIX_INFORMATION = 3;
const ND_OPT_MTU = 5;

const ADVERT_FLAGS = [
  [0x80, 'router'],
  [0x40, 'solicited'],
  [0x20, 'override'],
] as const;

const ROUTER_FLAGS = [
  [0x80, 'managed addresses'],
  [0x40, 'other configuration'],
] as const;

const address = (bytes: Uint8Array, at: number): IpAddress =>
  ipv6(u32be(bytes, at), u32be(bytes, at + 4), u32be(bytes, at + 8), u32be(bytes, at + 12));

const captured = (packet: Packet): number => packet.payloadOffset + packet.payloadCaptured;

/** The address asked for or answered, in tcpdump's words; null where the message has none or it was cut off. */
export const ndpTarget = (packet: Packet): string | null => {
  const target = targetAddress(packet);
  if (target === null) return null;
  switch (packet.icmpType) {
    case ND_NEIGHBOR_SOLICIT:
      return `who has ${formatIp(target)}`;
    case ND_NEIGHBOR_ADVERT:
      return `tgt is ${formatIp(target)}`;
    default:
      return `${redirected(packet)}to ${formatIp(target)}`;
  }
};

const targetAddress = (packet: Packet): IpAddress | null => {
  const { icmpType: type, payloadOffset: at } = packet;
  if (type !== ND_NEIGHBOR_SOLICIT && type !== ND_NEIGHBOR_ADVERT && type !== ND_REDIRECT) return null;
  return at < 0 || at + 16 > captured(packet) ? null : address(packet.bytes, at);
};

const redirected = (packet: Packet): string => {
  const at = packet.payloadOffset + 16;
  return at + 16 > captured(packet) ? '' : `${formatIp(address(packet.bytes, at))} `;
};

export const describeNdp = (packet: Packet): LayerField[] => {
  const { bytes, icmpType: type, l4Offset: at } = packet;
  if (type < ND_ROUTER_SOLICIT || type > ND_REDIRECT) return [];
  const fields: LayerField[] = [];
  const target = targetAddress(packet);
  if (target !== null) fields.push(field('target', formatIp(target)));
  if (type === ND_NEIGHBOR_ADVERT) fields.push(field('flags', bitNames(u8(bytes, at + 4), ADVERT_FLAGS)));
  if (type === ND_ROUTER_ADVERT) {
    fields.push(
      field('hop limit', u8(bytes, at + 4)),
      field('flags', bitNames(u8(bytes, at + 5), ROUTER_FLAGS)),
      field('router lifetime', `${u16be(bytes, at + 6)} s`),
    );
  }
  return [...fields, ...describeOptions(packet, packet.payloadOffset + fixedLength(type))];
};

/** Bytes between the ICMPv6 header and the options. */
const fixedLength = (type: number): number => {
  if (type === ND_ROUTER_SOLICIT) return 0;
  if (type === ND_ROUTER_ADVERT) return 8;
  return type === ND_REDIRECT ? 32 : 16;
};

/** Options count in units of eight bytes; a length of zero is forbidden, and would never end. */
const describeOptions = (packet: Packet, from: number): LayerField[] => {
  const { bytes } = packet;
  const fields: LayerField[] = [];
  let at = from;
  while (at + 8 <= captured(packet)) {
    const length = u8(bytes, at + 1) * 8;
    if (length === 0 || at + length > captured(packet)) break;
    fields.push(describeOption(bytes, u8(bytes, at), at, length));
    at += length;
  }
  return fields;
};

const describeOption = (bytes: Uint8Array, type: number, at: number, length: number): LayerField => {
  if (type === ND_OPT_SOURCE_LINKADDR && length === 8) return field('source link-layer address', formatMac(u48be(bytes, at + 2)));
  if (type === ND_OPT_TARGET_LINKADDR && length === 8) return field('target link-layer address', formatMac(u48be(bytes, at + 2)));
  if (type === ND_OPT_MTU && length === 8) return field('MTU', u32be(bytes, at + 4));
  if (type === ND_OPT_PREFIX_INFORMATION && length === 32)
    return field('prefix', `${formatIp(address(bytes, at + 16))}/${u8(bytes, at + 2)}, valid ${u32be(bytes, at + 4)} s`);
  return field('option', `type ${type}, ${length} bytes`);
};
