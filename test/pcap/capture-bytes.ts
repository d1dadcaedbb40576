/** Builds captures by hand, in either byte order, independent of the writer under test. draft-ietf-opsawg-pcapng. */
import { concat } from './events-of.ts';

export interface Order {
  readonly little: boolean;
}

export const words = (little: boolean, ...values: readonly number[]): Uint8Array => {
  const out = new Uint8Array(values.length * 4);
  const view = new DataView(out.buffer);
  values.forEach((value, index) => {
    view.setUint32(index * 4, value >>> 0, little);
  });
  return out;
};

export const halves = (little: boolean, ...values: readonly number[]): Uint8Array => {
  const out = new Uint8Array(values.length * 2);
  const view = new DataView(out.buffer);
  values.forEach((value, index) => {
    view.setUint16(index * 2, value, little);
  });
  return out;
};

export const pad = (bytes: Uint8Array): Uint8Array => concat(bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));

export const block = (little: boolean, type: number, ...body: readonly Uint8Array[]): Uint8Array => {
  const inside = concat(...body);
  return concat(words(little, type, inside.length + 12), inside, words(little, inside.length + 12));
};

export const option = (little: boolean, code: number, value: Uint8Array | string): Uint8Array => {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return concat(halves(little, code, bytes.length), pad(bytes));
};

export const END = new Uint8Array(4);

export const section = (little: boolean, ...options: readonly Uint8Array[]): Uint8Array =>
  block(little, 0x0a0d0d0a, words(little, 0x1a2b3c4d), halves(little, 1, 0), words(little, 0xffffffff, 0xffffffff), ...options);

export const iface = (little: boolean, linkType: number, snapLength: number, ...options: readonly Uint8Array[]): Uint8Array =>
  block(little, 1, halves(little, linkType, 0), words(little, snapLength), ...options);

export const enhanced = (
  little: boolean,
  interfaceId: number,
  stamp: bigint,
  data: Uint8Array,
  originalLength = data.length,
  ...options: readonly Uint8Array[]
): Uint8Array =>
  block(
    little,
    6,
    words(little, interfaceId, Number(stamp >> 32n), Number(stamp & 0xffffffffn), data.length, originalLength),
    pad(data),
    ...options,
  );

export const classicHeader = (little: boolean, magic: number, snapLength: number, linkType: number): Uint8Array =>
  concat(words(little, magic), halves(little, 2, 4), words(little, 0, 0, snapLength, linkType));

export const classicRecord = (little: boolean, sec: number, fraction: number, data: Uint8Array, original = data.length): Uint8Array =>
  concat(words(little, sec, fraction, data.length, original), data);

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
