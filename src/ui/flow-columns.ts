/** The columns of the flow table, in three sets. At 80 columns the least important are left out, at 140 all are there. */
import { grouped } from '../base/grouped.ts';
import { decisionWords, natPhrase, proxyPhrase } from '../report/decision.ts';
import { endText } from '../report/flow-line.ts';
import { bytesText, durationText } from '../report/time.ts';
import type { FlowRow } from '../session/state/flow-row.ts';
import type { Place } from '../trail/places.ts';
import type { Column } from './components/table.ts';
import { clock } from './path-lines.ts';
import type { ColumnSet } from './state/screens.ts';
import { cutEnd, cutMiddle, displayWidth } from './text.ts';
import { outcomeWordTone } from './theme.ts';

/** In full where there is room, else in thousands or millions: a figure is never cut. */
const count = (value: number, width: number): string => {
  const full = grouped(value);
  if (full.length <= width) return full;
  return value < 1e6 ? `${Math.round(value / 1000)}k` : `${(value / 1e6).toFixed(1)}M`;
};

/** Below this the longest verdict is abbreviated. */
const WIDE = 130;

const MIDDLE = 100;

/** `web1 → web2`, `outside → pub:8080`: the port that was called, not the one that calls. */
const flowText = (row: FlowRow, width: number): string => {
  const whole = `${row.aName} → ${endText(row.bName, row.flow.b, row.flow.bPort)}`;
  const { bPort } = row.flow;
  if (bPort < 0 || displayWidth(whole) < width) return whole;
  const port = `:${bPort}`;
  // One column less: an arrow takes two where there is no Unicode.
  return cutEnd(`${row.aName} → ${row.bName}`, width - port.length - 1) + port;
};

/**
 * What decided first and whole, as far as there is room: without the table where that is the usual one, else with its end, which is its
 * number. Translations come behind it.
 */
