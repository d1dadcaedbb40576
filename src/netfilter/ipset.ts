/** Sets as `ipset save` prints them. ipset(8). */

export interface IpSet {
  readonly name: string;
  /** hash:ip, hash:net,port, bitmap:port, list:set ... */
  readonly type: string;
  readonly family: 'inet' | 'inet6' | null;
  readonly options: Readonly<Record<string, string>>;
  readonly entries: readonly IpSetEntry[];
}

export interface IpSetEntry {
  /** The element as printed: `10.0.0.1,tcp:80,10.0.0.1`. */
  readonly element: string;
  readonly nomatch: boolean;
  readonly timeoutSec: number | null;
  readonly comment: string | null;
  /** hash:net,iface: the interface name is a prefix (`wildcard`). */
  readonly wildcard?: true;
}
