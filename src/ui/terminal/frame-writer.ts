/**
 * Puts whole frames on the terminal, line by line at absolute places, and only the lines that changed (ECMA-48 CUP and EL).
 * Ink draws into it in its debug mode, in which it hands out every frame whole: its own writer moves relative to the last
 * frame, which a resize invalidates, and it draws only the last frame where CI is set. Frames are bracketed by synchronized
 * output (mode 2026), so that no half of one is seen.
 */
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import type { Size } from '../state/screens.ts';
import { displayWidth, toAscii } from '../text.ts';
import { type LineSlots, STAND_IN_COLUMNS } from './line-slots.ts';

const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';

export interface FrameTarget {
  write(text: string): void;
}

export class FrameWriter extends Writable {
  #size: Size;
  #lines: readonly string[] = [];
  #clear = true;
  #closed = false;
  readonly #target: FrameTarget;
  readonly #slots: LineSlots;
  readonly #unicode: boolean;

  constructor(target: FrameTarget, slots: LineSlots, size: Size, unicode: boolean) {
    super({ decodeStrings: false });
    this.#target = target;
    this.#slots = slots;
    this.#size = size;
    this.#unicode = unicode;
  }

  /** Ink lays out stand-ins only. */
  get columns(): number {
    return STAND_IN_COLUMNS;
  }

  get rows(): number {
    return this.#size.rows;
  }

  /** The frame that is on the terminal, SGR sequences included. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The next frame is drawn from scratch: the terminal has moved what was there, and the old one would not fit. */
  resize(size: Size): void {
    this.#size = size;
    this.#lines = [];
    this.#clear = true;
  }

  redraw(): void {
    const lines = this.#lines;
    this.#lines = [];
    this.#clear = true;
    if (lines.length > 0) this.#draw(lines);
  }

  /** Nothing is drawn any more: the terminal is the shell's again. */
  close(): void {
    this.#closed = true;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.#draw(this.#slots.take(String(chunk).split('\n')));
    done();
  }

  #draw(frame: readonly string[]): void {
    if (this.#closed) return;
    const lines = frame.slice(0, Math.max(1, this.#size.rows - 1)).map((line) => (this.#unicode ? line : asciiLine(line)));
    let out = this.#clear ? '\u001b[H\u001b[2J' : '';
    const count = Math.max(lines.length, this.#lines.length);
    for (let row = 0; row < count; row++) {
      const line = lines[row] ?? '';
      if (line === (this.#lines[row] ?? '') && !(this.#clear && line !== '')) continue;
      // Behind a full line the cursor still stands on its last column: erasing to the end of the line would take that away.
      const isFull = displayWidth(stripVTControlCharacters(line)) >= this.#size.columns;
      out += `\u001b[${row + 1};1H${line}\u001b[0m${isFull ? '' : '\u001b[K'}`;
    }
    this.#lines = lines;
    this.#clear = false;
    if (out !== '') this.#target.write(`${BEGIN}${out}${END}`);
  }
}

/** A last guard for terminals without Unicode; SGR sequences stay. */
const asciiLine = (line: string): string =>
  line
    .split(/(\u001b\[[0-9;]*m)/)
    .map((part) => (part.startsWith('\u001b') ? part : toAscii(part)))
    .join('');
