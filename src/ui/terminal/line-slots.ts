/**
 * Carries finished lines past Ink. Lines are cut to their columns before Ink sees them, yet Ink would measure and tokenize
 * every character of them again (20 ms for a frame of 140x40) and remember every text that it ever measured. So Ink lays out
 * a short stand-in for each line, and the frame writer puts the line in its place.
 */
import { createContext } from 'react';

/** A private-use character, which no line holds where stand-ins are looked for: frames consist of stand-ins only. */
const MARK = '\ue000';

/** The width that Ink lays out for: enough for any stand-in. */
export const STAND_IN_COLUMNS = 12;

export class LineSlots {
  readonly #slotOf = new Map<string, number>();
  readonly #lines: (string | null)[] = [];
  readonly #free: number[] = [];

  /** The stand-in for a line; the same line has the same one. */
  put(line: string): string {
    let slot = this.#slotOf.get(line);
    if (slot === undefined) {
      // Slots are used again, or Ink's memory of them would grow without end.
      slot = this.#free.pop() ?? this.#lines.length;
      this.#lines[slot] = line;
      this.#slotOf.set(line, slot);
    }
    return MARK + slot;
  }

  /** The lines that a frame of stand-ins means. Lines that are not in it are forgotten. */
  take(frame: readonly string[]): string[] {
    const used = new Set<number>();
    const lines = frame.map((text) => {
      if (!text.startsWith(MARK)) return text;
      const slot = Number(text.slice(MARK.length));
      used.add(slot);
      return this.#lines[slot] ?? '';
    });
    this.#lines.forEach((line, slot) => {
      if (line === null || used.has(slot)) return;
      this.#slotOf.delete(line);
      this.#lines[slot] = null;
      this.#free.push(slot);
    });
    return lines;
  }
}

export const LineSlotsContext = createContext<LineSlots | null>(null);
