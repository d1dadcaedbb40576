/** Runs a case on the kernel and through `judge`, from the commands' own output on, and says where the two differ. */
import { execFileSync } from 'node:child_process';
import { formatIp, parseIp, sameIp } from '../../src/base/ip-address.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../src/host/snapshot.ts';
import { judge } from '../../src/path/judge.ts';
import { compileHost, type HostModel } from '../../src/path/model.ts';
import type { PacketSpec, Verdict } from '../../src/path/verdict.ts';
import { compareTrace, describeKernelStep, type TraceComparison } from '../../src/trace/compare.ts';
import type { TraceEvent } from '../../src/trace/event.ts';
import { packetOfBytes } from '../../src/trace/ip-fields.ts';
import { readNflogTrace } from '../../src/trace/nflog.ts';
import { type ChainVisit, type KernelStep, type Passage, Passages } from '../../src/trace/passages.ts';
import { indexRules } from '../../src/trace/rule-index.ts';
import { type CasePlan, type RulesetPlan, saveText } from './case.ts';
import { Bench, type CommandResult, type Injected, PORTS } from './host-bench.ts';
import { injected, ipBytes, type PacketPlan } from './packet.ts';
import { followOf } from './traffic.ts';

/** The table that switches tracing on and shows the packet last at each hook. */
const TRACER = 'vsorc';
const TRACER_LAST = 400;

const tracer = (): string =>
  [
    'flush ruleset',
    `table inet ${TRACER} {`,
    '  chain pre { type filter hook prerouting priority -350; meta nftrace set 1; }',
    '  chain out { type filter hook output priority -350; meta nftrace set 1; }',
    ...['prerouting', 'input', 'forward', 'output', 'postrouting'].map(
      (hook) => `  chain last-${hook} { type filter hook ${hook} priority ${TRACER_LAST}; }`,
    ),
    '}',
    '',
  ]
    .join('\n')
    .replaceAll('; }', ';\n }');

export interface PacketResult {
  readonly plan: PacketPlan;
  readonly spec: PacketSpec;
  readonly verdict: Verdict;
  readonly comparison: TraceComparison;
  readonly passage: Passage | null;
  /** Sentences about what differs; empty where the kernel did as foretold. */
  readonly differences: readonly string[];
}

export type CaseResult =
  | { readonly kind: 'ran'; readonly packets: readonly PacketResult[]; readonly model: HostModel }
  /** The rules could not be loaded, or the kernel's story was not read to its end. */
  | { readonly kind: 'not-run'; readonly reason: string };

/** Ids of the packets that end a round, whose trace may still come in the next. */
const SENTINEL_FIRST = 0xf000;
const SENTINELS = 0xff0;

export class Oracle {
  readonly #bench: Bench;
  readonly #base: SnapshotDocument;
  readonly #devices: ReadonlyMap<number, string>;
  /** Whether the legacy tables of a family hold rules; once made they stay, empty, as long as the namespace. */
  readonly #legacyDirty = { 4: false, 6: false };
  #rounds = 0;

  private constructor(bench: Bench, base: SnapshotDocument, devices: ReadonlyMap<number, string>) {
    this.#bench = bench;
    this.#base = base;
    this.#devices = devices;
  }

