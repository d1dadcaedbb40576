/** The `cap` package as it is used here; it ships no types and may be missing, since it is built on installation where that is possible. */
import { createRequire } from 'node:module';

export interface CapSession {
  /** Returns the link type's name. Throws what libpcap says. The buffer must live as long as the process: only its address is kept. */
  open(device: string, filter: string, ringBytes: number, buffer: Buffer): string;
  on(event: 'packet', listener: (nbytes: number, truncated: boolean) => void): this;
}

export interface CapModule {
  readonly Cap: new () => CapSession;
}

/** Throws where it is not installed or could not be built. */
export const loadCap = (): CapModule => createRequire(import.meta.url)('cap') as CapModule;

/** Names as `cap` gives them, to numbers of the LINKTYPE_ registry (https://www.tcpdump.org/linktypes.html). */
export const linkTypeOf = (name: string): number | null => {
  switch (name) {
    case 'NULL':
      return 0;
    case 'ETHERNET':
      return 1;
    case 'RAW':
      return 101;
    case 'LINKTYPE_LINUX_SLL':
      return 113;
    case 'IEEE802_11_RADIO':
      return 127;
    default: {
      const number = /^Unknown linktype (\d+)$/.exec(name)?.[1];
      return number === undefined ? null : Number(number);
    }
  }
};
