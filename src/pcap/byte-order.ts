/**
 * A block of one byte order in the other. That takes knowing what its fields are: options that are not known here stay as
 * they are, and blocks whose body only their maker knows (others' custom blocks, unknown types) cannot be turned.
 * draft-ietf-opsawg-pcapng sections 3 and 4, appendix A.
 */
import {
  BLOCK_CUSTOM,
  BLOCK_CUSTOM_NO_COPY,
  BLOCK_DECRYPTION_SECRETS,
  BLOCK_ENHANCED_PACKET,
  BLOCK_FRAME_BYTES,
  BLOCK_INTERFACE_DESCRIPTION,
  BLOCK_INTERFACE_STATISTICS,
  BLOCK_NAME_RESOLUTION,
  BLOCK_PACKET,
  BLOCK_SECTION_HEADER,
  BLOCK_SIMPLE_PACKET,
  EPB_DROPCOUNT,
  EPB_FLAGS,
  EPB_PACKETID,
  EPB_PROCESSID_THREADID,
  EPB_QUEUE,
  EPB_VERDICT,
  IF_RXSPEED,
  IF_SPEED,
  IF_TSOFFSET,
  IF_TXSPEED,
  IF_TZONE,
  ISB_ENDTIME,
  ISB_FILTERACCEPT,
  ISB_IFDROP,
  ISB_IFRECV,
  ISB_OSDROP,
  ISB_STARTTIME,
  ISB_USRDELIV,
  NRB_RECORD_END,
  OPT_CUSTOM_BYTES,
  OPT_CUSTOM_BYTES_NO_COPY,
  OPT_CUSTOM_TEXT,
  OPT_CUSTOM_TEXT_NO_COPY,
  OPT_ENDOFOPT,
  padded,
} from './block-types.ts';
import { readU16, readU32 } from './options.ts';
import { PEN_EXAMPLE } from './snapshot-block.ts';

/** The numbers in a value, by their widths in bytes; what lies behind the last one has no byte order. */
type Widths = readonly number[];

interface Layout {
  readonly fixed: Widths;
  /** What lies between the fixed part and the options: data of the length in the word that starts so far into the body, or records. */
  readonly variable: 'none' | 'records' | 'rest' | { readonly lengthAt: number };
  readonly options: Readonly<Record<number, Widths>>;
}

const WORD: Widths = [4];
const LONG: Widths = [8];
const TWO_WORDS: Widths = [4, 4];
const NO_OPTIONS: Readonly<Record<number, Widths>> = {};

/** The first word of a custom option is its maker's enterprise number. */
const CUSTOM_OPTIONS = new Set([OPT_CUSTOM_TEXT, OPT_CUSTOM_BYTES, OPT_CUSTOM_TEXT_NO_COPY, OPT_CUSTOM_BYTES_NO_COPY]);

const PACKET_OPTIONS = {
  [EPB_FLAGS]: WORD,
  [EPB_DROPCOUNT]: LONG,
  [EPB_PACKETID]: LONG,
  [EPB_QUEUE]: WORD,
  // Its first byte tells whose verdict it is; those of the kernel's eBPF hooks are numbers of 64 bits.
  [EPB_VERDICT]: [1, 8],
  [EPB_PROCESSID_THREADID]: TWO_WORDS,
};

