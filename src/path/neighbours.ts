/**
 * What the neighbour table says of the next station: a fixed wrong address sends the packet to nobody; an entry that failed is evidence,
 * for the kernel asks again with the next packet. net/core/neighbour.c; ip-neighbour(8).
 */
import { formatIp, formatMac, type IpAddress, parseMac, sameIp } from '../base/ip-address.ts';
import type { NamespaceFacts, Neighbour } from '../host/facts.ts';

/** NUD_PERMANENT and NUD_NOARP: never asked for again. */
const FIXED = ['PERMANENT', 'NOARP'] as const;

export interface NeighbourView {
  readonly mac: number | null;
  readonly text: string;
  readonly address: string;
  readonly dev: string;
  /** Set by hand: whatever it says is believed. */
  readonly fixed: boolean;
  readonly permanent: boolean;
  /** The last question stayed without an answer. */
  readonly silent: boolean;
}

export const neighbourAt = (facts: NamespaceFacts, dev: string, ip: IpAddress): NeighbourView | null => {
  const entry = facts.neighbours?.find((known) => known.dev === dev && !known.proxy && sameIp(known.ip, ip));
  return entry === undefined ? null : viewOf(entry);
};

const viewOf = (entry: Neighbour): NeighbourView => {
  const mac = entry.mac === null ? null : parseMac(entry.mac);
  return {
    mac,
    address: formatIp(entry.ip),
    dev: entry.dev,
    text: `${formatIp(entry.ip)} dev ${entry.dev}${mac === null ? '' : ` lladdr ${formatMac(mac)}`} ${entry.state.join(' ')}`.trim(),
    fixed: FIXED.some((state) => entry.state.includes(state)),
    permanent: entry.state.includes('PERMANENT'),
    silent: entry.state.includes('FAILED') || entry.state.includes('INCOMPLETE'),
  };
};