  /** `main`: the compiled program, whose `snapshot` command reads the host. */
  static async open(label: string, main: string): Promise<Oracle> {
    const bench = await Bench.open(label);
    try {
      const text = execFileSync('ip', ['netns', 'exec', bench.hostName, process.execPath, main, 'snapshot'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        maxBuffer: 1 << 28,
      });
      const base = parseSnapshot(text);
      const devices = new Map((readFacts(base).self.links ?? []).map((link) => [link.ifindex, link.name]));
      await bench.run([[['nft', '-f', '-'], tracer()]]);
      await bench.startMonitor();
      return new Oracle(bench, base, devices);
    } catch (error) {
      await bench.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#bench.close();
  }

  async run(plan: CasePlan): Promise<CaseResult> {
    const loaded = await this.#load(plan);
    if (loaded !== null) return { kind: 'not-run', reason: loaded };
    const first = await this.#round(plan, plan.packets);
    if (first.kind === 'not-run') return first;
    const following = plan.follows.flatMap((follow) => {
      const before = plan.packets[follow.after];
      if (before === undefined) return [];
      const followed = followOf(follow, before, first.outs.get(before.id) ?? null);
      return followed === null ? [] : [followed];
    });
    if (following.length === 0) return first;
    const second = await this.#round(plan, following);
    if (second.kind === 'not-run') return second;
    return { ...first, packets: [...first.packets, ...second.packets] };
  }

  /** Null where all is loaded. */
  async #load(plan: CasePlan): Promise<string | null> {
    const { family } = plan;
    const commands: [readonly string[], string][] = [
      [['nft', '-f', '-'], tracer()],
      [['conntrack', '-F'], ''],
    ];
    for (const version of [4, 6] as const) {
      if (!this.#legacyDirty[version]) continue;
      commands.push([[legacyRestore(version)], emptyTables(LEGACY_TABLES)]);
      this.#legacyDirty[version] = false;
    }
    commands.push([['ipset', 'destroy'], '']);
    if (plan.sets.length > 0) commands.push([['ipset', 'restore'], `${plan.sets.join('\n')}\n`]);
    const required = commands.length;
    for (const ruleset of plan.rulesets) {
      commands.push([[restoreOf(ruleset, family)], saveText(ruleset)]);
      if (ruleset.backend === 'legacy') this.#legacyDirty[family] = true;
    }
    if (plan.native.length > 0) commands.push([['nft', '-f', '-'], `${plan.native.join('\n')}\n`]);
    const results = await this.#bench.run(commands);
    const failed = results.findIndex(([code], at) => code !== 0 && at >= required);
    if (failed < 0) return null;
    return `${commands[failed]?.[0].join(' ')}: ${failedLines(commands[failed]?.[1] ?? '', (results[failed] as CommandResult)[2])}`;
  }

  async #facts(family: 4 | 6): Promise<{ readonly model: HostModel; readonly nft: string }> {
    const version = family === 4 ? '' : '6';
    const keys = [
      family === 4 ? SNAPSHOT_COMMANDS.iptablesNft : SNAPSHOT_COMMANDS.ip6tablesNft,
      family === 4 ? SNAPSHOT_COMMANDS.iptablesLegacy : SNAPSHOT_COMMANDS.ip6tablesLegacy,
      SNAPSHOT_COMMANDS.ipset,
      SNAPSHOT_COMMANDS.conntrack,
    ];
    const results = await this.#bench.run([
      [['nft', '-a', '-j', 'list', 'ruleset'], ''],
      ...keys.map((key) => [key.split(' '), ''] as const),
      [['cat', `/proc/net/ip${version}_tables_names`], ''],
    ]);
    const nft = results[0]?.[1] ?? '';
    const raw: Record<string, string> = { ...this.#base.raw, [SNAPSHOT_COMMANDS.nft]: withoutTracer(nft) };
    keys.forEach((key, at) => {
      raw[key] = results[at + 1]?.[1] ?? '';
    });
    raw[family === 4 ? SNAPSHOT_COMMANDS.legacyTables4 : SNAPSHOT_COMMANDS.legacyTables6] = results.at(-1)?.[1] ?? '';
    return { model: compileHost(readFacts({ ...this.#base, raw })), nft };
  }

  async #round(
    plan: CasePlan,
    packets: readonly PacketPlan[],
  ): Promise<
    | {
        readonly kind: 'ran';
        readonly packets: readonly PacketResult[];
        readonly outs: ReadonlyMap<number, { readonly wire: string; readonly frame: Buffer }>;
        readonly model: HostModel;
      }
    | { readonly kind: 'not-run'; readonly reason: string }
  > {
    const { model, nft } = await this.#facts(plan.family);
    if (model.self.problems.length > 0) return { kind: 'not-run', reason: `facts: ${model.self.problems.join('; ')}` };
    const index = indexRules(nft, model.self.rulesets);
    const sentinel = sentinelOf(plan.family, SENTINEL_FIRST + (this.#rounds++ % SENTINELS));
    const told = await this.#bench.inject([...packets, sentinel].map((packet) => [packet.wire, injected(packet)]));
    const isLast = (event: TraceEvent): boolean =>
      event.table === TRACER && event.kind === 'packet' && (event.packet?.ipId ?? event.packet?.flowLabel) === sentinel.id;
    const events = await this.#bench.eventsUntil(isLast, 3000);
    if (events === null || told.lost > 0) {
      await this.#bench.startMonitor();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { kind: 'not-run', reason: 'the trace was cut' };
    }
    const passages = new Passages(
      () => index,
      (event) => event.table === TRACER,
    );
    const refused = new Map(told.errors.map(([at, error]) => [packets[at]?.id, error]));
    for (const event of events) passages.add(event);
    // What the host does a moment later, when its own processor gets round to it.
    const late = await this.#bench.collect();
    for (const record of [...told.nflog, ...late.nflog]) {
      const event = readNflogTrace(Buffer.from(record, 'hex'), (ifindex) => this.#devices.get(ifindex) ?? null);
      if (event !== null) passages.add(event);
    }
    const all = passages.take();
    const outs = outsOf(told, plan.family);
    const results = packets.map((packet): PacketResult => {
      const mine = all.filter((passage) => isPassageOf(passage, packet));
      return examine(model, packet, mine[0] ?? null, mine.length, refused.get(packet.id) ?? null);
    });
    return { kind: 'ran', packets: results, outs, model };
  }
}

/** Two hosts: legacy tables, once made, cannot be taken away again, so that what is about the other backends has a host without them. */
export class OraclePair {
  readonly #plain: Oracle;
  readonly #legacy: Oracle;

  private constructor(plain: Oracle, legacy: Oracle) {
    this.#plain = plain;
    this.#legacy = legacy;
  }

  static async open(label: string, main: string): Promise<OraclePair> {
    const plain = await Oracle.open(`${label}n`, main);
    try {
      return new OraclePair(plain, await Oracle.open(`${label}l`, main));
    } catch (error) {
      await plain.close();
      throw error;
    }
  }

  run(plan: CasePlan): Promise<CaseResult> {
    return (plan.rulesets.some(({ backend }) => backend === 'legacy') ? this.#legacy : this.#plain).run(plan);
  }

  async close(): Promise<void> {
    await Promise.all([this.#plain.close(), this.#legacy.close()]);
  }
}

const failedLines = (input: string, complaint: string): string => {
  const at = /line:? (\d+)/.exec(complaint)?.[1];
  return `${at === undefined ? '' : (input.split('\n')[Number(at) - 1] ?? '')}: ${complaint.trim()}`;
};

const LEGACY_TABLES = ['raw', 'mangle', 'nat', 'filter', 'security'];

const emptyTables = (tables: readonly string[]): string => tables.map((table) => `*${table}\nCOMMIT\n`).join('');

const legacyRestore = (family: 4 | 6): string => (family === 4 ? 'iptables-legacy-restore' : 'ip6tables-legacy-restore');

const restoreOf = ({ backend }: RulesetPlan, family: 4 | 6): string => `ip${family === 4 ? '' : '6'}tables-${backend}-restore`;

const withoutTracer = (nft: string): string => {
  const document = JSON.parse(nft) as { nftables: readonly Record<string, { readonly table?: string; readonly name?: string }>[] };
  const kept = document.nftables.filter((entry) =>
    Object.entries(entry).every(([kind, value]) => (kind === 'table' ? value.name : value.table) !== TRACER),
  );
  return JSON.stringify({ nftables: kept });
};

const sentinelOf = (family: 4 | 6, id: number): PacketPlan => {
  const port = PORTS[1];
  const peer = port?.peers[0];
  if (port === undefined || peer === undefined) throw new Error('no port');
  return {
    id,
    wire: port.wire,
    srcMac: peer.mac,
    dstMac: '02:00:00:00:14:01',
    src: family === 4 ? peer.four : peer.six,
    dst: family === 4 ? '10.20.0.1' : 'fd14::1',
    protocol: 17,
    sport: 65535,
    dport: 65535,
    ttl: 64,
    tos: 0,
    payloadBytes: 0,
  };
};

const isPassageOf = ({ packet }: Passage, plan: PacketPlan): boolean => {
  const src = parseIp(plan.src);
  const dst = parseIp(plan.dst);
  return (
    (packet.ipId ?? packet.flowLabel) === plan.id &&
    (plan.wire === null) === (packet.inDev === null) &&
    packet.src !== null &&
    packet.dst !== null &&
    src !== null &&
    dst !== null &&
    sameIp(packet.src, src) &&
    sameIp(packet.dst, dst)
  );
};

const outsOf = (told: Injected, family: 4 | 6): ReadonlyMap<number, { readonly wire: string; readonly frame: Buffer }> => {
  const outs = new Map<number, { readonly wire: string; readonly frame: Buffer }>();
  for (const [wire, hex] of told.found) {
    const frame = Buffer.from(hex, 'hex');
    const fields = packetOfBytes(frame.subarray(14));
    const id = family === 4 ? fields?.ipId : fields?.flowLabel;
    if (id !== undefined && id !== null && !outs.has(id)) outs.set(id, { wire, frame });
  }
  return outs;
};

const quoted = (hex: string): NonNullable<PacketSpec['about']> => {
  const fields = packetOfBytes(Buffer.from(hex, 'hex'));
  if (fields === null || fields.src === null || fields.dst === null || fields.protocol === null) throw new Error('no packet is quoted');
  return {
    src: formatIp(fields.src),
    dst: formatIp(fields.dst),
    proto: fields.protocol,
    ...(fields.srcPort === null || fields.dstPort === null ? {} : { sport: fields.srcPort, dport: fields.dstPort }),
    ...(fields.icmpId === null ? {} : { icmpId: fields.icmpId }),
  };
};

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

export const specOf = (plan: PacketPlan): PacketSpec => {
  const port = PORTS.find(({ wire }) => wire === plan.wire) ?? null;
  const bytes = ipBytes(plan);
  return {
    in: port === null ? null : (port.bridge ?? port.dev),
    ...(port?.bridge === undefined || port.bridge === null ? {} : { port: port.dev }),
    src: plan.src,
    dst: plan.dst,
    proto: plan.protocol,
    ...(plan.sport === undefined || plan.protocol === 47 || plan.protocol === 99 ? {} : { sport: plan.sport, dport: plan.dport ?? 0 }),
    ...(plan.flags === undefined ? {} : { flags: FLAGS.filter((_, bit) => ((plan.flags ?? 0) & (1 << bit)) !== 0).join(',') || 'NONE' }),
    ...(plan.icmpType === undefined ? {} : { icmpType: plan.icmpType, icmpCode: plan.icmpCode ?? 0 }),
    ...(plan.icmpId === undefined ? {} : { icmpId: plan.icmpId }),
    ...(plan.about === undefined ? {} : { about: quoted(plan.about) }),
    length: bytes.length,
    ttl: plan.ttl,
    tos: plan.tos,
    ...(plan.srcMac === undefined ? {} : { srcMac: plan.srcMac, dstMac: plan.dstMac ?? '' }),
    ...(plan.dontFragment === true ? { dontFragment: true } : {}),
  };
};

const examine = (model: HostModel, plan: PacketPlan, passage: Passage | null, seen: number, refused: string | null): PacketResult => {
  const spec = specOf(plan);
  const verdict = judge(model, spec);
  const comparison = compareTrace(verdict, passage, { sources: ['nft', 'legacy'] });
  const differences: string[] = [];
  if (seen > 1) differences.push(`its trace fell into ${seen} pieces`);
  if (comparison.reason !== null) differences.push(comparison.reason);
  if (passage === null) {
    if (verdict.outcome !== 'undetermined' && verdict.steps.some(({ table }) => table !== null))
      differences.push(`predicted steps, but the kernel showed nothing${refused === null ? '' : ` (${refused})`}`);
    if (verdict.outcome === 'accept' && refused !== null) differences.push(`predicted accept, but the kernel refused to send: ${refused}`);
  } else if (verdict.outcome !== 'undetermined' && comparison.result !== 'open')
    differences.push(...endDifferences(verdict, passage, spec));
  return { plan, spec, verdict, comparison, passage, differences };
};

const lastVisit = (passage: Passage): ChainVisit | null => {
  const last = passage.visits.filter(({ source }) => source === 'nft').at(-1) ?? null;
  return last?.table === TRACER && last.priority === TRACER_LAST && (last.hook === 'input' || last.hook === 'postrouting') ? last : null;
};

/** Whether it got through, by which device and as what. */
const endDifferences = (verdict: Verdict, passage: Passage, spec: PacketSpec): readonly string[] => {
  const last = lastVisit(passage);
  if (verdict.outcome !== 'accept') {
    if (last === null || (last.hook === 'postrouting' && last.packet.outDev === 'lo')) return [];
    return [`predicted ${verdict.outcome}, but the kernel let it through ${last.hook}`];
  }
  if (last === null)
    return [
      `predicted accept, but the kernel showed it last at ${passage.visits.at(-1)?.hook ?? '?'} ${passage.visits.at(-1)?.chain ?? ''}`,
    ];
  const found: string[] = [];
  const out = last.hook === 'input' ? 'local' : last.packet.outDev;
  if (verdict.out !== out) found.push(`predicted to leave by ${verdict.out}, but the kernel sent it to ${out}`);
  const predicted = translated(verdict, spec);
  if (predicted.src !== null && last.packet.src !== null) {
    const kernel = `${end(formatIp(last.packet.src), last.packet.srcPort)} > ${end(formatIp(last.packet.dst ?? last.packet.src), last.packet.dstPort)}`;
    // Behind IPv6 options nft shows no ports.
    const bare = last.packet.protocol === null ? `${withoutPort(predicted.src)} > ${withoutPort(predicted.dst)}` : null;
    const wanted = bare ?? `${predicted.src} > ${predicted.dst}`;
    // Where both ends were the same, the verdict does not say which of them was translated.
    const turned = spec.src === spec.dst && kernel === wanted.split(' > ').reverse().join(' > ');
    if (kernel !== wanted && !turned) found.push(`predicted as ${predicted.src} > ${predicted.dst}, in the kernel it was ${kernel}`);
  }
  return found;
};

const end = (ip: string, port: number | null): string => (port === null ? ip : ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

const withoutPort = (text: string): string => /^\[(.+)\]:\d+$/.exec(text)?.[1] ?? text;

/** The addresses at the end of the way; null where the verdict says that they cannot be foretold. */
const translated = (verdict: Verdict, spec: PacketSpec): { readonly src: string | null; readonly dst: string } => {
  const canonical = (text: string): string => formatIp(parseIp(text) ?? { version: 4, a: 0, b: 0, c: 0, d: 0 });
  let src = end(canonical(spec.src), spec.sport ?? null);
  let dst = end(canonical(spec.dst), spec.dport ?? null);
  // Each end is translated once at most: the destination first, then the source.
  let dstDone = false;
  for (const nat of verdict.nat) {
    if (nat.to === 'unknown') return { src: null, dst };
    if (nat.from === dst && !dstDone && (nat.from !== src || nat.kind === 'dnat' || nat.kind === 'redirect')) {
      dst = nat.to;
      dstDone = true;
    } else if (nat.from === src) src = nat.to;
  }
  return { src, dst };
};

const textOf = (model: HostModel, step: KernelStep): string | undefined =>
  model.self.rulesets
    .find(({ backend, family }) => (backend === 'legacy') === (step.source === 'legacy') && family === step.family)
    ?.tables.find(({ name }) => name === step.table)
    ?.chains.find(({ name }) => name === step.chain)?.rules[(step.rule ?? 0) - 1]?.text;

/** Both stories of a packet, for people. */
export const tell = ({ spec, verdict, comparison, passage, differences }: PacketResult, model: HostModel): string =>
  [
    JSON.stringify(spec),
    ...differences.map((text) => `  ! ${text}`),
    `  predicted ${verdict.outcome} by ${verdict.decidedBy.text}${verdict.nat.length === 0 ? '' : `; ${verdict.nat.map((nat) => `${nat.kind} ${nat.from} -> ${nat.to}`).join(', ')}`}`,
    ...verdict.unknowns.map((text) => `  unknown: ${text}`),
    ...comparison.lines.map(({ state, predicted, kernel }) => {
      const left =
        predicted === null
          ? ''
          : `${predicted.hook} ${predicted.table ?? ''} ${predicted.chain ?? ''} ${predicted.rule ?? ''} ${predicted.action} ${predicted.text} ${predicted.note ?? ''}`;
      return `  ${state.padEnd(9)} ${left}${kernel === null || state === 'same' ? '' : ` | kernel: ${kernel.hook} ${describeKernelStep(kernel)} ${textOf(model, kernel) ?? kernel.text ?? ''}`}`;
    }),
    ...(passage?.visits ?? []).map(
      ({ hook, table, chain, packet }) =>
        `  seen at ${hook} ${table} ${chain}: ${packet.inDev ?? '-'}>${packet.outDev ?? '-'} ${packet.src === null ? '?' : formatIp(packet.src)} ${packet.srcPort ?? ''} > ${packet.dst === null ? '?' : formatIp(packet.dst)} ${packet.dstPort ?? ''} ttl ${packet.ttl}`,
    ),
  ].join('\n');
