/**
 * Reads what `nft -a monitor trace` prints, in pieces of any size, into events: nft(8) "monitor", netlink_events_trace_cb in nftables'
 * netlink.c. Rules may take several lines. What is no trace line is counted and passed over, never an error.
 */
import type { TraceEvent, TraceFamily, TraceVerdict } from './event.ts';
import { parseNftPacket } from './nft-packet.ts';

/** A rule longer than this is not waited for to end: the output is then something else. */
const EVENT_CHARACTERS_MAX = 1_000_000;

const HEAD = /^trace id ([0-9a-f]+) (ip6?|inet|bridge|arp|netdev) (\S+) (\S+) ([\s\S]*)$/;
const RULE_END = /\(verdict [^()]*\)\s*$/;

export class NftMonitorReader {
  /** Lines, or parts of an event, that were no trace. */
  unreadable = 0;
  #rest = '';
  /** A rule whose text goes on in the next line. */
  #open: string | null = null;

  push(chunk: string): readonly TraceEvent[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    const events: TraceEvent[] = [];
    for (const line of lines) this.#line(line, events);
    return events;
  }

  /** What is left when nothing more comes. */
  end(): readonly TraceEvent[] {
    const events: TraceEvent[] = [];
    if (this.#rest !== '') this.#line(this.#rest, events);
    this.#rest = '';
    this.#close(events);
    return events;
  }

  #line(line: string, events: TraceEvent[]): void {
    const starts = line.startsWith('trace id ');
    if (this.#open !== null) {
      if (!starts && this.#open.length < EVENT_CHARACTERS_MAX) {
        this.#open += `\n${line}`;
        if (RULE_END.test(line)) this.#close(events);
        return;
      }
      this.#close(events);
    }
    if (!starts) {
      if (line.trim() !== '') this.unreadable++;
      return;
    }
    if (isUnfinishedRule(line)) this.#open = line;
    else this.#take(line, events);
  }

  #close(events: TraceEvent[]): void {
    if (this.#open === null) return;
    const text = this.#open;
    this.#open = null;
    this.#take(text, events);
  }

  #take(text: string, events: TraceEvent[]): void {
    const event = parseTraceLine(text);
    if (event === null) this.unreadable++;
    else if (event !== 'other') events.push(event);
  }
}

const isUnfinishedRule = (line: string): boolean =>
  / (unknown )?rule /.test(line) && HEAD.exec(line)?.[5]?.startsWith('rule ') === true && !RULE_END.test(line);

/** `other` for what newer kernels tell besides (the conntrack entry); null where it cannot be understood. */
const parseTraceLine = (text: string): TraceEvent | 'other' | null => {
  const head = HEAD.exec(text);
  if (head === null) return null;
  const [, id = '', family, table = '', chain = '', rest = ''] = head;
  const base = {
    source: 'nft' as const,
    id,
    family: family as TraceFamily,
    table,
    chain,
    handle: null,
    rule: null,
    verdict: null,
    target: null,
    text: null,
    mark: null,
    hook: null,
    packet: null,
  };
  if (rest.startsWith('conntrack:')) return 'other';
  if (rest.startsWith('packet: ')) return { ...base, kind: 'packet', packet: parseNftPacket(rest.slice('packet: '.length)) };
  const policy = /^policy (accept|drop)\b(.*)$/.exec(rest);
  if (policy !== null) return { ...base, kind: 'policy', verdict: policy[1] as TraceVerdict, mark: markOf(policy[2] ?? '') };
  const unknown = /^unknown rule handle (\d+) \(verdict ([^()]*)\)\s*$/.exec(rest);
  if (unknown !== null) return ruleEvent(base, null, unknown[1] as string, unknown[2] as string);
  const rule = /^rule ([\s\S]*?)(?: # handle (\d+))? \(verdict ([^()]*)\)\s*$/.exec(rest);
  // The lazy text ends at the first place from which the rest fits, which the anchored end makes the last handle of the line.
  if (rule !== null)
    return ruleEvent(base, (rule[1] as string).trim(), rule[3] === undefined ? null : (rule[2] ?? null), rule[3] as string);
  const returned = /^verdict (\S+)(.*)$/.exec(rest);
  if (returned !== null) return { ...base, kind: 'return', ...verdictOf(`${returned[1]}`), mark: markOf(returned[2] ?? '') };
  return null;
};

type Base = Omit<TraceEvent, 'kind'>;

const ruleEvent = (base: Base, text: string | null, handle: string | null, verdict: string): TraceEvent => ({
  ...base,
  kind: 'rule',
  text,
  handle: handle === null ? null : Number(handle),
  ...verdictOf(verdict),
});

const VERDICTS: ReadonlySet<string> = new Set(['accept', 'drop', 'continue', 'return', 'queue', 'stolen']);

const verdictOf = (text: string): { readonly verdict: TraceVerdict | null; readonly target: string | null } => {
  const [word = '', target] = text.trim().split(/\s+/);
  if ((word === 'jump' || word === 'goto') && target !== undefined) return { verdict: word, target };
  return { verdict: VERDICTS.has(word) ? (word as TraceVerdict) : null, target: null };
};

const markOf = (text: string): number | null => {
  const found = /meta mark (0x[0-9a-f]+|\d+)/.exec(text);
  return found === null ? null : Number(found[1]);
};
