/** How things look: tones as SGR codes of the terminal's own sixteen colours (ECMA-48 8.3.117), and the symbols with their ASCII forms. */
import type { Tone as ReportTone } from '../report/style.ts';
import { type Clean, cleaner } from './text.ts';

export type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'bad' | 'warn' | 'accent' | 'title';

export interface Symbols {
  readonly pointer: string;
  readonly mark: string;
  readonly dot: string;
  readonly arrow: string;
  readonly plug: string;
  readonly recording: string;
  readonly decides: string;
  readonly cursor: string;
  readonly rule: string;
  readonly ellipsis: string;
  readonly tick: string;
  readonly none: string;
  /** Before what is dropped, on a link; one column. */
  readonly refused: string;
  readonly fork: string;
  readonly corner: string;
  readonly stem: string;
  /** Eight heights of a small bar, low to high. */
  readonly bars: string;
}

export interface Theme {
  readonly symbols: Symbols;
  readonly clean: Clean;
  /** The text in its tone. The text must be clean. */
  paint(text: string, tone: Tone): string;
}

const SGR: Readonly<Record<Tone, readonly [on: string, off: string] | null>> = {
  plain: null,
  strong: ['1', '22'],
  dim: ['2', '22'],
  good: ['32', '39'],
  bad: ['31;1', '39;22'],
  warn: ['33', '39'],
  accent: ['36', '39'],
  title: ['36;1', '39;22'],
};

const UNICODE: Symbols = {
  pointer: '▸',
  mark: '●',
  dot: '·',
  arrow: '→',
  plug: '▸',
  recording: '●',
  decides: '◀ decides',
  cursor: '▏',
  rule: '─',
  ellipsis: '…',
  tick: '✓',
  none: '—',
  refused: '✗',
  fork: '├─ ',
  corner: '└─ ',
  stem: '│  ',
  bars: '▁▂▃▄▅▆▇█',
};

const ASCII: Symbols = {
  pointer: '>',
  mark: '*',
  dot: '-',
  arrow: '->',
  plug: '>',
  recording: '*',
  decides: '<- decides',
  cursor: '_',
  rule: '-',
  ellipsis: '~',
  tick: 'ok',
  none: '-',
  refused: '!',
  fork: '|- ',
  corner: '`- ',
  stem: '|  ',
  bars: '_.-=+*#@',
};

export const makeTheme = (options: { readonly color: boolean; readonly unicode: boolean }): Theme => ({
  symbols: options.unicode ? UNICODE : ASCII,
  clean: cleaner(options.unicode),
  paint: options.color
    ? (text, tone) => {
        const codes = SGR[tone];
        return codes === null || text === '' ? text : `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m`;
      }
    : (text) => text,
});

/** What a text report calls a name is accented on the screen. */
export const screenTone = (tone: ReportTone): Tone => (tone === 'name' ? 'accent' : tone);

/** Tone of the word that a row shows; '' where a flow has no verdict. */
export const outcomeWordTone = (word: string): Tone => {
  switch (word) {
    case 'ACCEPT':
      return 'good';
    case 'DROP':
    case 'REJECT':
      return 'bad';
    case '':
      return 'dim';
    default:
      return 'warn';
  }
};
