/**
 * `conntrack -L` with and without `-o extended`, and /proc/net/nf_conntrack: all print `key=value` pairs, the original
 * direction first (conntrack(8); seq_print in net/netfilter/nf_conntrack_standalone.c).
 */
import { parseIp } from '../base/ip-address.ts';
import type { Tuple } from '../netfilter/tuple.ts';
import type { ConntrackEntry } from './facts.ts';
import type { Parsed } from './json-value.ts';

export const readConntrack = (text: string, command: string): Parsed<readonly ConntrackEntry[] | null> => {
  const entries: ConntrackEntry[] = [];
  const problems: string[] = [];
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('conntrack v')) continue;
    const entry = entryOf(trimmed);
    if (entry !== null) entries.push(entry);
    else if (problems.length < 20) problems.push(`${command}: unreadable line ${JSON.stringify(trimmed.slice(0, 120))}`);
  }
  return { value: entries, problems };
};

const entryOf = (line: string): ConntrackEntry | null => {
  const words = line.split(/\s+/);
  let at = 0;
  // `-o extended` and /proc put the network protocol before: `ipv4 2 tcp 6 431999 ESTABLISHED src=...`.
  if ((words[0] === 'ipv4' || words[0] === 'ipv6') && /^\d+$/.test(words[1] ?? '')) at = 2;
  const protocol = Number(words[at + 1]);
  if (!/^\d+$/.test(words[at + 1] ?? '')) return null;
  at += 2;
  let timeoutSec: number | null = null;
  if (/^\d+$/.test(words[at] ?? '')) timeoutSec = Number(words[at++]);
  let state: string | null = null;
  if (/^[A-Z0-9_]+$/.test(words[at] ?? '')) state = words[at++] as string;
  const halves: Map<string, string>[] = [];
  const status: string[] = [];
  let mark = 0;
  let zone: number | null = null;
  let zoneOf: ConntrackEntry['zoneOf'];
  for (const word of words.slice(at)) {
    const flag = /^\[([A-Z_]+)\]$/.exec(word);
    if (flag !== null) {
      status.push(flag[1] as string);
      continue;
    }
    const equals = word.indexOf('=');
    if (equals < 0) continue;
    const key = word.slice(0, equals);
    const value = word.slice(equals + 1);
    if (key === 'mark') mark = Number(value);
    else if (key === 'zone' || key === 'zone-orig' || key === 'zone-reply') {
      zone = Number(value);
      if (key !== 'zone') zoneOf = key === 'zone-orig' ? 'original' : 'reply';
    } else {
      if (key === 'src') halves.push(new Map());
      halves.at(-1)?.set(key, value);
    }
  }
  const original = tupleOf(halves[0]);
  const reply = tupleOf(halves[1]);
  if (original === null || reply === null) return null;
  return {
    protocol,
    state,
    original,
    reply,
    status,
    mark: Number.isFinite(mark) ? mark : 0,
    zone,
    ...(zoneOf === undefined ? {} : { zoneOf }),
    timeoutSec,
  };
};

const tupleOf = (pairs: ReadonlyMap<string, string> | undefined): Tuple | null => {
  const src = parseIp(pairs?.get('src') ?? '');
  const dst = parseIp(pairs?.get('dst') ?? '');
  if (pairs === undefined || src === null || dst === null) return null;
  const id = pairs.get('id');
  const sport = pairs.get('sport') ?? id;
  const dport = pairs.get('dport') ?? id;
  return { src, dst, srcPort: sport === undefined ? null : Number(sport), dstPort: dport === undefined ? null : Number(dport) };
};
