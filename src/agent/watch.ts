/**
 * Keeps main's picture of the host fresh: rules are polled about once a second (nothing tells of a change to legacy rules), links, addresses
 * and routes are heard of from the kernel, containers from Docker. Whatever changed, main gets one whole new snapshot with the reasons.
 */
import { messageOf } from '../base/errors.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../host/snapshot.ts';
import { describeChanges, describeRaw, summariseChanges } from './changes.ts';
import { collect, collectRules, secondsNow } from './collect.ts';
import type { DockerDaemon } from './docker.ts';
import { DockerEvents } from './docker-events.ts';
import { runCommand } from './firewall.ts';
import { LinkMonitor } from './link-monitor.ts';
import { type LinkState, parseLinks } from './links.ts';
import type { Machine, Place } from './machine/machine.ts';
import type { AgentMessage, CollectRequest } from './protocol.ts';

/** A container's start is heard of from three sides within this time. */
const SETTLE_MS = 120;
/** A host under change is not read more often than this. */
const REST_MS = 300;
const MIN_POLL_MS = 200;

/** A table as `nft -j` begins to print it. */
const NFT_TABLE = /\{"table": \{"family": "([^"]*)", "name": "([^"]*)"/g;
const IPTABLES_TABLES: ReadonlySet<string> = new Set(['filter', 'nat', 'mangle', 'raw', 'security']);

/** The whole of nftables is long where iptables-nft has many rules, and of no use for counters unless there are other tables. */
const hasNativeTables = (text: string): boolean =>
  [...text.matchAll(NFT_TABLE)].some(([, family = '', name = '']) => !(family.startsWith('ip') && IPTABLES_TABLES.has(name)));

const COUNTED = ['iptablesNft', 'ip6tablesNft', 'iptablesLegacy', 'ip6tablesLegacy', 'iptables', 'ip6tables'] as const;

type Docker = DockerDaemon | { readonly error: string };

export class Watch {
  readonly #machine: Machine;
  readonly #docker: Docker;
  readonly #send: (message: AgentMessage) => void;
  #running: Round | null = null;
  #seen: SnapshotDocument | null = null;

  constructor(machine: Machine, docker: Docker, send: (message: AgentMessage) => void) {
    this.#machine = machine;
    this.#docker = docker;
    this.#send = send;
  }

  /** A snapshot that main has got by asking: changes count from it. */
  seen(snapshot: SnapshotDocument): void {
    this.#seen = snapshot;
  }

  start(intervalMs: number, what: CollectRequest): void {
    this.stop();
    const round = new Round(this.#machine, this.#docker, this.#send, Math.max(intervalMs, MIN_POLL_MS), what, this.#seen);
    this.#running = round;
    round.start();
  }

  stop(): void {
    if (this.#running === null) return;
    this.#seen = this.#running.last ?? this.#seen;
    this.#running.stop();
    this.#running = null;
  }
}

/** One stretch of watching, from `watch` to `unwatch`. */
class Round {
  last: SnapshotDocument | null;
  readonly #place: Place;
  readonly #docker: Docker;
  readonly #send: (message: AgentMessage) => void;
  readonly #intervalMs: number;
  readonly #what: CollectRequest;
  readonly #monitor: LinkMonitor;
  #stopHearing: () => void = () => {};
  #events: DockerEvents | null = null;
  #links: Map<string, LinkState> | null = null;
  #reasons: string[] = [];
  #dirty = false;
  #reading = false;
  #readTimer: NodeJS.Timeout | null = null;
  #pollTimer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(
    machine: Machine,
    docker: Docker,
    send: (message: AgentMessage) => void,
    intervalMs: number,
    what: CollectRequest,
    seen: SnapshotDocument | null,
  ) {
    this.#place = { machine, enter: [] };
    this.#monitor = new LinkMonitor(machine, () => void this.#linksChanged());
    this.#docker = docker;
    this.#send = send;
    this.#intervalMs = intervalMs;
    this.#what = what;
    this.last = seen;
  }

  start(): void {
    this.#stopHearing = this.#place.machine.onReach((up, message) => {
      this.#send({ type: 'dockerState', up, message });
      if (up) this.#soon(message);
    });
    this.#monitor.start();
    void this.#linksChanged();
    if (this.#what.docker && !('error' in this.#docker)) {
      this.#events = new DockerEvents(this.#docker, {
        changed: (reason) => this.#soon(reason),
        state: (up, message) => {
          this.#send({ type: 'dockerState', up, message });
          this.#soon(up ? 'the Docker daemon is back' : null);
        },
        nameOf: (id) => this.last?.docker.containers.find((container) => container.Id.startsWith(id))?.Name.replace(/^\//, '') ?? null,
      });
      void this.#events.run();
    }
    // what changed between main's own snapshot and the monitors' start was heard by nobody
    this.#soon(null);
    this.#pollTimer = setTimeout(() => void this.#poll(), this.#intervalMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#monitor.stop();
    this.#stopHearing();
    this.#events?.stop();
    if (this.#readTimer !== null) clearTimeout(this.#readTimer);
    if (this.#pollTimer !== null) clearTimeout(this.#pollTimer);
  }

  #soon(reason: string | null): void {
    if (this.#stopped) return;
    if (reason !== null && !this.#reasons.includes(reason)) this.#reasons.push(reason);
    this.#dirty = true;
    if (!this.#reading) this.#readTimer ??= setTimeout(() => void this.#read(), SETTLE_MS);
  }

  async #read(): Promise<void> {
    this.#readTimer = null;
    this.#reading = true;
    this.#dirty = false;
    const heard = this.#reasons;
    this.#reasons = [];
    try {
      const snapshot = await collect(this.#what, this.#place.machine, this.#docker);
      if (this.#stopped) return;
      const before = this.last;
      this.last = snapshot;
      const found = before === null ? [] : describeChanges(before, snapshot);
      // an event that changed nothing (a container made, not started) is no news
      if (found.length > 0) this.#send({ type: 'changed', reason: summariseChanges(heard, found), snapshot });
    } catch (error) {
      this.#send({ type: 'dockerState', up: false, message: `the host's facts could not be read: ${messageOf(error)}` });
    } finally {
      this.#reading = false;
      if (this.#dirty && !this.#stopped) this.#readTimer ??= setTimeout(() => void this.#read(), REST_MS);
    }
  }

  /** A poll that takes long comes less often: never more than half of the time is spent on it. */
  async #poll(): Promise<void> {
    const startedAt = performance.now();
    if (this.#what.firewall && this.last !== null && !this.#reading) {
      // A machine that cannot be reached just now says so itself.
      await this.#compareRules(this.last).catch(() => {});
    }
    await this.#tellTraffic();
    if (this.#stopped) return;
    const took = performance.now() - startedAt;
    this.#pollTimer = setTimeout(() => void this.#poll(), Math.max(this.#intervalMs - took, took, MIN_POLL_MS));
  }

  async #compareRules(last: SnapshotDocument): Promise<void> {
    const takenAt = secondsNow();
    const { raw } = await collectRules(this.#place.machine);
    // a whole snapshot taken meanwhile knows more
    if (this.#stopped || this.#reading || last !== this.last) return;
    if (describeRaw(last.raw, raw).length > 0) {
      this.#soon(null);
      return;
    }
    const texts: Record<string, string> = {};
    for (const command of COUNTED) {
      const key = SNAPSHOT_COMMANDS[command];
      const text = raw[key];
      if (text !== undefined) texts[key] = text;
    }
    const native = raw[SNAPSHOT_COMMANDS.nft];
    if (native !== undefined && hasNativeTables(native)) texts[SNAPSHOT_COMMANDS.nft] = native;
    this.#send({ type: 'counters', takenAt, raw: texts });
  }

  /** Main reads this machine's counters itself; those of another one it cannot. */
  async #tellTraffic(): Promise<void> {
    const { machine } = this.#place;
    if (machine.remote === null) return;
    const text = await machine.readText('/proc/self/net/dev');
    if (text !== null && !this.#stopped) this.#send({ type: 'traffic', text });
  }

  async #linksChanged(): Promise<void> {
    const result = await runCommand('link', this.#place);
    if (!result.ok || this.#stopped) return;
    const links = parseLinks(result.stdout);
    const before = this.#links;
    this.#links = links;
    if (before === null) return;
    const tell = (name: string, state: LinkState): void => this.#send({ type: 'link', interface: name, ...state });
    for (const [name, state] of before) {
      const now = links.get(name);
      if (now === undefined || now.ifindex !== state.ifindex) tell(name, { ...state, present: false, up: false });
    }
    for (const [name, state] of links) {
      const was = before.get(name);
      if (was === undefined || was.ifindex !== state.ifindex || was.up !== state.up) tell(name, state);
    }
    this.#soon(null);
  }
}
