/**
 * Which flow a later IP fragment belongs to: it has no ports, so the first fragment leaves a note. A small table in which a new
 * note may displace an old one; a fragment whose note is gone is a flow of its own kind. RFC 791, RFC 8200 section 4.5.
 */
import { type Direction, ORIGINAL } from './flow.ts';
import { type FlowKey, KEY_WORDS } from './key.ts';

const NOTES = 4096;
/** RFC 8200: reassembly is given up after 60 seconds. */
const REASSEMBLY_SEC = 60;

export class FragmentNotes {
  /** Made with the first fragment: most captures have none. */
  #keys: Int32Array | null = null;
  #flowIds = new Float64Array(0);
  #slots = new Int32Array(0);
  #directions = new Uint8Array(0);
  #seenSec = new Float64Array(0);

  /** What `find` found. */
  slot = -1;
  flowId = -1;
  direction: Direction = ORIGINAL;

  remember(key: FlowKey, slot: number, flowId: number, direction: Direction, sec: number): void {
    this.#keys ??= this.#allocate();
    const note = key.hash & (NOTES - 1);
    this.#keys.fill(0, note * KEY_WORDS, (note + 1) * KEY_WORDS);
    for (let i = 0; i < key.length; i++) this.#keys[note * KEY_WORDS + i] = key.words[i] as number;
    this.#flowIds[note] = flowId;
    this.#slots[note] = slot;
    this.#directions[note] = direction;
    this.#seenSec[note] = sec;
  }

  find(key: FlowKey, sec: number): boolean {
    const keys = this.#keys;
    if (keys === null) return false;
    const note = key.hash & (NOTES - 1);
    for (let i = 0; i < key.length; i++) if (keys[note * KEY_WORDS + i] !== key.words[i]) return false;
    if (Math.abs(sec - (this.#seenSec[note] as number)) > REASSEMBLY_SEC) return false;
    this.slot = this.#slots[note] as number;
    this.flowId = this.#flowIds[note] as number;
    this.direction = this.#directions[note] as Direction;
    return true;
  }

  #allocate(): Int32Array {
    this.#flowIds = new Float64Array(NOTES);
    this.#slots = new Int32Array(NOTES);
    this.#directions = new Uint8Array(NOTES);
    this.#seenSec = new Float64Array(NOTES);
    return new Int32Array(NOTES * KEY_WORDS);
  }
}
