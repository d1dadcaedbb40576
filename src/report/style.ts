/** How text may look where it goes: with colours or not (no-color.org), with Unicode or ASCII. Nothing is cut: a terminal wraps. Colour adds, never carries alone. */

export interface Style {
  readonly colour: boolean;
  readonly unicode: boolean;
}

export type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'bad' | 'warn' | 'name';

export interface Glyphs {
  readonly arrow: string;
  readonly line: string;
  readonly decides: string;
  readonly dot: string;
  readonly ellipsis: string;
  readonly tick: string;
  readonly cross: string;
  /** Branches of a tree: one with others below, the last one, the stem beside lower ones, nothing. */
  readonly fork: string;
  readonly corner: string;
  readonly stem: string;
  readonly blank: string;
}

export const PLAIN_STYLE: Style = { colour: false, unicode: true };

/** Select Graphic Rendition parameters, ECMA-48 section 8.3.117. */
const SGR: Readonly<Record<Tone, string>> = { plain: '', strong: '1', dim: '2', good: '32', bad: '31', warn: '33', name: '36' };

const UNICODE: Glyphs = {
  arrow: '→',
  line: '──',
  decides: '◀',
  dot: '·',
  ellipsis: '…',
  tick: '✓',
  cross: '✗',
  fork: '├─ ',
  corner: '└─ ',
  stem: '│  ',
  blank: '   ',
};

const ASCII: Glyphs = {
  arrow: '->',
  line: '--',
  decides: '<-',
  dot: '-',
  ellipsis: '...',
  tick: 'ok',
  cross: 'no',
  fork: '|- ',
  corner: '`- ',
  stem: '|  ',
  blank: '   ',
};

export const glyphsOf = (style: Style): Glyphs => (style.unicode ? UNICODE : ASCII);

/** Other stages write sentences with these signs; a terminal without Unicode gets their ASCII readings. */
export const foldGlyphs = (style: Style, text: string): string =>
  style.unicode ? text : text.replace(/[→←▸◀·…─✓✗↔]/g, (glyph) => ASCII_READINGS[glyph] ?? '?');

const ASCII_READINGS: Readonly<Record<string, string>> = {
  '→': '->',
  '←': '<-',
  '▸': '>',
  '◀': '<',
  '·': '-',
  '…': '...',
  '─': '-',
  '✓': 'ok',
  '✗': 'no',
  '↔': '<->',
};

export const tint = (style: Style, tone: Tone, text: string): string =>
  style.colour && SGR[tone] !== '' && text !== '' ? `\u001b[${SGR[tone]}m${text}\u001b[0m` : text;
