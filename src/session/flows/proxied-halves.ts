/**
 * Which flows of a capture are halves of connections that docker-proxy carries: those whose verdict says that it takes them, and those that
 * the host itself opens to what it dials. Both are laid beside each other as src/flow/proxied.ts has it.
 */
import { formatIp, type IpAddress } from '../../base/ip-address.ts';
import { printable } from '../../base/printable.ts';
import type { Direction, Flow } from '../../flow/flow.ts';
import { Half, type HalfEnds, ProxiedPairs } from '../../flow/proxied.ts';
import type { HostFacts } from '../../host/facts.ts';
import { type Packet, TH_ACK, TH_SYN } from '../../packet/packet.ts';
import { isLocalAddress } from '../../path/env.ts';
import { dialledAddress, publicationAt } from '../../path/published.ts';
import { addressPort } from '../../path/walk.ts';
import type { HostStore } from '../host-store.ts';
import type { FlowProxied } from '../state/flow-verdict.ts';
import type { FlowNote } from './flow-note.ts';

/** What docker-proxy listens for and where it dials, as words of protocol and port, of protocol and address. */
interface Proxies {
  readonly facts: HostFacts;
  readonly ports: ReadonlySet<string>;
  readonly dialled: ReadonlyMap<string, string>;
  /** All ports of both: most flows have another. */
  readonly numbers: ReadonlySet<number>;
}

export class ProxiedHalves {
  readonly #store: HostStore;
  readonly #pairs = new ProxiedPairs();
  readonly #halves = new Map<number, Half>();
  readonly #byTuple = new Map<string, Half>();
  #proxies: Proxies | null = null;

  constructor(store: HostStore) {
    this.#store = store;
  }

