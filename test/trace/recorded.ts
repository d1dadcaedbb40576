/** Traces of a kernel (6.18, nft 1.0.6, iptables 1.8.9) on a host with va0 10.1.0.1/24 and vb0 10.2.0.1/24, and their rules. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatIp } from '../../src/base/ip-address.ts';
import { parseSave } from '../../src/netfilter/parse/save.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import type { TraceEvent, TracePacket } from '../../src/trace/event.ts';
import { readNflogTrace } from '../../src/trace/nflog.ts';
import { NftMonitorReader } from '../../src/trace/nft-monitor.ts';
import { type Passage, Passages } from '../../src/trace/passages.ts';
import { indexRules, type RuleIndex } from '../../src/trace/rule-index.ts';

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../fixtures/trace', name));

export const text = (name: string): string => fixture(name).toString('utf8');

export const nftEvents = (output: string): readonly TraceEvent[] => {
  const reader = new NftMonitorReader();
  return [...reader.push(output), ...reader.end()];
};

const DEVICES: ReadonlyMap<number, string> = new Map([
  [1, 'lo'],
  [2, 'va0'],
  [3, 'vb0'],
]);

export const nflogRecords = (name: string): readonly Uint8Array[] => {
  const reader = new CaptureReader();
  reader.push(fixture(name));
  reader.end();
  const records: Uint8Array[] = [];
  for (let event = reader.next(); event !== null; event = reader.next()) {
    if (event.kind === 'packet') records.push(reader.packet.bytes.slice(reader.packet.start, reader.packet.end));
  }
  return records;
};

export const legacyEvents = (name: string): readonly TraceEvent[] =>
  nflogRecords(name).flatMap((record) => readNflogTrace(record, (index) => DEVICES.get(index) ?? null) ?? []);

export const legacyIndex = (): RuleIndex =>
  indexRules(null, [
    parseSave(text('legacy.save'), { backend: 'legacy', family: 'ip' }),
    parseSave(text('legacy6.save'), { backend: 'legacy', family: 'ip6' }),
  ]);

export const passagesOf = (events: readonly TraceEvent[], index: RuleIndex, ignoredTable = ''): readonly Passage[] => {
  const passages = new Passages(
    () => index,
    (event) => event.table === ignoredTable,
  );
  for (const event of events) passages.add(event);
  return passages.take();
};

const end = (ip: TracePacket['src'], port: number | null): string =>
  `${ip === null ? '?' : formatIp(ip)}${port === null ? '' : `.${port}`}`;

export const describePacket = (packet: TracePacket): string =>
  `${packet.inDev ?? '-'} > ${packet.outDev ?? '-'}  ${packet.protocol ?? '?'} ${end(packet.src, packet.srcPort)} > ${end(packet.dst, packet.dstPort)}` +
  `${packet.icmpType === null ? '' : ` type ${packet.icmpType}/${packet.icmpCode} id ${packet.icmpId} seq ${packet.icmpSequence}`}` +
  ` ${packet.flowLabel === null ? `id ${packet.ipId}` : `flow ${packet.flowLabel}`} length ${packet.lengthBytes} ttl ${packet.ttl}`;

/** Each passage: where the packet was seen, and below what was told there. */
export const describePassages = (passages: readonly Passage[]): string =>
  passages
    .map(({ packet, visits, steps }) =>
      [
        describePacket(packet),
        ...visits.map(
          (visit) => `  ${visit.hook} ${visit.priority} ${visit.family} ${visit.table} ${visit.chain}: ${describePacket(visit.packet)}`,
        ),
        ...steps.map(
          (step) =>
            `    ${step.hook} ${step.family} ${step.table} ${step.chain} ${step.kind}${step.rule === null ? '' : ` ${step.rule}`}` +
            `${step.verdict === null ? '' : ` ${step.verdict}`}${step.target === null ? '' : ` ${step.target}`}` +
            `${step.mark === null ? '' : ` mark ${step.mark}`}${step.text === null ? '' : `: ${step.text}`}`,
        ),
      ].join('\n'),
    )
    .join('\n');
