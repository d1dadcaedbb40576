/** A host to work on: this machine (with an agent), or a saved snapshot, or nothing but files. */
import type { AgentClient } from '../agent/client.ts';
import type { Capabilities, CollectRequest } from '../agent/protocol.ts';
import { failure, missingError } from '../base/errors.ts';
import { readFacts } from '../host/read-facts.ts';
import type { SnapshotDocument } from '../host/snapshot.ts';
import type { SessionDiff } from '../report/session-diff.ts';
import type { CapturePoint } from '../topology/topology.ts';
import { explainQuestion } from './explain-question.ts';
import type { FileCapture, FileTap } from './files/file-capture.ts';
import { compilePacketFilter } from './files/packet-filter.ts';
import { connectionsOf, HostStore } from './host-store.ts';
import { InterfaceTraffic, localCounters } from './interface-traffic.ts';
import { chooseEngine } from './live/engine-choice.ts';
import { pointsBetween } from './points-between.ts';
import type { Pace } from './replay/replay-pace.ts';
import { RuleHits } from './rules/rule-hits.ts';
import { suggestFileName } from './saving/capture-file-name.ts';
import type { CaptureView } from './state/capture-view.ts';
import type { HostState } from './state/host-state.ts';
import type { RuleCounting } from './state/rule-counting.ts';
import type { TraceOptions, TraceSubject, TraceView } from './state/trace-state.ts';
import type {
  CaptureOptions,
  ExplainAnswer,
  FileOptions,
  JudgedBy,
  PointsBetween,
  RewriteFileOptions,
  RewriteResult,
  Workspace,
} from './state/workspace.ts';
import type { WhatIf } from './what-if.ts';

/** Counters and changes are looked for this often; a change is known within two seconds. */
const WATCH_MS = 1_000;
const CONNECTIONS: CollectRequest = { firewall: false, conntrack: true, namespaces: 'none', docker: false };

export class HostWorkspace implements Workspace {
  readonly store: HostStore;
  readonly #agent: AgentClient | null;
  readonly #isSnapshot: boolean;
  readonly #whatIf: WhatIf | null;
  readonly #listeners = new Set<() => void>();
  readonly #captures = new Set<CaptureView>();
  readonly #traces = new Set<TraceView>();
  /** What was read of the host at last. */
  #what: CollectRequest | null = null;
  readonly #traffic = new InterfaceTraffic();
  #timer: NodeJS.Timeout | null = null;
  #capabilities: Promise<Capabilities> | null = null;
  #state: HostState | null = null;

