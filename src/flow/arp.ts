/**
 * Questions for a MAC address: ARP (RFC 826) and neighbour solicitation (RFC 4861 section 7.2). The flow is that of the pair
 * asker and asked, so that an answer finds its question, and a question without answer stays visible as one.
 */
import { u48be } from '../base/bytes.ts';
import type { Packet } from '../packet/packet.ts';
import type { ArpFlow, Flow } from './flow.ts';

const ND_OPT_TARGET_LINKADDR = 2;
/** ICMPv6 header, reserved word and target. */
const ND_FIXED_BYTES = 24;

export const newArpFlow = (): ArpFlow => ({ questions: 0, answers: 0, answeredBy: null, alsoAnsweredBy: null });

/** `sinceQuestionNs`: null where the packet before was no question. */
export const observeAnswer = (flow: Flow, state: ArpFlow, mac: number, sinceQuestionNs: number | null): void => {
  state.answers++;
  if (mac >= 0) {
    if (state.answeredBy !== null && state.answeredBy !== mac) state.alsoAnsweredBy = state.answeredBy;
    state.answeredBy = mac;
    flow.bMac = mac;
  }
  if (sinceQuestionNs === null || sinceQuestionNs < 0) return;
  flow.rttNs = sinceQuestionNs;
  if (flow.minRttNs === null || sinceQuestionNs < flow.minRttNs) flow.minRttNs = sinceQuestionNs;
};

/** The MAC address that an advertisement names: its target link-layer option, else who sent the frame. RFC 4861 section 4.4. */
export const advertisedMac = (packet: Packet): number => {
  const { bytes, end } = packet;
  let at = packet.l4Offset + ND_FIXED_BYTES;
  while (at + 8 <= end) {
    const length = (bytes[at + 1] as number) * 8;
    if (length === 0) break;
    if (bytes[at] === ND_OPT_TARGET_LINKADDR && length === 8) return u48be(bytes, at + 2);
    at += length;
  }
  return packet.srcMac;
};
