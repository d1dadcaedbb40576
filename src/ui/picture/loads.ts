/** What moves on a link now, in words short enough to stand on it. Colour adds to the height of a bar, never stands alone. */
import type { Theme, Tone } from '../theme.ts';

/** Packets a second; null where nobody counts them. */
export interface Load {
  readonly packets: number | null;
  /** Of those that were captured here: whose verdict is a drop or a refusal. */
  readonly refused: number;
  /** What the interface's own counters say was dropped. */
  readonly lost: number;
}

export const NO_LOAD: Load = { packets: null, refused: 0, lost: 0 };

/** By device id. */
export type Loads = ReadonlyMap<string, Load>;

export const sumOf = (loads: readonly Load[]): Load =>
  loads.reduce(
    (sum, load) => ({
      packets: sum.packets === null ? load.packets : sum.packets + (load.packets ?? 0),
      refused: sum.refused + load.refused,
      lost: sum.lost + load.lost,
    }),
    NO_LOAD,
  );

export const rateText = (rate: number): string => {
  if (rate >= 999_500) return `${(rate / 1e6).toFixed(1)}M`;
  if (rate >= 9_950) return `${Math.round(rate / 1000)}k`;
  if (rate >= 1_000) return `${(rate / 1000).toFixed(1)}k`;
  return String(Math.round(rate));
};

/** A step for every factor of ten. */
export const heatOf = (rate: number): number => (rate < 1 ? 0 : Math.min(7, Math.floor(Math.log10(rate)) + 1));

export const heatTone = (rate: number): Tone => {
  const heat = heatOf(rate);
  return heat === 0 ? 'dim' : heat <= 2 ? 'good' : heat <= 3 ? 'accent' : 'warn';
};

/** What rounds to one a second is shown. */
export const LEAST = 0.5;

/** `▃ 410/s`, and `✗3/s` for what is dropped; nothing where nothing moves. */
export const loadSpans = (load: Load, theme: Theme): readonly (readonly [text: string, tone: Tone])[] => {
  const spans: (readonly [string, Tone])[] = [];
  const { packets, refused, lost } = load;
  if (packets !== null && packets >= 1) {
    const bar = [...theme.symbols.bars][heatOf(packets)] ?? '';
    spans.push([`${bar} ${rateText(packets)}/s`, heatTone(packets)]);
  }
  // One a second comes out a little below it where the seconds are long.
  if (refused >= LEAST) spans.push([`${theme.symbols.refused}${rateText(refused)}/s`, 'bad']);
  if (lost >= LEAST) spans.push([`lost ${rateText(lost)}`, 'bad']);
  return spans;
};
