/**
 * Joins the two halves of connections that a proxy carries: what a client says to it, and what it says to the server. The kernel does not
 * tell which belong together, so it is concluded from what was seen, and only where nothing else fits: what is said on both is the same, and
 * the second began when the first was there. Those between which that does not decide are called undecided, with all that they may be.
 */
import type { IpAddress } from '../base/ip-address.ts';
import { type Packet, TH_FIN, TH_RST } from '../packet/packet.ts';
import { type Direction, REPLY } from './flow.ts';
import { HalfStream } from './half-stream.ts';

/** Who began it, and whom it asked. */
export interface HalfEnds {
  readonly a: IpAddress;
  readonly aPort: number;
  readonly b: IpAddress;
  readonly bPort: number;
}

/** The flow that showed it first. */
export interface FirstSeen {
  readonly flowId: number;
  readonly point: number;
  readonly beganSec: number;
}

/** One half, at one or more capture points. */
export class Half {
  readonly side: 'client' | 'container';
  /** Where the proxy dials: halves of others are never compared. Empty as long as it is not known. */
  proxy: string;
  readonly ends: HalfEnds;
  readonly beganSec: number;
  lastSec: number;
  /** The flows that show it; what is said is taken from the first. */
  readonly flows: number[];
  /** From the client on, and back. */
  readonly said: readonly [HalfStream, HalfStream] = [new HalfStream(), new HalfStream()];
  /** Which ends have said that they are done. */
  readonly done: [boolean, boolean] = [false, false];
  /** When the asked end closed or reset it; null where it has not. */
  closedSec: number | null = null;
  /** The asked end answered the first packet with a reset. */
  isRefused = false;
  partner: Half | null = null;
  evidence: Evidence | null = null;
  /** Found last; empty where there is none, or it is decided. */
  candidates: readonly Half[] = [];

  /** The capture point whose packets tell of it: there the order of what was seen is the order of what happened. */
  readonly point: number;
  /** Side and ends in words, by which whoever keeps it may find it. */
  readonly key: string;

  constructor(side: Half['side'], proxy: string, ends: HalfEnds, { flowId, point, beganSec }: FirstSeen, key = '') {
    this.side = side;
    this.key = key;
    this.point = point;
    this.proxy = proxy;
    this.ends = ends;
    this.flows = [flowId];
    this.beganSec = beganSec;
    this.lastSec = beganSec;
  }

  observe(packet: Packet, direction: Direction, atSec: number): void {
    this.lastSec = Math.max(this.lastSec, atSec);
    this.said[direction].observe(packet);
    if (direction === REPLY && packet.tcpFlags >= 0 && packet.tcpFlags & (TH_FIN | TH_RST)) {
      this.closedSec ??= atSec;
      this.isRefused ||= (packet.tcpFlags & TH_RST) !== 0 && !this.said[REPLY].fromStart;
    }
    if (packet.tcpFlags >= 0 && packet.tcpFlags & TH_FIN) this.done[direction] = true;
  }

  get isDone(): boolean {
    return this.done[0] && this.done[1];
  }
}

/** `payload`: both say the same. `refusal`: the container refused the second, and the client's was closed then. */
export type Evidence = 'payload' | 'refusal';

/** Stamps of one moment differ by as much between capture engines, which read their packets in their own time. */
const SLACK_SEC = 0.3;
/** A proxy dials when it has accepted; more than this it is not late. */
const DIALS_WITHIN_SEC = 3;
/** Fewer bytes in common, while both go on, may still turn out different. */
const TELLING_BYTES = 16;
/** Undecided halves of one proxy that are kept; older ones stay undecided. */
const MAX_OPEN = 200;

export class ProxiedPairs {
  readonly #open = new Map<string, Half[]>();

  get size(): number {
    return this.#open.size;
  }

  add(half: Half): void {
    const list = this.#open.get(half.proxy);
    if (list === undefined) this.#open.set(half.proxy, [half]);
    else list.push(half);
    if (list !== undefined && list.length > MAX_OPEN) list.shift();
  }

  remove(half: Half): void {
    const list = this.#open.get(half.proxy)?.filter((each) => each !== half) ?? [];
    if (list.length === 0) this.#open.delete(half.proxy);
    else this.#open.set(half.proxy, list);
  }

  /** Joins what can be decided at this time, and gives the halves whose state is another than before. */
  decide(nowSec: number): readonly Half[] {
    const changed = new Set<Half>();
    for (const [proxy, halves] of this.#open) {
      this.#decideOne(halves, nowSec, changed);
      const left = halves.filter((half) => half.partner === null && !isForgotten(half, nowSec));
      if (left.length === 0) this.#open.delete(proxy);
      else this.#open.set(proxy, left);
    }
    return [...changed];
  }

