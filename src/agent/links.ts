/** The state of one interface, as `ip` shows it in whichever namespace it is asked; ip-link(8). */
import type { Place } from './machine/machine.ts';

export interface LinkState {
  readonly present: boolean;
  /** IFF_UP: what an administrator sets; packets can be captured only then. */
  readonly up: boolean;
  readonly ifindex: number;
}

const ABSENT: LinkState = { present: false, up: false, ifindex: 0 };

/** Null where it cannot be said (no `ip`, the namespace cannot be entered). */
export const readLinkState = async (name: string, place: Place): Promise<LinkState | null> => {
  const [program, ...args] = [...place.enter, 'ip', '-j', 'link', 'show', 'dev', name];
  const result = await place.machine.run(program as string, args, { timeoutMs: 5000 });
  if (!result.ok) return /does not exist|Cannot find device/i.test(result.reason) ? ABSENT : null;
  return parseLinks(result.stdout).get(name) ?? ABSENT;
};

/** Name -> state, from `ip -j link`. */
export const parseLinks = (text: string): Map<string, LinkState> => {
  const links = new Map<string, LinkState>();
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch {
    return links;
  }
  for (const row of Array.isArray(rows) ? rows : []) {
    const { ifname, ifindex, flags } = row as { ifname?: unknown; ifindex?: unknown; flags?: unknown };
    if (typeof ifname !== 'string' || typeof ifindex !== 'number') continue;
    links.set(ifname, { present: true, up: Array.isArray(flags) && flags.includes('UP'), ifindex });
  }
  return links;
};
