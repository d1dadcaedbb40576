/**
 * Who hangs on which parent, for looking up by the addresses of a frame. macvlan tells its children apart by MAC address (macvlan_hash_lookup
 * in drivers/net/macvlan.c), ipvlan, whose children all have their parent's, by IP address (ipvlan_addr_lookup in ipvlan_core.c).
 */
import { formatMac, type IpAddress, parseMac, sameIp } from '../../base/ip-address.ts';
import type { HostFacts } from '../../host/facts.ts';
import { type Child, childrenOf } from '../../topology/children.ts';

export class Parents {
  readonly all: readonly Child[];
  readonly #byParent = new Map<string, Child[]>();

  constructor(facts: HostFacts) {
    this.all = childrenOf(facts);
    for (const child of this.all) {
      const known = this.#byParent.get(child.parent);
      if (known === undefined) this.#byParent.set(child.parent, [child]);
      else known.push(child);
    }
  }

  /** Those that hang on `parent`; none where it is no parent. */
  of(parent: string): readonly Child[] {
    return this.#byParent.get(parent) ?? NONE;
  }

  /** The child of `parent` that sent a frame with this source. */
  sender(parent: string, mac: number | null, src: IpAddress): Child | null {
    const children = this.of(parent);
    if (mac === null || children.length === 0) return null;
    const text = formatMac(mac);
    return children.find((child) => child.mac === text && (child.kind === 'macvlan' || has(child, src))) ?? null;
  }

  /** The child of `parent` that a frame from the wire is handed to. Without a MAC address: who answers for `dst` there. */
  receiver(parent: string, mac: number | null, dst: IpAddress): Child | null {
    const children = this.of(parent);
    const alone = children.find(({ mode }) => mode === 'passthru');
    if (alone !== undefined) return mac === null && !has(alone, dst) ? null : alone;
    const text = mac === null ? null : formatMac(mac);
    return (
      children.find((child) => {
        if (child.mode === 'source' || !child.up) return false;
        if (child.kind === 'ipvlan' || text === null) return has(child, dst) && (text === null || text === child.mac);
        return child.mac === text;
      }) ?? null
    );
  }

  /** The child of `parent` that has the address. */
  holding(parent: string, ip: IpAddress): Child | null {
    return this.of(parent).find((child) => has(child, ip)) ?? null;
  }

  /** The child that a device of the host itself is (a shim). */
  shim(device: string): Child | null {
    return this.all.find((child) => child.netns === null && child.device === device) ?? null;
  }

  inside(netns: string, device: string): Child | null {
    return this.all.find((child) => child.netns === netns && child.device === device) ?? null;
  }
}

const NONE: readonly Child[] = [];

export const has = (child: Child, ip: IpAddress): boolean => child.addresses.some((own) => sameIp(own, ip));

export const macOf = (child: Child): number | null => (child.mac === null ? null : parseMac(child.mac));
