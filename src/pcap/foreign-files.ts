/**
 * What a file is that is no capture this program reads, told from its first bytes, with what to do about it. The magics are those of
 * libpcap's sf-pcap.c, of Wireshark's wiretap, and of the formats' own descriptions.
 */
import { readU32 } from './options.ts';

const CONVERT = 'convert it with editcap -F pcapng';

/** Variants of pcap that only their magic tells from it. */
const PCAP_VARIANTS: readonly (readonly [number, string])[] = [
  [0xa1b2cd34, 'in the "modified" (Kuznetzov) variant, also of SuSE 6.3'],
  [0xa1b234cd, 'in the variant of F. Mesquita, which has longer record headers'],
  [0xa12b3c4d, 'in the variant of Navtel, which has longer record headers'],
  [0x1c0001ac, 'in a variant of Ixia'],
  [0x1c0001ab, 'in a variant of Ixia'],
];

/** First bytes of other captures. Texts are matched as they stand. */
const CAPTURES: readonly (readonly [string | readonly number[], string])[] = [
  ['snoop\0', 'a snoop file'],
  ['btsnoop\0', 'a btsnoop file (Bluetooth)'],
  ['TRSNIFF', 'a file of the Sniffer'],
  ['XCP\0', 'a file of NetXray or the Windows Sniffer'],
  ['RTSS', 'a file of Microsoft Network Monitor 1'],
  ['GMBU', 'a file of Microsoft Network Monitor 2'],
  ['Observer', 'a file of Viavi Observer'],
  ['TR\0d', 'a nettl file of HP-UX'],
  ['iptrace ', 'an iptrace file of AIX'],
  [[0x05, 0x56, 0x4e, 0x46], 'a file of Visual Networks'],
  [[0xaa, 0xaa, 0xaa, 0xaa], 'a 5View file'],
];

const PACKED: readonly (readonly [string | readonly number[], string])[] = [
  [[0x1f, 0x8b], 'compressed with gzip: unpack it with gunzip first'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'compressed with zstd: unpack it with unzstd first'],
  [[0x04, 0x22, 0x4d, 0x18], 'compressed with lz4: unpack it with unlz4 first'],
  [[0x02, 0x21, 0x4c, 0x18], "compressed in lz4's legacy format: unpack it with unlz4 first"],
  [[0xfd, 0x37, 0x7a, 0x58], 'compressed with xz: unpack it with unxz first'],
  ['BZh', 'compressed with bzip2: unpack it with bunzip2 first'],
  ['PK\x03\x04', 'a zip archive: unpack it with unzip first'],
];

const beginsWith = (bytes: Uint8Array, at: number, magic: string | readonly number[]): boolean => {
  for (let i = 0; i < magic.length; i++) {
    const byte = typeof magic === 'string' ? magic.charCodeAt(i) : magic[i];
    if (bytes[at + i] !== byte) return false;
  }
  return true;
};

/** At least four bytes must be there. */
export const describeForeignStart = (bytes: Uint8Array, at: number): string => {
  const magic = readU32(bytes, at, false);
  const swapped = readU32(bytes, at, true);
  const variant = PCAP_VARIANTS.find(([value]) => value === magic || value === swapped);
  if (variant !== undefined) return `a pcap file ${variant[1]}: ${CONVERT}`;
  const packed = PACKED.find(([first]) => beginsWith(bytes, at, first));
  if (packed !== undefined) return packed[1];
  const capture = CAPTURES.find(([first]) => beginsWith(bytes, at, first));
  if (capture !== undefined) return `${capture[1]}: ${CONVERT}`;
  const digits = magic.toString(16).padStart(8, '0');
  return `no capture file: it begins with ${digits}, neither a pcap nor a pcapng magic number. capinfos says what else it may be; ${CONVERT} if Wireshark knows it`;
};
