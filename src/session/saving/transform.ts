/**
 * What a session goes through on its way into a file: each function is given one kind of what is written and returns what is written in
 * its place. Absent functions leave their kind as it is.
 */
import type { SnapshotDocument } from '../../host/snapshot.ts';
import type { InterfaceWords, SectionWords } from '../../pcap/block-words.ts';
import type { NameRecord } from '../../pcap/events.ts';

export interface SessionTransform {
  /**
   * A packet's captured bytes, link layer first: returns the bytes to write, which may be `bytes` itself or a part of it, and must not
   * change what is in `bytes`. The original length stays as it is and is only told.
   */
  readonly packet?: (bytes: Uint8Array, linkType: number, originalLength: number) => Uint8Array;
  readonly snapshot?: (document: SnapshotDocument) => SnapshotDocument;
  readonly names?: (records: readonly NameRecord[]) => readonly NameRecord[];
  /** A comment of a packet, of names or of statistics: verdicts, and what others wrote. Null leaves it out. */
  readonly comment?: (text: string) => string | null;
  readonly interface?: (words: InterfaceWords) => InterfaceWords;
  readonly section?: (words: SectionWords) => SectionWords;
  /** Told of every snapshot of a file before anything of it is written, where the file can be read twice. */
  readonly learn?: (document: SnapshotDocument) => void;
  /** True where blocks that nobody here understands must not be passed on: they may hold anything. */
  readonly dropsForeignBlocks?: boolean;
}

const chained = <Value>(functions: readonly (((value: Value) => Value) | undefined)[]): ((value: Value) => Value) | undefined => {
  const found = functions.filter((each) => each !== undefined);
  return found.length === 0 ? undefined : (value) => found.reduce((current, each) => each(current), value);
};

const given = <Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value });

/** One after another, in the order given; null for none at all. */
export const composeTransforms = (transforms: readonly SessionTransform[]): SessionTransform | null => {
  const [first] = transforms;
  if (first === undefined) return null;
  if (transforms.length === 1) return first;
  const packets = transforms.flatMap(({ packet }) => packet ?? []);
  const comments = transforms.flatMap(({ comment }) => comment ?? []);
  const packet =
    packets.length === 0
      ? undefined
      : (bytes: Uint8Array, linkType: number, originalLength: number) =>
          packets.reduce((current, each) => each(current, linkType, originalLength), bytes);
  const comment =
    comments.length === 0
      ? undefined
      : (text: string) => comments.reduce<string | null>((current, each) => (current === null ? null : each(current)), text);
  return {
    ...given('packet', packet),
    ...given('comment', comment),
    ...given('snapshot', chained(transforms.map((each) => each.snapshot))),
    ...given('names', chained(transforms.map((each) => each.names))),
    ...given('interface', chained(transforms.map((each) => each.interface))),
    ...given('section', chained(transforms.map((each) => each.section))),
    learn: (document) => {
      for (const { learn } of transforms) learn?.(document);
    },
    dropsForeignBlocks: transforms.some((each) => each.dropsForeignBlocks === true),
  };
};
