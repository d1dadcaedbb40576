/** What `doctor` found, as text and as JSON: a line a check, and under what is missing the command that mends it. */
import { printable } from '../base/printable.ts';
import { glyphsOf, type Style, type Tone, tint } from './style.ts';
import { formatTable } from './table.ts';

export interface DoctorCheck {
  /** A word or two: `capture`, `iptables-save`. */
  readonly name: string;
  /** `missing` takes a function away; `limited` makes answers less complete. */
  readonly status: 'ok' | 'limited' | 'missing';
  /** What was found, and what it means for the person. */
  readonly found: string;
  /** The command or sentence that mends it; null where all is well. */
  readonly mend: string | null;
}

const TONES: Readonly<Record<DoctorCheck['status'], Tone>> = { ok: 'good', limited: 'warn', missing: 'bad' };

export const doctorText = (checks: readonly DoctorCheck[], style: Style): string[] => {
  const glyphs = glyphsOf(style);
  const marks = { ok: glyphs.tick, limited: '!', missing: glyphs.cross };
  const table = formatTable(
    checks.map((check) => [
      { text: marks[check.status], tone: TONES[check.status] },
      { text: check.name, tone: 'strong' },
      { text: check.status, tone: TONES[check.status] },
      check.found,
    ]),
    style,
  );
  const lines = table.flatMap((line, index) => {
    const mend = checks[index]?.mend ?? null;
    return mend === null ? [line] : [line, `       to mend it: ${tint(style, 'name', printable(mend))}`];
  });
  return [...lines, '', printable(conclusion(checks))];
};

export const doctorJson = (checks: readonly DoctorCheck[]): Record<string, unknown> => ({
  ok: checks.every((check) => check.status !== 'missing'),
  checks: checks.map((check) => ({ name: check.name, status: check.status, found: check.found, mend: check.mend })),
});

const conclusion = (checks: readonly DoctorCheck[]): string => {
  const missing = checks.filter((check) => check.status === 'missing');
  const limited = checks.filter((check) => check.status === 'limited');
  if (missing.length > 0) return `missing for full function: ${missing.map((check) => check.name).join(', ')}`;
  if (limited.length > 0) return `works; less complete without: ${limited.map((check) => check.name).join(', ')}`;
  return 'everything that full function needs is here';
};
