/** A packet as one object of the NDJSON stream, where `--packets` asks for them. */
import { formatIp, formatMac } from '../base/ip-address.ts';
import { type Direction, ORIGINAL } from '../flow/flow.ts';
import { dstIp, srcIp } from '../packet/addresses.ts';
import { L3_ARP, type Packet, TH_ACK, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG } from '../packet/packet.ts';
import { summarisePacket } from '../packet/summary.ts';
import { TCP_FLAG_NAMES } from '../packet/tcp.ts';
import type { FlowRow } from '../session/state/flow-row.ts';
import { decisionWords } from './decision.ts';
import { protoJson } from './flow-json.ts';
import { epochText } from './time.ts';
import { decidedByJson } from './verdict-json.ts';

/** What the packet itself tells. It is complete with packetDecisionJson() beside it. */
export const packetJson = (packet: Packet, flowId: number, direction: Direction, interfaceName: string): Record<string, unknown> => {
  const src = srcIp(packet);
  const dst = dstIp(packet);
  return {
    type: 'packet',
    time: epochText(packet.timeSec, packet.timeNsec),
    flow: flowId,
    direction: direction === ORIGINAL ? 'original' : 'reply',
    interface: interfaceName,
    length: packet.originalLength,
    captured: packet.end - packet.start,
    ...(packet.srcMac < 0 ? {} : { srcMac: formatMac(packet.srcMac) }),
    ...(packet.dstMac < 0 ? {} : { dstMac: formatMac(packet.dstMac) }),
    ...(packet.vlanOuter < 0 ? {} : { vlan: packet.vlanInner < 0 ? [packet.vlanOuter] : [packet.vlanOuter, packet.vlanInner] }),
    src: src === null ? null : formatIp(src),
    dst: dst === null ? null : formatIp(dst),
    proto: packet.l3 === L3_ARP ? 'arp' : packet.protocol < 0 ? null : protoJson(packet.protocol),
    ...(packet.srcPort < 0 ? {} : { sport: packet.srcPort, dport: packet.dstPort }),
    ...(packet.tcpFlags < 0 ? {} : { flags: tcpFlagsText(packet.tcpFlags) }),
    ...(packet.icmpType < 0 ? {} : { icmpType: packet.icmpType, icmpCode: packet.icmpCode }),
    ...(packet.ttl < 0 ? {} : { ttl: packet.ttl }),
    summary: summarisePacket(packet),
    ...(packet.truncatedIn === '' ? {} : { truncatedIn: packet.truncatedIn }),
    ...(packet.malformed === '' ? {} : { malformed: packet.malformed }),
  };
};

/** The whole verdict is in the flow's object; a packet carries what was decided for its direction and by what. */
export const packetDecisionJson = (row: FlowRow | null, direction: Direction): Record<string, unknown> => {
  const verdict = direction === ORIGINAL ? row?.verdict?.verdict : row?.verdict?.reply;
  if (verdict === undefined || verdict === null) return { outcome: null };
  return { outcome: verdict.outcome, decidedBy: decidedByJson(verdict.decidedBy), by: decisionWords(verdict) };
};

/** `SYN`, `SYN,ACK`: the spelling that a packet to be judged has. */
const tcpFlagsText = (flags: number): string =>
  TCP_FLAG_NAMES.filter(([bit]) => (flags & TOLD_FLAGS & bit) !== 0)
    .map(([, name]) => name)
    .join(',');

const TOLD_FLAGS = TH_SYN | TH_FIN | TH_RST | TH_PUSH | TH_ACK | TH_URG;
