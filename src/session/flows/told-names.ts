/**
 * Names for addresses that a capture file brings in its name resolution blocks (draft-ietf-opsawg-pcapng section 4.5). Whoever wrote the
 * file may have taken them from anywhere: they are for addresses that the host's facts do not name.
 */
import { formatIp, type IpAddress, parseIp } from '../../base/ip-address.ts';
import { printable } from '../../base/printable.ts';
import type { NameRecord } from '../../pcap/events.ts';

/** RFC 1035 section 2.3.4: no name of the DNS is longer. */
const MAX_NAME_LENGTH = 255;
/** A file may hold more of them than anybody looks at. */
const MAX_NAMES = 65_536;

export class ToldNames {
  readonly #names = new Map<string, string>();

  /** The first name of an address stays. */
  add(records: readonly NameRecord[]): void {
    for (const { ip, names } of records) {
      const address = formatIp(ip);
      const name = printable((names[0] ?? '').slice(0, MAX_NAME_LENGTH)).trim();
      // An address in the place of a name would be taken for the flow's own.
      if (name === '' || parseIp(name) !== null || this.#names.has(address) || this.#names.size >= MAX_NAMES) continue;
      this.#names.set(address, name);
    }
  }

  nameOf(ip: IpAddress): string | null {
    return this.#names.size === 0 ? null : (this.#names.get(formatIp(ip)) ?? null);
  }
}