const LAYOUTS: Readonly<Record<number, Layout>> = {
  [BLOCK_SECTION_HEADER]: { fixed: [4, 2, 2, 8], variable: 'none', options: NO_OPTIONS },
  [BLOCK_INTERFACE_DESCRIPTION]: {
    fixed: [2, 2, 4],
    variable: 'none',
    options: { [IF_SPEED]: LONG, [IF_TZONE]: WORD, [IF_TSOFFSET]: LONG, [IF_TXSPEED]: LONG, [IF_RXSPEED]: LONG },
  },
  [BLOCK_PACKET]: { fixed: [2, 2, 4, 4, 4, 4], variable: { lengthAt: 12 }, options: { [EPB_FLAGS]: WORD } },
  [BLOCK_SIMPLE_PACKET]: { fixed: WORD, variable: 'rest', options: NO_OPTIONS },
  [BLOCK_NAME_RESOLUTION]: { fixed: [], variable: 'records', options: NO_OPTIONS },
  [BLOCK_INTERFACE_STATISTICS]: {
    fixed: [4, 4, 4],
    variable: 'none',
    options: {
      [ISB_STARTTIME]: TWO_WORDS,
      [ISB_ENDTIME]: TWO_WORDS,
      [ISB_IFRECV]: LONG,
      [ISB_IFDROP]: LONG,
      [ISB_FILTERACCEPT]: LONG,
      [ISB_OSDROP]: LONG,
      [ISB_USRDELIV]: LONG,
    },
  },
  [BLOCK_ENHANCED_PACKET]: { fixed: [4, 4, 4, 4, 4], variable: { lengthAt: 12 }, options: PACKET_OPTIONS },
  // This program's data in custom blocks is big-endian whatever the section's order (snapshot-block.ts).
  [BLOCK_CUSTOM]: { fixed: WORD, variable: 'rest', options: NO_OPTIONS },
  [BLOCK_CUSTOM_NO_COPY]: { fixed: WORD, variable: 'rest', options: NO_OPTIONS },
  [BLOCK_DECRYPTION_SECRETS]: { fixed: TWO_WORDS, variable: { lengthAt: 4 }, options: NO_OPTIONS },
};

/** A copy of the block in the other byte order; null where it cannot be turned. `little` is the order that it has. */
export const inOtherByteOrder = (block: Uint8Array, little: boolean): Uint8Array | null => {
  if (block.length < BLOCK_FRAME_BYTES) return null;
  const type = readU32(block, 0, little);
  const layout = LAYOUTS[type];
  if (layout === undefined) return null;
  if ((type === BLOCK_CUSTOM || type === BLOCK_CUSTOM_NO_COPY) && readU32(block, 8, little) !== PEN_EXAMPLE) return null;
  const out = new Uint8Array(block);
  const end = block.length - 4;
  reverse(out, 0, TWO_WORDS, end);
  reverse(out, end, WORD, block.length);
  const fixedEnd = reverse(out, 8, layout.fixed, end);
  if (fixedEnd === null) return null;
  const optionsAt = endOfVariable(block, out, layout, fixedEnd, end, little);
  if (optionsAt === null || !turnOptions(block, out, layout.options, optionsAt, end, little)) return null;
  return out;
};

/** Reverses the numbers at `at`; gives where they end, or null where they do not fit. */
const reverse = (bytes: Uint8Array, at: number, widths: Widths, end: number): number | null => {
  let next = at;
  for (const width of widths) {
    if (next + width > end) return null;
    bytes.subarray(next, next + width).reverse();
    next += width;
  }
  return next;
};

const endOfVariable = (
  block: Uint8Array,
  out: Uint8Array,
  { variable }: Layout,
  at: number,
  end: number,
  little: boolean,
): number | null => {
  if (variable === 'none') return at;
  if (variable === 'rest') return end;
  if (variable === 'records') return endOfRecords(block, out, at, end, little);
  const next = at + padded(readU32(block, 8 + variable.lengthAt, little));
  return next >= at && next <= end ? next : null;
};

/** Name records: an address and names, which have no byte order, behind a type and a length. */
const endOfRecords = (block: Uint8Array, out: Uint8Array, from: number, end: number, little: boolean): number | null => {
  let at = from;
  while (at < end) {
    if (reverse(out, at, [2, 2], end) === null) return null;
    const type = readU16(block, at, little);
    at += 4 + padded(readU16(block, at + 2, little));
    if (type === NRB_RECORD_END) break;
  }
  return at <= end ? at : null;
};

const turnOptions = (
  block: Uint8Array,
  out: Uint8Array,
  options: Readonly<Record<number, Widths>>,
  from: number,
  end: number,
  little: boolean,
): boolean => {
  let at = from;
  while (at < end) {
    if (reverse(out, at, [2, 2], end) === null) return false;
    const code = readU16(block, at, little);
    if (code === OPT_ENDOFOPT) return true;
    const length = readU16(block, at + 2, little);
    const value = at + 4;
    at = value + padded(length);
    if (at > end) return false;
    const widths = CUSTOM_OPTIONS.has(code) ? WORD : options[code];
    // A value of another length than its code demands is nothing that this knows.
    const known = widths?.reduce((sum, width) => sum + width, 0) ?? 0;
    if (widths !== undefined && (length === known || CUSTOM_OPTIONS.has(code))) reverse(out, value, widths, value + length);
  }
  return true;
};
