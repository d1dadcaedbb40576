/** A traced packet and the end of a trace as JSON, as docs/formats.md has them. */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import type { TracedPacket, TraceState } from '../session/state/trace-state.ts';
import type { ComparedLine } from '../trace/compare.ts';
import type { TracePacket } from '../trace/event.ts';
import type { KernelStep } from '../trace/passages.ts';
import { stepJson, verdictJson } from './verdict-json.ts';

export const traceBeginJson = (state: TraceState): Record<string, unknown> => ({
  type: 'begin',
  question: state.question,
  remarks: state.remarks,
});

export const tracedPacketJson = (traced: TracedPacket): Record<string, unknown> => ({
  type: 'trace',
  number: traced.number,
  direction: traced.direction,
  packet: packetJson(traced.packet),
  result: traced.comparison.result,
  outcome: traced.outcome,
  conclusion: traced.conclusion,
  steps: traced.comparison.lines.map(lineJson),
  verdict: verdictJson(traced.verdict),
});

export const traceEndJson = (state: TraceState): Record<string, unknown> => ({
  type: 'end',
  question: state.question,
  there: state.there,
  replies: state.replies,
  others: state.others,
  incomplete: state.incomplete,
  agreeing: state.agreeing,
  differing: state.differing,
  lost: state.lost,
  remarks: state.remarks,
});

const packetJson = (packet: TracePacket): Record<string, unknown> => {
  const address = (ip: IpAddress | null): string | null => (ip === null ? null : formatIp(ip));
  return {
    in: packet.inDev,
    out: packet.outDev,
    src: address(packet.src),
    dst: address(packet.dst),
    proto: packet.protocol,
    sport: packet.srcPort,
    dport: packet.dstPort,
    icmpType: packet.icmpType,
    icmpId: packet.icmpId,
    icmpSequence: packet.icmpSequence,
    ipId: packet.ipId,
    length: packet.lengthBytes,
    ttl: packet.ttl,
  };
};

const lineJson = ({ state, predicted, kernel }: ComparedLine): Record<string, unknown> => ({
  state,
  predicted: predicted === null ? null : stepJson(predicted),
  kernel: kernel === null ? null : kernelJson(kernel),
});

const kernelJson = (step: KernelStep): Record<string, unknown> => ({
  source: step.source,
  hook: step.hook,
  family: step.family,
  table: step.table,
  chain: step.chain,
  rule: step.rule,
  handle: step.handle,
  kind: step.kind,
  verdict: step.verdict,
  ...(step.target === null ? {} : { target: step.target }),
  text: step.text,
});
