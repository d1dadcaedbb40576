/** Flows as rows: names instead of addresses, states and verdicts in words; sorted, searched and cut to the window that is shown. */
import { formatIp, type IpAddress } from '../../base/ip-address.ts';
import { printable } from '../../base/printable.ts';
import { flowProtocol, flowState } from '../../flow/describe.ts';
import type { Verdict } from '../../path/verdict.ts';
import { byWords, outcomeWord, proxyPhrase } from '../../report/decision.ts';
import type { HostStore } from '../host-store.ts';
import type { FlowPage, FlowQuery, FlowRow, FlowSort } from '../state/flow-row.ts';
import type { FlowProxied, FlowTrail } from '../state/flow-verdict.ts';
import type { LiveVerdict } from '../verdicts/live-verdict.ts';
import { tryDisplayFilter } from './display-filter.ts';
import type { FlowNote } from './flow-note.ts';
import { FlowOrder } from './flow-order.ts';
import { type Decision, LiveRow, type RowWords } from './live-row.ts';
import { ToldNames } from './told-names.ts';

export class FlowRows implements RowWords {
  readonly #store: HostStore;
  readonly #noteOf: (flowId: number) => FlowNote | null;
  readonly #trailOf: (note: FlowNote) => FlowTrail | null;
  readonly #proxiedOf: (note: FlowNote) => FlowProxied | null;
  readonly #order = new FlowOrder<FlowNote>(() => this.reordered());
  /** Called when rows have come into an order that was asked for before. */
  reordered: () => void = () => {};
  /** What a file says of addresses. */
  readonly told = new ToldNames();
  readonly #byWords = new WeakMap<Verdict, string>();

  constructor(
    store: HostStore,
    noteOf: (flowId: number) => FlowNote | null,
    trailOf: (note: FlowNote) => FlowTrail | null = () => null,
    proxiedOf: (note: FlowNote) => FlowProxied | null = () => null,
  ) {
    this.#store = store;
    this.#noteOf = noteOf;
    this.#trailOf = trailOf;
    this.#proxiedOf = proxiedOf;
  }

  row(note: FlowNote): FlowRow {
    return new LiveRow(note, this);
  }

  proxiedOf(note: FlowNote): FlowProxied | null {
    return this.#proxiedOf(note);
  }

  trailOf(note: FlowNote): FlowTrail | null {
    return this.#trailOf(note);
  }

  searchTextOf(note: FlowNote): string {
    const { flow } = note;
    const ports = flow.aPort < 0 ? '' : `${flow.aPort} ${flow.bPort}`;
    note.searchable ??=
      `${this.#name(flow.a)} ${formatIp(flow.a)} ${this.#name(flow.b)} ${formatIp(flow.b)} ${ports} ${flowProtocol(flow)}`.toLowerCase();
    return note.searchable;
  }

  protocolOf({ flow }: FlowNote): string {
    return flowProtocol(flow);
  }

  /** What carries a flow inside a tunnel decides about it too, on this host. */
  decision({ flow }: FlowNote, verdict: LiveVerdict | null, proxied: FlowProxied | null): Decision {
    if (verdict !== null) {
      // Where its other half is known, that says more than where docker-proxy dials.
      const isTold = proxied !== null && (proxied.flow !== null || proxied.candidates.length > 0);
      const words = isTold ? `${proxied.words} · ${this.#words(verdict, true)}` : this.#words(verdict, false);
      const by = `${verdict.contradiction === null ? '' : 'contradicted · '}${words}`;
      return { outcome: outcomeWord(verdict.outcome), by };
    }
    const { tunnel } = flow;
    if (tunnel === null) return { outcome: '', by: '' };
    const within = `in VXLAN VNI ${tunnel.vni} ${formatIp(tunnel.src)} → ${formatIp(tunnel.dst)}`;
    const carrier = this.#noteOf(tunnel.flowId)?.verdict?.verdict ?? null;
    if (carrier === null) return { outcome: '', by: within };
    return { outcome: outcomeWord(carrier.outcome), by: `${within}: ${byWords(carrier)}` };
  }

