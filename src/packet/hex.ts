/** Bytes as a person reads them: offset, sixteen bytes in hexadecimal, the same as ASCII. */
import { u8 } from '../base/bytes.ts';

const BYTES_PER_LINE = 16;

/** `0010  c0 a8 00 01 …  ....`; offsets count from `start`. What is no printable ASCII character is a dot. */
export const hexDump = (bytes: Uint8Array, start: number, end: number): string[] => {
  const lines: string[] = [];
  const from = Math.max(0, start);
  const stop = Math.min(end, bytes.length);
  const digits = Math.max(4, Math.max(0, stop - from).toString(16).length);
  for (let at = from; at < stop; at += BYTES_PER_LINE) {
    const offset = (at - from).toString(16).padStart(digits, '0');
    lines.push(`${offset}  ${dumpLine(bytes, at, Math.min(at + BYTES_PER_LINE, stop))}`);
  }
  return lines;
};

const dumpLine = (bytes: Uint8Array, from: number, to: number): string => {
  let hex = '';
  let text = '';
  for (let i = 0; i < BYTES_PER_LINE; i++) {
    if (i === BYTES_PER_LINE / 2) hex += ' ';
    if (from + i >= to) {
      hex += '   ';
      continue;
    }
    const value = u8(bytes, from + i);
    hex += `${value.toString(16).padStart(2, '0')} `;
    text += value >= 0x20 && value <= 0x7e ? String.fromCharCode(value) : '.';
  }
  return `${hex} ${text}`;
};