  observe(flow: Flow, packet: Packet, direction: Direction, isNew: boolean): void {
    if (isNew) this.#begin(flow, packet);
    else if (this.#halves.size === 0) return;
    const half = this.#halves.get(flow.id);
    if (half !== undefined && half.flows[0] === flow.id) half.observe(packet, direction, packet.timeSec + packet.timeNsec / 1e9);
  }

  /** Whether what is said in the flow is of interest here. */
  follows(flowId: number): boolean {
    return this.#halves.size > 0 && this.#halves.has(flowId);
  }

  /** The flow has a verdict: it says whether docker-proxy takes it, and where it dials then. */
  judged({ flow, verdict }: FlowNote): void {
    const half = this.#halves.get(flow.id);
    if (half === undefined || half.side !== 'client' || half.proxy !== '' || verdict === null) return;
    const to = verdict.template.proxiedTo === undefined ? undefined : verdict.verdict.proxiedTo;
    if (to === undefined) this.forget(flow.id);
    else {
      half.proxy = `${flow.kind} ${to.address}`;
      this.#pairs.add(half);
    }
  }

  /** The flows of which more is known at this time than before. */
  decide(nowSec: number): readonly number[] {
    return this.#pairs.size === 0 ? [] : this.#pairs.decide(nowSec).flatMap(({ flows }) => flows);
  }

  forget(flowId: number): void {
    const half = this.#halves.get(flowId);
    if (half === undefined) return;
    this.#halves.delete(flowId);
    if (half.flows.length > 1 && half.flows.some((other) => this.#halves.has(other))) return;
    if (this.#byTuple.get(half.key) === half) this.#byTuple.delete(half.key);
    if (half.partner === null && half.proxy !== '') this.#pairs.remove(half);
  }

  /** `isRow`: which of the flows that show one conversation is told of. */
  of(flowId: number, isRow: (flowId: number) => boolean): FlowProxied | null {
    const half = this.#halves.get(flowId);
    if (half === undefined || half.proxy === '') return null;
    const { side, partner, candidates, evidence } = half;
    if (partner === null && candidates.length === 0 && side === 'container') return null;
    const shown = ({ flows }: Half): number => flows.find(isRow) ?? (flows[0] as number);
    const client = side === 'client' ? half : partner;
    return {
      half: side,
      flow: partner === null ? null : shown(partner),
      evidence,
      candidates: candidates.map(shown),
      client: client === null ? null : addressPort(client.ends.a, client.ends.aPort),
      words: this.#words(half),
    };
  }

  /** The same in sentences, with what it rests on. */
  tell(flowId: number, isRow: (flowId: number) => boolean): readonly string[] {
    const half = this.#halves.get(flowId);
    if (half === undefined || half.proxy === '') return [];
    const known = this.of(flowId, isRow);
    if (known === null)
      return ['docker-proxy dials this address, and so may any program of the host: no client was seen that this could be for.'];
    const { words, evidence, candidates, flow } = known;
    const because =
      evidence === 'payload'
        ? `flow ${flow}: both say the same, and began one after the other`
        : evidence === 'refusal'
          ? `flow ${flow}: the container refused the second, and the client's connection was closed then`
          : candidates.length > 0
            ? `flows ${candidates.join(', ')}: what they say and when does not tell them apart`
            : 'nothing that was seen fits it';
    return [`docker-proxy: ${words} (${because}).`];
  }

  #begin(flow: Flow, packet: Packet): void {
    if ((flow.kind !== 'tcp' && flow.kind !== 'udp') || flow.bPort < 0 || flow.tunnel !== null) return;
    // Only from its beginning on can be told what is said.
    if (flow.kind === 'tcp' && (packet.tcpFlags & (TH_SYN | TH_ACK)) !== TH_SYN) return;
    const proxies = this.#read();
    if (proxies === null) return;
    if (!proxies.numbers.has(flow.bPort)) return;
    const key = `${flow.kind} ${addressPort(flow.b, flow.bPort)}`;
    const isDialled = proxies.dialled.has(key) && this.#isHosts(flow.a);
    if (!isDialled && !proxies.ports.has(`${flow.kind} ${flow.bPort}`)) return;
    const atSec = packet.timeSec + packet.timeNsec / 1e9;
    const side = isDialled ? 'container' : 'client';
    const tuple = tupleOf(side, flow);
    const known = this.#byTuple.get(tuple);
    // The same conversation at another point, and not a later one with the same ports.
    if (known !== undefined && !known.isDone && atSec - known.beganSec < SAME_WITHIN_SEC) {
      known.flows.push(flow.id);
      this.#halves.set(flow.id, known);
      return;
    }
    // The flow's own ends may turn round.
    const ends = { a: flow.a, aPort: flow.aPort, b: flow.b, bPort: flow.bPort };
    const half = new Half(side, isDialled ? key : '', ends, { flowId: flow.id, point: flow.interfaceId, beganSec: atSec }, tuple);
    this.#halves.set(flow.id, half);
    this.#byTuple.set(tuple, half);
    if (isDialled) this.#pairs.add(half);
  }

  #isHosts(ip: IpAddress): boolean {
    const model = this.#store.version?.model;
    return model !== undefined && isLocalAddress(model, ip) === true;
  }

  #read(): Proxies | null {
    const facts = this.#store.version?.facts ?? null;
    if (facts === null) return null;
    if (this.#proxies?.facts !== facts) this.#proxies = proxiesOf(facts);
    return this.#proxies;
  }

  #words(half: Half): string {
    const { side, partner, candidates, ends } = half;
    const name = (ip: IpAddress): string => this.#store.version?.names.nameOf(ip) ?? formatIp(ip);
    const target = `${name(half.side === 'client' ? (partner ?? candidates[0] ?? half).ends.b : ends.b)}`;
    if (partner !== null && side === 'client')
      return printable(
        `proxied as ${addressPort(partner.ends.a, partner.ends.aPort)} → ${target}:${partner.ends.bPort}${partner.isRefused ? ', refused there' : ''}`,
      );
    if (partner !== null) {
      const { a, aPort, b, bPort } = partner.ends;
      const client = addressPort(a, aPort);
      const who = name(a) === formatIp(a) ? client : `${name(a)} ${client}`;
      return printable(`second half of client ${who} → ${name(b)}:${bPort}`);
    }
    if (candidates.length === 0) return 'proxied; its second half was not seen';
    const each = candidates.map(({ ends: { a, aPort } }) => addressPort(a, aPort)).slice(0, 3);
    const list = `${each.join(', ')}${candidates.length > 3 ? ' …' : ''}`;
    const which = candidates.length === 1 ? 'perhaps' : `one of ${candidates.length}:`;
    return printable(
      side === 'client'
        ? `proxied, ${which} as ${list} → ${target}:${candidates[0]?.ends.bPort ?? '?'}`
        : `second half, ${which} of client ${list}`,
    );
  }
}

/** Ports of a connection that is over are taken again after longer than this. */
const SAME_WITHIN_SEC = 1;

const tupleOf = (side: Half['side'], { a, aPort, b, bPort }: HalfEnds): string =>
  `${side} ${addressPort(a, aPort)} ${addressPort(b, bPort)}`;

const proxiesOf = (facts: HostFacts): Proxies => {
  const ports = new Set<string>();
  const dialled = new Map<string, string>();
  const numbers = new Set<number>();
  for (const { protocol, ip, port, program } of facts.self.listeners ?? []) {
    if (program !== 'docker-proxy') continue;
    ports.add(`${protocol} ${port}`);
    numbers.add(port);
    const published = publicationAt(facts, protocol, ip, port);
    const address = published === null ? null : dialledAddress(facts, published.container, ip.version);
    if (published === null || address === null) continue;
    dialled.set(`${protocol} ${addressPort(address.ip, published.port.containerPort)}`, published.container.name);
    numbers.add(published.port.containerPort);
  }
  return { facts, ports, dialled, numbers };
};