  /** Made once for all flows that share the answer; each has its own addresses and ports in them. */
  #words({ template, answer }: LiveVerdict, isProxyTold: boolean): string {
    if (isProxyTold) {
      const { proxiedTo: _dialled, ...plain } = template;
      return answer.words(byWords(plain));
    }
    let words = this.#byWords.get(template);
    if (words === undefined) {
      words = byWords(template);
      this.#byWords.set(template, words);
    }
    return answer.words(words);
  }

  stateOf({ flow }: FlowNote): string {
    const carries = flow.carries ?? null;
    if (carries === null) return printable(flowState(flow));
    const inside = carries.flows.map(
      (each) => `${this.#name(each.a)} → ${this.#name(each.b)}${each.bPort < 0 ? '' : `:${each.bPort}`} ${flowProtocol(each)}`,
    );
    const more = carries.more === 0 ? '' : ` and ${carries.more} more`;
    return printable(`VNI ${carries.vni}: ${inside.join(', ')}${more}`);
  }

  /** `count`: about how many there are. */
  page(notes: () => Iterable<FlowNote>, count: number, query: FlowQuery, revision: number): FlowPage {
    const { sort, descending, search, offset, limit } = query;
    const compare = this.#comparison(sort);
    const ordered = this.#order.get({
      key: `${sort} ${descending} ${search}`,
      revision,
      count,
      items: notes,
      matches: this.#matcher(search),
      compare:
        sort === 'first' && !descending
          ? null
          : descending
            ? (x, y) => compare(y, x) || x.flow.id - y.flow.id
            : (x, y) => compare(x, y) || x.flow.id - y.flow.id,
    });
    return { rows: ordered.slice(offset, offset + limit).map((note) => this.row(note)), total: ordered.length };
  }

  /** The line that a saved session carries beside a packet: `vethscope: DROP filter/DOCKER-ISOLATION-STAGE-2#1 -A …`. */
  comment(row: FlowRow): string | null {
    if (row.verdict === null) return null;
    const { verdict } = row.verdict;
    const { decidedBy: by } = verdict;
    const place = by.table === undefined ? by.kind : `${by.table}/${by.chain}${by.rule === undefined ? '' : `#${by.rule}`}`;
    const nat = verdict.nat.map((step) => ` ${step.kind.toUpperCase()} ${step.from} -> ${step.to}`).join('');
    // The same chains exist in every namespace: without its name a container's rule would be taken for the host's.
    const where = by.namespace === undefined ? '' : ` in ${by.namespace}`;
    const { proxied = null } = row;
    const dialled = verdict.proxiedTo === undefined ? '' : `; ${proxyPhrase(verdict.proxiedTo, '->')}`;
    const halves = proxied === null || proxied.flow === null ? dialled : `; ${proxied.words}`;
    return printable(`vethscope: ${row.outcome} ${place}${where} ${by.text}${nat}${halves}`);
  }

  #name(ip: IpAddress): string {
    return printable(this.#store.version?.names.nameOf(ip) ?? this.told.nameOf(ip) ?? formatIp(ip));
  }

  nameOfEnd(note: FlowNote, end: 'aName' | 'bName'): string {
    const ip = end === 'aName' ? note.flow.a : note.flow.b;
    const name = this.#store.version?.names.nameOf(ip) ?? null;
    if (name !== null) note[end] = printable(name);
    return note[end] ?? this.told.nameOf(ip) ?? formatIp(ip);
  }

  /** A text that is no filter finds nothing: screens and commands refuse it before. */
  #matcher(search: string): ((note: FlowNote) => boolean) | null {
    if (search.trim() === '') return null;
    const filter = tryDisplayFilter(search);
    return filter === null ? () => false : (note) => filter(new LiveRow(note, this));
  }

  #comparison(sort: FlowSort): (x: FlowNote, y: FlowNote) => number {
    switch (sort) {
      case 'first':
        return (x, y) => x.flow.id - y.flow.id;
      case 'last':
        return (x, y) => x.flow.lastSec - y.flow.lastSec || x.flow.lastNsec - y.flow.lastNsec;
      case 'packets':
        return (x, y) => total(x.flow.packets) - total(y.flow.packets);
      case 'bytes':
        return (x, y) => total(x.flow.bytes) - total(y.flow.bytes);
      case 'rtt':
        return (x, y) => (x.flow.rttNs ?? -1) - (y.flow.rttNs ?? -1);
      case 'verdict':
        return (x, y) => severity(x) - severity(y);
      case 'name': {
        const names = new Map<FlowNote, string>();
        const nameOf = (note: FlowNote): string => {
          const known = names.get(note);
          if (known !== undefined) return known;
          const name = `${this.#name(note.flow.a)} ${this.#name(note.flow.b)}`;
          names.set(note, name);
          return name;
        };
        return (x, y) => (nameOf(x) < nameOf(y) ? -1 : nameOf(x) > nameOf(y) ? 1 : 0);
      }
    }
  }
}

const total = (both: readonly [number, number]): number => both[0] + both[1];

/** Drops first, then rejects, then what is undetermined; flows without a verdict last. */
const severity = (note: FlowNote): number => {
  switch (note.verdict?.outcome) {
    case 'drop':
      return 0;
    case 'reject':
      return 1;
    case 'undetermined':
      return 2;
    case 'accept':
      return 3;
    default:
      return 4;
  }
};
