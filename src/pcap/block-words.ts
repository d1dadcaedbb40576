/** What blocks of a session say of machines and places in words, for those who write them anew. draft-ietf-opsawg-pcapng sections 4.1 and 4.2. */

/** What an interface's block says in words and addresses. */
export interface InterfaceWords {
  readonly name: string | null;
  readonly description: string | null;
  /** pcap-filter text. */
  readonly filter: string | null;
  readonly os: string | null;
  readonly hardware: string | null;
  readonly mac: number | null;
  readonly comments: readonly string[];
}

/** What a section's header says. */
export interface SectionWords {
  readonly hardware: string | null;
  readonly os: string | null;
  readonly application: string | null;
  readonly comments: readonly string[];
}