const byText = (row: FlowRow, width: number): string => {
  const verdict = row.verdict?.verdict ?? null;
  if (verdict === null) return row.by;
  const proxied = proxiedText(row);
  // That a proxy carries it says more than the rule that let it come to the proxy.
  if (proxied !== null) return `${proxied} · ${decisionWords(verdict)}`;
  const whole = decisionWords(verdict);
  const short = displayWidth(whole) > width ? whole.replace(/^filter (?=\S+ #)/, '') : whole;
  const reference = /#\d+( \(\w+\))?$/.test(short) ? cutMiddle(short, width) : short;
  // Nothing of the reference is cut for the sake of what comes behind it.
  if (displayWidth(reference) >= width - 1) return reference;
  return [reference, ...verdict.nat.map((nat) => natPhrase(nat))].join(' · ');
};

const proxiedText = ({ verdict, proxied = null }: FlowRow): string | null => {
  if (proxied !== null && (proxied.flow !== null || proxied.candidates.length > 0)) return proxied.words;
  const to = verdict?.verdict.proxiedTo;
  return to === undefined ? null : proxyPhrase(to);
};

const flow = (columns: number): Column<FlowRow> => ({
  title: 'FLOW',
  min: columns >= WIDE ? 26 : 20,
  max: 46,
  grow: 3,
  rank: 10,
  text: flowText,
});

/** Where there is little room the first word will do: `icmp`. */
const protocol = (columns: number): Column<FlowRow> => ({
  title: 'PROTO',
  min: columns < MIDDLE ? 5 : 9,
  max: columns < MIDDLE ? 5 : 11,
  grow: 0.1,
  rank: 5,
  text: (row) => (columns < MIDDLE ? (row.protocol.split(' ')[0] ?? '') : row.protocol),
});

const state: Column<FlowRow> = { title: 'STATE', min: 14, max: 24, grow: 0.4, rank: 7, text: (row) => row.state };

const packets: Column<FlowRow> = {
  title: 'PKTS',
  min: 5,
  max: 9,
  grow: 0.1,
  rank: 6,
  align: 'right',
  text: (row, width) => count(row.flow.packets[0] + row.flow.packets[1], width),
};

const bytes: Column<FlowRow> = {
  title: 'BYTES',
  min: 8,
  max: 9,
  grow: 0.2,
  rank: 2,
  align: 'right',
  text: (row) => bytesText(row.flow.bytes[0] + row.flow.bytes[1]),
};

const rtt: Column<FlowRow> = {
  title: 'RTT',
  min: 8,
  max: 9,
  grow: 0.2,
  rank: 4,
  align: 'right',
  text: (row) => (row.flow.rttNs === null ? '—' : durationText(row.flow.rttNs)),
};

/** What was seen cannot be where the verdict is right; the box below the table says why. */
const isContradicted = (row: FlowRow): boolean => row.verdict != null && row.verdict.contradiction !== null;

const verdict = (columns: number): Column<FlowRow> => ({
  title: 'VERDICT',
  min: columns >= WIDE ? 12 : 7,
  max: 12,
  grow: 0,
  rank: 9,
  text: (row) => {
    if (isContradicted(row)) return columns < WIDE ? 'CONTRA.' : 'CONTRADICTED';
    return row.outcome === '' ? '—' : columns < WIDE && row.outcome === 'UNDETERMINED' ? 'UNDET.' : row.outcome;
  },
  tone: (row) => (isContradicted(row) ? 'warn' : outcomeWordTone(row.outcome)),
});

/** Docker's longest chain with its table and number is 34 columns wide. */
const by = (columns: number): Column<FlowRow> => ({
  title: 'BY',
  min: columns >= WIDE ? 34 : columns >= MIDDLE ? 24 : 18,
  max: 90,
  grow: 5,
  rank: 8,
  text: byText,
});

const counted: Column<FlowRow> = {
  title: 'COUNTED',
  min: 9,
  max: 11,
  grow: 0.2,
  rank: 3,
  text: (row, width) =>
    row.verdict?.counted == null ? '—' : row.verdict.counted > 0 ? `✓ +${count(row.verdict.counted, width - 3)}` : '0',
};

const one = (title: string, rank: number, text: Column<FlowRow>['text']): Column<FlowRow> => ({
  title,
  min: 8,
  max: 11,
  grow: 0.3,
  rank,
  align: 'right',
  text,
});

const traffic: readonly Column<FlowRow>[] = [
  one('PKTS →', 6, (row, width) => count(row.flow.packets[0], width)),
  one('PKTS ←', 6, (row, width) => count(row.flow.packets[1], width)),
  one('BYTES →', 5, (row) => bytesText(row.flow.bytes[0])),
  one('BYTES ←', 5, (row) => bytesText(row.flow.bytes[1])),
  one('MIN RTT', 4, (row) => (row.flow.minRttNs === null ? '—' : durationText(row.flow.minRttNs))),
  one('FIRST', 1, (row) => clock(row.flow.firstSec)),
  one('LAST', 3, (row) => clock(row.flow.lastSec)),
];

const address = (title: string, text: (row: FlowRow) => string): Column<FlowRow> => ({ title, min: 21, max: 48, grow: 2, rank: 10, text });

/** Where several points are captured: the last place at which a flow was seen that did not come further. */
const lastSeen: Column<FlowRow> = {
  title: 'LAST SEEN',
  min: 10,
  max: 18,
  grow: 0.3,
  rank: 6,
  text: (row, width) => {
    const trail = row.trail?.there?.trail ?? null;
    const place = trail?.stops[trail.lastSeen]?.place;
    if (trail === null || place === undefined) return '—';
    if (trail.nextExpected < 0 && trail.agrees === true && row.outcome === 'ACCEPT') return 'whole way';
    const mark = trail.agrees === false ? '≠ ' : '';
    return cutMiddle(`${mark}${shortPlace(place, width - mark.length)}`, width);
  },
};

/** Every container has an eth0: inside one the container tells more than the device. */
const shortPlace = ({ device, words }: Place, width: number): string => {
  if (!words.startsWith(`${device} in `)) return device;
  return displayWidth(words) <= width ? words : words.slice(device.length + 1);
};

export const flowColumns = (set: ColumnSet, columns: number, hasTrails = false): readonly Column<FlowRow>[] => {
  switch (set) {
    case 'standard':
      return [
        flow(columns),
        protocol(columns),
        state,
        packets,
        ...(columns < WIDE ? [rtt, verdict(columns)] : [bytes, rtt, verdict(columns), counted]),
        ...(hasTrails ? [lastSeen] : []),
        by(columns),
      ];
    case 'traffic':
      return [flow(columns), { ...protocol(columns), rank: 2 }, ...traffic, verdict(columns)];
    case 'addresses':
      return [
        address('FROM', (row) => endText('', row.flow.a, row.flow.aPort)),
        address('TO', (row) => endText('', row.flow.b, row.flow.bPort)),
        protocol(columns),
        verdict(columns),
        by(columns),
      ];
  }
};
