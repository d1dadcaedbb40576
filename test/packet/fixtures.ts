/** The recorded captures of test/fixtures/packet: packets from the pcap files, what tshark (.tsv) and tcpdump (.txt) read in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { decodePacket } from '../../src/packet/decode.ts';
import { Packet } from '../../src/packet/packet.ts';

const FOLDER = new URL('../fixtures/packet/', import.meta.url);
const FILE_HEADER_LENGTH = 24;
const RECORD_HEADER_LENGTH = 16;

export interface Capture {
  readonly linkType: number;
  readonly frames: readonly Uint8Array[];
}

/** All captures by name: `ethernet`, `cooked2`, … */
export const captureNames = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.pcap'))
  .map((name) => name.slice(0, -'.pcap'.length))
  .sort();

/** The files are classic pcap, little-endian, and hold every packet whole. */
export const readCapture = (name: string): Capture => {
  const file = readFileSync(new URL(`${name}.pcap`, FOLDER));
  const frames: Uint8Array[] = [];
  let at = FILE_HEADER_LENGTH;
  while (at + RECORD_HEADER_LENGTH <= file.length) {
    const length = file.readUInt32LE(at + 8);
    frames.push(new Uint8Array(file.subarray(at + RECORD_HEADER_LENGTH, at + RECORD_HEADER_LENGTH + length)));
    at += RECORD_HEADER_LENGTH + length;
  }
  return { linkType: file.readUInt32LE(20), frames };
};

/** A row a packet, by tshark's field names; several values of a field (of a packet inside a packet) are joined by commas. */
export const readFields = (name: string): readonly Readonly<Record<string, string>>[] => {
  const [head = '', ...rows] = readFileSync(new URL(`${name}.tsv`, FOLDER), 'utf8')
    .trimEnd()
    .split('\n');
  const columns = head.split('\t');
  return rows.map((row) => {
    const values = row.split('\t');
    return Object.fromEntries(columns.map((column, index) => [column, values[index] ?? '']));
  });
};

/** tcpdump's line for each packet; lines of a packet that it writes over several are joined by `\n`. */
export const readTcpdump = (name: string): readonly string[] =>
  readFileSync(new URL(`${name}.txt`, FOLDER), 'utf8')
    .trimEnd()
    .split('\n');

export const decode = (bytes: Uint8Array, linkType = 1, originalLength = bytes.length): Packet => {
  const packet = new Packet();
  decodePacket(packet, bytes, 0, bytes.length, originalLength, linkType);
  return packet;
};

/** Bytes from hexadecimal text with blanks wherever they help the reader. */
export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s+/g, ''), 'hex'));

/** A packet and those inside it, outermost first. */
export const chain = (packet: Packet): Packet[] => {
  const found = [packet];
  for (let at: Packet = packet; at.innerKind !== 0 && at.inner !== null; at = at.inner) found.push(at.inner);
  return found;
};
