/** What /proc/net/netlink tells of a process's netlink sockets: which groups they hear and how many messages they lost; netlink(7). */
import { readText } from './processes.ts';

/** NETLINK_NETFILTER, include/uapi/linux/netlink.h. */
const NETLINK_NETFILTER = 12;
/** NFNLGRP_NFTABLES and NFNLGRP_NFTRACE, include/uapi/linux/netfilter/nfnetlink.h. */
export const NFNLGRP_NFTABLES = 7;
export const NFNLGRP_NFTRACE = 9;

/** How many messages the process's socket of that group has lost; null while it hears no such group. */
export const lostByGroup = (pid: number, group: number): number | null => {
  for (const line of (readText('/proc/net/netlink') ?? '').split('\n')) {
    const [, protocol, portId, groups, , , , , drops] = line.trim().split(/\s+/);
    if (Number(protocol) !== NETLINK_NETFILTER || Number(portId) !== pid) continue;
    if (((Number.parseInt(groups ?? '', 16) >>> (group - 1)) & 1) === 1) return Number(drops ?? 0);
  }
  return null;
};
