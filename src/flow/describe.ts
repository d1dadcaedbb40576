/** A flow's protocol and state in the words of the screens: what happened, from the view of its ends. */
import { formatIp, formatMac, type IpAddress, isUnspecified, sameIp } from '../base/ip-address.ts';
import { icmpTypeName } from '../packet/icmp-names.ts';
import { protocolName } from '../packet/protocols.ts';
import { type ArpFlow, type Direction, type EchoFlow, type Flow, type FlowError, ORIGINAL, REPLY, type TcpFlow } from './flow.ts';

/** What to call the ends, and any other address that the state names. */
export interface FlowNames {
  readonly a: string;
  readonly b: string;
  readonly nameOf: (ip: IpAddress) => string;
}

const PLAIN_NAMES: FlowNames = { a: 'a', b: 'b', nameOf: formatIp };

export const flowProtocol = (flow: Flow): string => {
  switch (flow.kind) {
    case 'tcp':
    case 'udp':
    case 'arp':
      return flow.kind;
    case 'icmp-echo':
      return flow.version === 4 ? 'icmp echo' : 'icmp6 echo';
    case 'icmp':
      return (flow.ndp ?? null) !== null ? 'ndp' : flow.version === 4 ? 'icmp' : 'icmp6';
    case 'other':
      if (flow.protocol >= 0) return protocolName(flow.protocol);
      return (flow.etherType ?? -1) >= 0 ? `ethertype 0x${(flow.etherType ?? 0).toString(16).padStart(4, '0')}` : 'frame';
  }
};

/** With the ends called a and b, and other addresses by their numbers. */
export const flowState = (flow: Flow): string => describeState(flow, PLAIN_NAMES);

export const describeState = (flow: Flow, names: FlowNames): string => {
  switch (flow.kind) {
    case 'tcp':
      return flow.tcp === null ? sentAndBack(flow) : tcpState(flow, flow.tcp, names);
    case 'icmp-echo':
      return flow.echo === null ? sentAndBack(flow) : withError(flow, echoState(flow.echo), names);
    case 'arp':
      return flow.arp === null ? sentAndBack(flow) : questionState(flow, flow.arp);
    case 'icmp':
      return icmpState(flow, names);
    case 'udp':
      return withError(flow, sentAndBack(flow), names);
    case 'other':
      return withError(flow, sentAndBack(flow), names);
  }
};

/** `port unreachable from 172.18.0.1`. */
export const errorWords = (error: FlowError, names: FlowNames = PLAIN_NAMES): string =>
  `${icmpTypeName(error.version, error.type, error.code)} from ${names.nameOf(error.from)}`;

const endName = (direction: Direction, names: FlowNames): string => (direction === ORIGINAL ? names.a : names.b);

const withError = (flow: Flow, state: string, names: FlowNames): string =>
  flow.error === null ? state : `${state}, ${errorWords(flow.error, names)}`;

/** What the ends sent themselves: errors about the flow are not answers. */
const sentAndBack = (flow: Flow): string => {
  const sent = flow.packets[ORIGINAL] - (flow.errorPackets?.[ORIGINAL] ?? 0);
  const back = flow.packets[REPLY] - (flow.errorPackets?.[REPLY] ?? 0);
  return back === 0 && isToGroup(flow.b) ? `${sent} sent to a group` : `${sent} sent ${back} back`;
};

const isToGroup = (ip: IpAddress): boolean => (ip.version === 6 ? ip.a >>> 24 === 0xff : ip.a >>> 28 === 0xe || ip.a === 0xffff_ffff);

const tcpState = (flow: Flow, tcp: TcpFlow, names: FlowNames): string => {
  switch (tcp.phase) {
    case 'syn-sent':
      if (flow.error !== null) return errorWords(flow.error, names);
      return flow.packets[ORIGINAL] > 1 ? `syn sent ${flow.packets[ORIGINAL]} times, no answer` : 'syn sent, no answer';
    case 'syn-received':
      return withError(flow, `${names.b} answered, ${names.a} has not confirmed`, names);
    case 'established':
      return withError(flow, 'established', names);
    case 'midstream':
      return withError(flow, 'established, joined midway', names);
    case 'closing':
      return withError(flow, 'closing', names);
    case 'closed':
      return 'closed';
    case 'reset':
      return resetState(tcp, names);
  }
};

const resetState = (tcp: TcpFlow, names: FlowNames): string => {
  if (tcp.resetBy === -1) return 'reset';
  const by = endName(tcp.resetBy, names);
  return tcp.resetIn === 'syn-sent' && tcp.resetBy === REPLY ? `refused by ${by}` : `reset by ${by}`;
};

const echoState = (echo: EchoFlow): string => {
  const duplicates = echo.duplicates ?? 0;
  const unasked = echo.unasked ?? 0;
  const more = `${duplicates > 0 ? `, ${duplicates} duplicate` : ''}${unasked > 0 && echo.sent > 0 ? `, ${unasked} unasked` : ''}`;
  if (echo.sent === 0) return `${unasked} back, no request seen`;
  if (echo.answered > 0 && echo.lost === 0) return `${echo.answered}/${echo.sent}${more}`;
  return `${echo.sent} sent ${echo.answered} back${more}`;
};

const questionState = (flow: Flow, state: ArpFlow): string => {
  if (sameIp(flow.a, flow.b)) return 'announcement';
  if (state.answers > 0 && state.answeredBy !== null) {
    const also = state.alsoAnsweredBy ?? null;
    const by = `answered by ${formatMac(state.answeredBy)}${also === null ? '' : ` and ${formatMac(also)}`}`;
    if (state.questions > 0) return by;
    // An advertisement to all nodes asks for nothing: RFC 4861 section 7.2.6.
    return flow.version === 6 && isUnspecified(flow.a) ? `announced by ${formatMac(state.answeredBy)}` : `${by}, no question seen`;
  }
  if (flow.version === 6 && isUnspecified(flow.a)) return 'checks that nobody has the address';
  if (flow.version === 4 && flow.a.a === 0 && state.questions > 0) return 'checks that nobody has the address';
  return state.questions === 1 ? 'no answer to the question' : `no answer to ${state.questions} questions`;
};

const icmpState = (flow: Flow, names: FlowNames): string => {
  const ndp = flow.ndp ?? null;
  if (ndp !== null) return questionState(flow, ndp);
  const words = icmpTypeName(flow.version, flow.icmpType, flow.icmpCode);
  const quoted = flow.quoted ?? null;
  if (quoted === null) return words;
  const port = quoted.dstPort >= 0 ? ` port ${quoted.dstPort}` : '';
  return `${words}, about ${protocolName(quoted.protocol)} ${names.nameOf(quoted.src)} → ${names.nameOf(quoted.dst)}${port}`;
};
