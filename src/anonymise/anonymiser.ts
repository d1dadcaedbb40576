/**
 * A session without what says whose it is: addresses, MAC addresses, names, rules and facts are exchanged together, so that the verdicts
 * that follow from them are the same. One anonymiser serves one file from its beginning to its end; the same key gives the same stand-ins.
 */
import { parseMac } from '../base/ip-address.ts';
import type { SnapshotDocument } from '../host/snapshot.ts';
import type { InterfaceWords, SectionWords } from '../pcap/block-words.ts';
import type { NameRecord } from '../pcap/events.ts';
import { rewriteFrame } from './frame.ts';
import { learnFrom } from './learn.ts';
import { Maps } from './maps.ts';
import { rewriteSnapshot } from './snapshot.ts';
import { rewriteComment, rewriteDescription, rewriteFilter, rewriteInterfaceName } from './words.ts';

/** Bytes of a key: a random one for each session, or one that is made from a pass phrase. */
export const ANONYMISER_KEY_BYTES = 16;

export interface Anonymiser {
  /** Tells of a snapshot that comes later in the file, so that what it says of networks holds from the beginning. */
  readonly learn: (document: SnapshotDocument) => void;
  /** The headers of a frame; what they carry is cut off. */
  readonly packet: (bytes: Uint8Array, linkType: number) => Uint8Array;
  readonly snapshot: (document: SnapshotDocument) => SnapshotDocument;
  readonly names: (records: readonly NameRecord[]) => readonly NameRecord[];
  /** Null for a comment that this program did not write. */
  readonly comment: (text: string) => string | null;
  readonly interface: (words: InterfaceWords) => InterfaceWords;
  readonly section: (words: SectionWords) => SectionWords;
  readonly dropsForeignBlocks: true;
  /** What stands for an address, a MAC address or a name of the session. */
  readonly standIn: (text: string) => string;
}

export const createAnonymiser = (key: Uint8Array): Anonymiser => {
  const maps = new Maps(key);
  const comments = (texts: readonly string[]): readonly string[] => texts.flatMap((text) => rewriteComment(text, maps) ?? []);
  return {
    learn: (document) => learnFrom(document, maps),
    packet: (bytes, linkType) => {
      const frame = rewriteFrame(bytes, linkType, maps);
      return frame.bytes.subarray(0, frame.end);
    },
    snapshot: (document) => rewriteSnapshot(document, maps),
    names: (records) =>
      records.map(({ ip, names }) => ({ ip: maps.addresses.ip(ip), names: names.map((name) => rewriteDescription(name, maps)) })),
    comment: (text) => rewriteComment(text, maps),
    interface: (words) => ({
      name: words.name === null ? null : rewriteInterfaceName(words.name, maps),
      description: words.description === null ? null : rewriteDescription(words.description, maps),
      filter: words.filter === null ? null : rewriteFilter(words.filter, maps),
      os: null,
      hardware: null,
      mac: words.mac === null ? null : maps.addresses.mac(words.mac),
      comments: comments(words.comments),
    }),
    section: (words) => ({
      hardware: null,
      os: words.os,
      application: words.application === 'vethscope' ? words.application : null,
      comments: comments(words.comments),
    }),
    dropsForeignBlocks: true,
    standIn: (text) =>
      maps.known.get(text) ?? maps.values.map(text) ?? (parseMac(text) === null ? maps.names.name(text) : maps.values.mac(text)),
  };
};