  /** `isSnapshot`: the host is a saved snapshot, whose facts judge every file that is opened. */
  constructor(agent: AgentClient | null, isSnapshot = false, whatIf: WhatIf | null = null) {
    this.#agent = agent;
    this.#isSnapshot = isSnapshot;
    this.#whatIf = whatIf;
    this.store = new HostStore(agent !== null, whatIf);
    this.store.subscribe(() => this.#moved());
  }

  /** Takes the host as it was read first, and keeps reading where it is to be live. */
  async begin(what: CollectRequest, first: Promise<SnapshotDocument>, live: boolean): Promise<void> {
    const agent = this.#agent;
    if (agent === null) return;
    this.#what = what;
    this.store.replace(await first, 'first look');
    if (!live) return;
    agent.onMessage((news) => {
      switch (news.type) {
        case 'changed':
          this.store.replace(news.snapshot, news.reason);
          return;
        case 'counters':
          this.store.updateCounters(news.takenAt, news.raw);
          return;
        case 'dockerState':
          this.store.setTrouble(news.up ? null : news.message);
          return;
        case 'gone':
          this.store.setTrouble(news.message);
          return;
        case 'traffic':
          this.#sampleTraffic(news.text);
          return;
        case 'link':
          return;
      }
    });
    agent.watch(WATCH_MS, what);
    // The counters of another machine are sent by whoever looks at it.
    if (agent.remote === null) this.#timer = setInterval(() => this.#sampleTraffic(localCounters()), 1_000);
  }

  /** Another machine that is looked at, and as whom; null for this one and for files. */
  get remote(): string | null {
    return this.#agent?.remote ?? null;
  }

  get judgedBy(): JudgedBy | null {
    const rules = this.#whatIf?.words ?? null;
    if (rules !== null) return { kind: 'rules', words: `what if: ${rules}` };
    const version = this.#isSnapshot ? this.store.version : null;
    return version === null ? null : { kind: 'snapshot', words: `judged by the snapshot of ${version.facts.hostName}` };
  }

  getHost(): HostState | null {
    const version = this.store.version;
    if (version === null) return null;
    this.#state ??= { ...version, traffic: this.#traffic.rates, dropped: this.#traffic.dropped };
    return this.#state;
  }

  /** The document itself, for `snapshot`. */
  get document(): SnapshotDocument | null {
    return this.store.version?.document ?? null;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  capabilities(): Promise<Capabilities> {
    if (this.#agent === null) throw failure('a saved snapshot does not say what this machine can do');
    this.#capabilities ??= this.#agent.probe();
    return this.#capabilities;
  }

  async openCapture(points: readonly CapturePoint[], options: CaptureOptions): Promise<CaptureView> {
    const agent = this.#agent;
    if (agent === null) throw failure('a saved snapshot has no live traffic', { hint: 'open a saved session, or leave out --host' });
    if (points.length === 0) throw failure('nothing to capture on', { hint: 'vethscope list shows the containers and their interfaces' });
    const capabilities = await this.capabilities();
    if (capabilities.nodeAloneMay)
      throw missingError('capabilities were given to node itself (setcap), and what it starts has none of them', {
        hint: 'sudo vethscope: it gives its privileges up again for all but the capture itself',
      });
    const engine = chooseEngine(capabilities, options);
    const { LiveCapture } = await import('./live/live-capture.ts');
    const capture = new LiveCapture(points, { ...options, agent, store: this.store, defaultEngine: engine });
    this.#captures.add(capture);
    await capture.begin(options.saveToStdout === true ? '-' : options.saveTo, options.save);
    return capture;
  }

  async openFile(path: string, options: FileOptions = {}): Promise<CaptureView> {
    const filter = options.filter ?? '';
    // A file brings its own facts: the live host's must not judge packets of another one. Where there is no host, the file's becomes it.
    const store = this.#agent === null ? this.store : new HostStore(false);
    const packetFilter = await compilePacketFilter(filter);
    const { FileCapture } = await import('./files/file-capture.ts');
    const open = (pace?: Pace): FileCapture =>
      new FileCapture({
        path,
        store,
        hasOwnFacts: this.#isSnapshot,
        filter,
        packetFilter,
        keepPackets: options.keepPackets ?? true,
        keepEnded: options.keepEnded ?? true,
        packetLimit: options.packetLimit ?? null,
        ...(pace === undefined ? {} : { pace }),
      });
    // Standard input comes once.
    const replays = options.replays === true && path !== '-';
    const capture = replays ? await this.#openReplay(open, store) : open();
    this.#captures.add(capture);
    return capture;
  }

  async #openReplay(open: (pace: Pace) => FileCapture, store: HostStore): Promise<CaptureView> {
    const { ReplayCapture } = await import('./replay/replay-capture.ts');
    return new ReplayCapture((pace) => {
      store.rewind();
      const capture = open(pace);
      return { capture, rules: new RuleHits(store, capture, this.#isSnapshot) };
    });
  }

  async diffFile(path: string): Promise<SessionDiff> {
    const rules = this.#whatIf?.rules == null ? null : this.#whatIf;
    const snapshot = this.#isSnapshot ? (this.store.version?.document ?? null) : null;
    if (path === '-' || (rules === null && snapshot === null))
      throw failure(path === '-' ? 'standard input comes once: it cannot be judged twice' : 'no other rules were given to compare with', {
        hint: 'vethscope --open FILE --iptables NEW, where iptables-save has written NEW; or --host SNAPSHOT',
      });
    const [{ diffSession }, { WhatIf: Question }] = await Promise.all([import('./replay/replay-diff.ts'), import('./what-if.ts')]);
    const asked = rules === null ? { before: null, after: null } : { before: snapshot, after: snapshot };
    const after = rules === null && snapshot !== null ? new Question(null, readFacts(snapshot)) : (rules?.again() ?? null);
    const open = async (whatIf: WhatIf | null, document: SnapshotDocument | null): Promise<CaptureView> => {
      const store = new HostStore(false, whatIf);
      if (document !== null) store.replace(document, 'snapshot opened');
      const { FileCapture } = await import('./files/file-capture.ts');
      const capture = new FileCapture({
        ...{ path, store, hasOwnFacts: document !== null, filter: '', packetFilter: null, keepPackets: false, packetLimit: null },
      });
      this.#captures.add(capture);
      return capture;
    };
    return diffSession(
      { before: () => open(new Question(null), asked.before), after: () => open(after, asked.after) },
      { interrupted: new Promise(() => {}), event: () => {} },
    );
  }

  async rewriteFile(path: string, to: string, options: RewriteFileOptions = {}): Promise<RewriteResult> {
    const { rewriteSession } = await import('./saving/rewrite-session.ts');
    const host = this.#isSnapshot ? this.store.version : null;
    return rewriteSession({ path, to, options, host, open: (tap) => this.#openForRewriting(path, tap) });
  }

  async #openForRewriting(path: string, tap: FileTap | null): Promise<FileCapture> {
    const { FileCapture } = await import('./files/file-capture.ts');
    const capture = new FileCapture({
      path,
      store: this.#isSnapshot ? this.store : new HostStore(false),
      hasOwnFacts: this.#isSnapshot,
      filter: '',
      packetFilter: null,
      keepPackets: false,
      packetLimit: null,
      ...(tap === null ? {} : { tap }),
    });
    this.#captures.add(capture);
    return capture;
  }

  countRules(capture: CaptureView): RuleCounting {
    return capture.replay?.rules ?? new RuleHits(this.store, capture);
  }

  explain(src: string, dst: string, proto: string, options: { readonly whyNot: boolean }): ExplainAnswer {
    const version = this.store.version;
    if (version === null) throw failure('the facts of this host could not be read', { hint: 'vethscope doctor says what is missing' });
    return explainQuestion(version, src, dst, proto, options.whyNot);
  }

  pointsBetween(src: string, dst: string): PointsBetween {
    const version = this.store.version;
    if (version === null) throw failure('the facts of this host could not be read', { hint: 'vethscope doctor says what is missing' });
    return pointsBetween(version, src, dst);
  }

  async trace(subject: TraceSubject, options: TraceOptions): Promise<TraceView> {
    const agent = this.#agent;
    if (agent === null) throw failure('a saved host has no kernel to ask for its trace', { hint: 'leave out --host' });
    if (agent.remote !== null)
      throw failure('the kernel can be asked for its trace only on the machine itself', {
        detail: 'its rules for that must vanish with the process that owns them, also where a connection breaks',
        hint: 'vethscope trace there, without --on',
      });
    // A flow that is running is known to the kernel by now: its translations and state are what counts.
    if (subject.kind === 'flow') this.store.replaceConnections(connectionsOf(await agent.collect(CONNECTIONS)));
    const version = this.store.version;
    const what = this.#what;
    if (version === null || what === null)
      throw failure('the facts of this host could not be read', { hint: 'vethscope doctor says what is missing' });
    const { canReadRules, programs } = await this.capabilities();
    if (!canReadRules) throw missingError('a trace needs the privilege to add rules (CAP_NET_ADMIN)', { hint: 'sudo vethscope' });
    if (programs['nft'] === null)
      throw missingError('nft is not installed: the kernel is asked for its trace by it', { hint: 'apt-get install nftables' });
    const [{ TraceRun }, { checkSender, traceTask }] = await Promise.all([
      import('./tracing/trace-run.ts'),
      import('./tracing/trace-task.ts'),
    ]);
    const task = traceTask(version, subject);
    if (options.send) checkSender(task);
    const refresh = async (): Promise<void> => this.store.replace(await agent.collect(what), 'rules changed');
    const run = new TraceRun(task, options, version, { agent, store: this.store, refresh });
    this.#traces.add(run);
    void run.finished.then(() => this.#traces.delete(run));
    return run;
  }

  suggestFileName(label: string): string {
    return suggestFileName(label, new Date());
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await Promise.all([...this.#captures, ...this.#traces].map((work) => work.stop()));
    await this.#agent?.close();
    this.#listeners.clear();
  }

  #sampleTraffic(text: string | null): void {
    if (text === null) return;
    this.#traffic.sample(text);
    this.#moved();
  }

  #moved(): void {
    this.#state = null;
    for (const listener of this.#listeners) listener();
  }
}
