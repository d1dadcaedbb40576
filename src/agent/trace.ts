/** One trace from its rules' installation to their removal: the tables' owner, the readers of what the kernel tells, and the way back. */
import { existsSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import { runCommand } from './firewall.ts';
import { Leash } from './leash.ts';
import { localMachine } from './machine/local.ts';
import { lostByGroup, NFNLGRP_NFTABLES, NFNLGRP_NFTRACE } from './netlink-sockets.ts';
import { findProgram, lastLine, run } from './programs.ts';
import type { AgentMessage, StartTrace, TraceCounts, TraceEnd } from './protocol.ts';
import { currentLogger, type LoggerFamily, NFLOG, TraceKeeper } from './trace-keeper.ts';
import { LegacyReader, legacyTablesOf, logsThroughLogger } from './trace-legacy.ts';
import { TableOwner } from './trace-owner.ts';
import { COUNTER_OVER, COUNTER_TRACED, TRACE_TABLE_PREFIX, type TraceRules, traceCommands, traceFamilies } from './trace-rules.ts';

/** A change of rules comes as several transactions (Docker makes dozens). */
const SETTLE_MS = 80;
/** The kernel's messages about the last packets may still be on their way. */
const DRAIN_MS = 150;
const HEAR_WITHIN_MS = 5000;
const POLL_MS = 15;
/** What is incomplete must be known before it is compared. */
const LOST_MS = 100;

const TEXT_RULESET = ['-a', '-j', 'list', 'ruleset'] as const;

type State = 'starting' | 'running' | 'ending';

export class Trace {
  readonly #plan: StartTrace;
  readonly #send: (message: AgentMessage) => void;
  readonly #table: string;
  #rules: TraceRules | null = null;
  #state: State = 'starting';
  #owner: TableOwner | null = null;
  readonly #keepers: TraceKeeper[] = [];
  #monitor: Leash | null = null;
  #generations: Leash | null = null;
  #legacy: LegacyReader | null = null;
  #settle: NodeJS.Timeout | null = null;
  #restarted: Promise<void> = Promise.resolve();
  #readsLegacy = false;
  #gaps = 0;
  /** Of readers that have been let go. */
  #lost: number | null = null;
  #lostTold = 0;
  #lostTimer: NodeJS.Timeout | null = null;
  #ending: Promise<void> | null = null;

  constructor(plan: StartTrace, send: (message: AgentMessage) => void) {
    this.#plan = plan;
    this.#send = send;
    this.#table = `${TRACE_TABLE_PREFIX}${process.pid}_${plan.traceId}`;
  }

  async start(): Promise<void> {
    if (findProgram('nft') === null) {
      await this.end('no-program', 'nft is not installed: without it the kernel cannot be asked for its trace', 'apt-get install nftables');
      return;
    }
    const listed = await run('nft', TEXT_RULESET);
    if (!listed.ok) {
      await this.end(
        /not permitted/i.test(listed.reason) ? 'no-privilege' : 'refused',
        listed.reason,
        'sudo vethscope, or vethscope doctor',
      );
      return;
    }
    const legacy = await runCommand(this.#plan.original.family === 4 ? 'iptablesLegacy' : 'ip6tablesLegacy', {
      machine: localMachine(),
      enter: [],
    });
    const legacyText = legacyTablesOf(this.#plan.original.family) === '' || !legacy.ok ? '' : legacy.stdout;
    const remarks: string[] = [];
    this.#rules = {
      table: this.#table,
      original: this.#plan.original,
      reply: this.#plan.reply,
      tracks: tracksConnections(`${listed.stdout}${legacyText}`),
      bridge: /"chain": \{"family": "bridge"[^}]*"hook"/.test(listed.stdout),
      owned: true,
    };
    const refused = await this.#install();
    if (refused !== null) {
      await this.end('refused', `the kernel refuses the rules that ask for a trace: ${refused}`, 'vethscope doctor');
      return;
    }
    if (legacyTablesOf(this.#plan.original.family) !== '') await this.#readLegacy(legacyText, remarks);
    if (this.#isEnding()) return;
    this.#startMonitor();
    this.#startGenerations();
    if (!(await this.#heard())) {
      await this.end('crashed', 'nft monitor trace does not begin', 'vethscope doctor');
      return;
    }
    if (this.#isEnding()) return;
    this.#state = 'running';
    this.#lostTimer = setInterval(() => this.#tellLost(), LOST_MS);
    this.#send({ type: 'traceStarted', traceId: this.#plan.traceId, ruleset: listed.stdout, readsLegacy: this.#readsLegacy, remarks });
  }

  /** The first reason counts. Settles when nothing is left in the kernel. */
  end(end: TraceEnd, message: string, hint: string | null): Promise<void> {
    this.#ending ??= this.#end(end, message, hint);
    return this.#ending;
  }

  async #end(end: TraceEnd, message: string, hint: string | null): Promise<void> {
    const wasRunning = this.#state === 'running';
    this.#state = 'ending';
    if (this.#settle !== null) clearTimeout(this.#settle);
    if (this.#lostTimer !== null) clearInterval(this.#lostTimer);
    const read = wasRunning && end === 'stopped' ? await this.#readCounters() : { traced: null, overRate: null };
    await this.#owner?.release();
    if (wasRunning) await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    this.#countLost();
    const readers = [this.#generations, this.#monitor];
    this.#generations = null;
    this.#monitor = null;
    for (const reader of readers) reader?.release();
    const legacyDropped = this.#legacy === null ? null : await this.#legacy.stop();
    for (const keeper of this.#keepers) await keeper.release();
    const counts: TraceCounts = { ...read, messagesLost: this.#lost, legacyDropped, gaps: this.#gaps };
    this.#send({ type: 'traceEnded', traceId: this.#plan.traceId, end, message, hint, counts });
  }

  #isEnding(): boolean {
    return this.#ending !== null;
  }

  /** Null, or why not. Kernels before 5.12 and an nft without its interactive mode do with a keeper. */
  async #install(): Promise<string | null> {
    const rules = this.#rules as TraceRules;
    const owner = new TableOwner(() => {
      void this.end('rules-gone', "the process that keeps the trace's rules has ended; the rules went with it", null);
    });
    const refused = await owner.install(traceCommands(rules), rules.table, traceFamilies(rules));
    if (refused === null) {
      this.#owner = owner;
      return null;
    }
    await owner.release();
    const tables = traceFamilies(rules).map((family) => `${family} ${rules.table}`);
    // The keeper first: what it is to take away must not be there without it.
    const keeper = new TraceKeeper({ tables, loggers: [] });
    const plain: TraceRules = { ...rules, owned: false };
    const result = await run('nft', ['-f', '-'], { input: traceCommands(plain) });
    if (!result.ok) {
      await keeper.release();
      return refused;
    }
    this.#rules = plain;
    this.#keepers.push(keeper);
    return null;
  }

  async #readLegacy(rulesText: string, remarks: string[]): Promise<void> {
    const family: LoggerFamily = this.#plan.original.family === 4 ? 2 : 10;
    if (findProgram('tcpdump') === null) {
      remarks.push('there are legacy rules, and no tcpdump to read what the kernel tells of them: apt-get install tcpdump');
      return;
    }
    const logger = currentLogger(family);
    if (logger === null) {
      remarks.push('there are legacy rules; what the kernel tells of them cannot be read here (net.netfilter.nf_log is missing)');
      return;
    }
    if (logger !== 'NONE' && logger !== NFLOG && logsThroughLogger(rulesText)) {
      remarks.push(
        `there are legacy rules, and rules that log by ${logger}: to read the trace of legacy rules would lose their lines, so it is not read (it goes to the kernel's log)`,
      );
      return;
    }
    // libpcap binds IPv4's logger whatever it is asked for.
    const families: readonly LoggerFamily[] = family === 2 ? [2] : [2, 10];
    const loggers = families.flatMap((each) => {
      const before = currentLogger(each);
      return before === null || before === NFLOG ? [] : [{ family: each, before }];
    });
    if (loggers.length > 0) {
      this.#keepers.push(new TraceKeeper({ tables: [], loggers }));
      const told = loggers.map((each) => `net.netfilter.nf_log.${each.family} is ${NFLOG} (it was ${each.before})`).join(', ');
      remarks.push(`for the time of the trace ${told}: so the kernel tells of legacy rules`);
    }
    const reader = new LegacyReader(
      family,
      loggers,
      (bytes) => this.#send({ type: 'traceRecords', traceId: this.#plan.traceId, bytes }),
      (why) => void this.end('crashed', `tcpdump, which reads the trace of legacy rules, has ended by itself: ${why}`, null),
    );
    this.#legacy = reader;
    const problem = await reader.start();
    this.#readsLegacy = problem === null;
    if (problem !== null) remarks.push(`what the kernel tells of legacy rules cannot be read: ${problem}`);
  }

  #startMonitor(): void {
    const monitor = new Leash(['nft', '-a', 'monitor', 'trace'], {
      output: (chunk) => this.#send({ type: 'traceText', traceId: this.#plan.traceId, text: chunk.toString('utf8') }),
      ended: () => {
        if (this.#monitor === monitor) void this.end('crashed', 'nft monitor trace has ended by itself', null);
      },
    });
    this.#monitor = monitor;
  }

  /** `nft monitor` says every change of the rules; the trace's reader knows only the rules that it found when it began. */
  #startGenerations(): void {
    const generations = new Leash(['nft', 'monitor', 'rules'], {
      output: (chunk) => {
        if (this.#state === 'running' && /^(add|insert|replace|delete) rule/m.test(chunk.toString('utf8'))) this.#expectRules();
      },
      ended: () => {
        if (this.#generations === generations) void this.end('crashed', 'nft monitor rules has ended by itself', null);
      },
    });
    this.#generations = generations;
  }

  #expectRules(): void {
    if (this.#settle !== null) return;
    this.#send({ type: 'traceGap', traceId: this.#plan.traceId });
    this.#settle = setTimeout(() => {
      // What changes from here on may be missing in the list: it is read once more.
      this.#settle = null;
      this.#restarted = this.#restarted.then(() => this.#rulesChanged());
    }, SETTLE_MS);
  }

  /** Waits until both readers have joined their groups: from then on nothing is missed. */
  async #heard(): Promise<boolean> {
    const hears = (leash: Leash | null, group: number): boolean =>
      leash !== null && leash.pid !== null && lostByGroup(leash.pid, group) !== null;
    const until = performance.now() + HEAR_WITHIN_MS;
    while (this.#ending === null && performance.now() < until) {
      if (hears(this.#monitor, NFNLGRP_NFTRACE) && hears(this.#generations, NFNLGRP_NFTABLES)) return true;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return this.#ending !== null;
  }

  /** What is told between the two readers is lost: it would be told in terms of the old rules. */
  async #rulesChanged(): Promise<void> {
    const before = this.#monitor;
    const listed = await run('nft', TEXT_RULESET);
    if (this.#state !== 'running') return;
    if (!listed.ok) {
      void this.end('crashed', listed.reason, null);
      return;
    }
    this.#gaps++;
    this.#countLost();
    this.#monitor = null;
    before?.release();
    this.#startMonitor();
    await this.#heard();
    this.#send({ type: 'traceRules', traceId: this.#plan.traceId, ruleset: listed.stdout });
  }

  #countLost(): void {
    const lost = this.#lostByMonitor();
    if (lost !== null) this.#lost = (this.#lost ?? 0) + lost;
  }

  #lostByMonitor(): number | null {
    const pid = this.#monitor?.pid ?? null;
    return pid === null ? null : lostByGroup(pid, NFNLGRP_NFTRACE);
  }

  #tellLost(): void {
    const messages = (this.#lost ?? 0) + (this.#lostByMonitor() ?? 0);
    if (messages <= this.#lostTold) return;
    this.#lostTold = messages;
    this.#send({ type: 'traceLost', traceId: this.#plan.traceId, messages });
  }

  async #readCounters(): Promise<Pick<TraceCounts, 'traced' | 'overRate'>> {
    const result = await run('nft', ['-j', 'list', 'counters', 'table', 'inet', this.#table]);
    if (!result.ok) return { traced: null, overRate: null };
    try {
      const counters = (JSON.parse(result.stdout) as { nftables: { counter?: { name: string; packets: number } }[] }).nftables;
      const count = (name: string): number | null => counters.find((entry) => entry.counter?.name === name)?.counter?.packets ?? null;
      return { traced: count(COUNTER_TRACED), overRate: count(COUNTER_OVER) };
    } catch (error) {
      this.#send({ type: 'traceText', traceId: this.#plan.traceId, text: `# ${lastLine(messageOf(error))}\n` });
      return { traced: null, overRate: null };
    }
  }
}

/** Connection tracking works in this namespace only where rules ask for it; a rule of ours must not be the first. */
const tracksConnections = (rules: string): boolean =>
  existsSync('/proc/sys/net/netfilter/nf_conntrack_count') &&
  /"type": "nat"|"ct"|"name": "(conntrack|state|MASQUERADE|DNAT|SNAT|REDIRECT)"|^\*nat|--ctstate|--state /m.test(rules);
