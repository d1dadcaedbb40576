/** One direction of a connection (struct nf_conntrack_tuple). */
import type { IpAddress } from '../base/ip-address.ts';

export interface Tuple {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  /** Null for protocols without ports; ICMP puts its id into both. */
  readonly srcPort: number | null;
  readonly dstPort: number | null;
}