  #decideOne(halves: readonly Half[], nowSec: number, changed: Set<Half>): void {
    const clients = halves.filter(({ side, partner }) => side === 'client' && partner === null);
    const servers = halves.filter(({ side, partner }) => side === 'container' && partner === null);
    const fitting = new Map(servers.map((server) => [server, clients.filter((client) => fits(client, server))]));
    for (let joined = true; joined; ) {
      joined = false;
      for (const [server, found] of fitting) {
        const [client] = found;
        if (client === undefined || found.length > 1 || !isSettled(client, server, nowSec)) continue;
        const rivals = [...fitting].some(([other, theirs]) => other !== server && theirs.length === 1 && theirs[0] === client);
        const evidence = evidenceOf(client, server);
        if (rivals || evidence === null) continue;
        join(client, server, evidence);
        changed.add(client).add(server);
        fitting.delete(server);
        for (const [other, theirs] of fitting)
          if (theirs.includes(client))
            fitting.set(
              other,
              theirs.filter((each) => each !== client),
            );
        joined = true;
      }
    }
    const openClients = clients.filter(({ partner }) => partner === null);
    for (const [server, found] of fitting) note(server, decided(found, server, nowSec), changed);
    for (const client of openClients) {
      const found = [...fitting].filter(([, theirs]) => theirs.includes(client)).map(([server]) => server);
      note(client, found.length > 0 && found.every((server) => isSettled(client, server, nowSec)) ? found : [], changed);
    }
  }
}

const decided = (found: readonly Half[], server: Half, nowSec: number): readonly Half[] =>
  found.every((client) => isSettled(client, server, nowSec)) ? found : [];

const note = (half: Half, candidates: readonly Half[], changed: Set<Half>): void => {
  const same = candidates.length === half.candidates.length && candidates.every((each, at) => each === half.candidates[at]);
  if (same) return;
  half.candidates = candidates;
  changed.add(half);
};

const join = (client: Half, server: Half, evidence: Evidence): void => {
  client.partner = server;
  server.partner = client;
  client.evidence = evidence;
  server.evidence = evidence;
  client.candidates = [];
  server.candidates = [];
};

/** Whether the one may be the other's second half: nothing that was seen speaks against it. */
const fits = (client: Half, server: Half): boolean => {
  if (server.beganSec < client.beganSec - (client.point === server.point ? 0 : SLACK_SEC)) return false;
  if (server.beganSec > Math.max(client.lastSec, client.beganSec + DIALS_WITHIN_SEC) + SLACK_SEC) return false;
  for (const way of [0, 1] as const) {
    const [here, there] = [client.said[way], server.said[way]];
    if (here.compare(there) === 'differs') return false;
    const whole = client.isDone && server.isDone && here.fromStart && there.fromStart;
    if (whole && here.total !== there.total) return false;
  }
  return true;
};

/** What both have in common is enough to go by, or both are over. */
const evidenceOf = (client: Half, server: Half): Evidence | null => {
  const [there, back] = [0, 1].map((way) => commonBytes(client, server, way as Direction)) as [number, number];
  const enough = there >= TELLING_BYTES || back >= TELLING_BYTES || (there > 0 && back > 0) || (client.isDone && server.isDone);
  if (there + back > 0 && enough) return 'payload';
  return server.isRefused && isNear(server.closedSec, client.closedSec) ? 'refusal' : null;
};

/** The proxy closes its client when it is refused, and not before. */
const isNear = (refusedSec: number | null, closedSec: number | null): boolean =>
  refusedSec !== null && closedSec !== null && Math.abs(closedSec - refusedSec) <= SLACK_SEC;

const commonBytes = (client: Half, server: Half, way: Direction): number => {
  const [here, there] = [client.said[way], server.said[way]];
  return here.compare(there) === 'same' ? Math.min(here.length, there.length) : 0;
};

/** Long enough ago that whatever else began then has been seen too. */
const isSettled = (client: Half, server: Half, nowSec: number): boolean =>
  nowSec - Math.max(client.beganSec, server.beganSec) > SLACK_SEC * 2 && nowSec - saidAtSec(client, server) > SLACK_SEC;

const saidAtSec = (client: Half, server: Half): number =>
  client.isDone && server.isDone ? Math.max(client.lastSec, server.lastSec) : Math.max(client.beganSec, server.beganSec);

/** Over for so long that no other half comes any more. */
const isForgotten = (half: Half, nowSec: number): boolean => half.isDone && nowSec - half.lastSec > FORGOTTEN_AFTER_SEC;

const FORGOTTEN_AFTER_SEC = 10;
