/** From a key to a slot: open addressing with linear probing over flat arrays, and removal that closes the gap. */
import { type FlowKey, KEY_WORDS } from './key.ts';

const EMPTY = -1;

export class KeyIndex {
  #keys: Int32Array;
  /** Hash of each slot's key. */
  #hashes: Int32Array;
  /** Slot in each place, or EMPTY. */
  #places: Int32Array;
  #mask: number;

  constructor(slots: number) {
    this.#keys = new Int32Array(slots * KEY_WORDS);
    this.#hashes = new Int32Array(slots);
    this.#places = new Int32Array(placesFor(slots)).fill(EMPTY);
    this.#mask = this.#places.length - 1;
  }

  /** The slot of the key, or -1. */
  find(key: FlowKey): number {
    const { hash, words, length } = key;
    const places = this.#places;
    const hashes = this.#hashes;
    const keys = this.#keys;
    for (let place = hash & this.#mask; ; place = (place + 1) & this.#mask) {
      const slot = places[place] as number;
      if (slot === EMPTY) return EMPTY;
      if (hashes[slot] !== hash) continue;
      const base = slot * KEY_WORDS;
      let i = 0;
      while (i < length && keys[base + i] === words[i]) i++;
      if (i === length) return slot;
    }
  }

  /** Enters a key that is not there under a free slot. */
  insert(key: FlowKey, slot: number): void {
    const base = slot * KEY_WORDS;
    const { words, length } = key;
    for (let i = 0; i < length; i++) this.#keys[base + i] = words[i] as number;
    this.#hashes[slot] = key.hash;
    this.#place(key.hash, slot);
  }

  remove(slot: number): void {
    const places = this.#places;
    const mask = this.#mask;
    let hole = (this.#hashes[slot] as number) & mask;
    while (places[hole] !== slot) hole = (hole + 1) & mask;
    // Knuth 6.4 algorithm R: move back whatever would not be found across the gap.
    for (let place = (hole + 1) & mask; places[place] !== EMPTY; place = (place + 1) & mask) {
      const home = (this.#hashes[places[place] as number] as number) & mask;
      if (((place - home) & mask) >= ((place - hole) & mask)) {
        places[hole] = places[place] as number;
        hole = place;
      }
    }
    places[hole] = EMPTY;
  }

  /** Makes room for more slots. */
  grow(slots: number): void {
    const keys = new Int32Array(slots * KEY_WORDS);
    keys.set(this.#keys);
    this.#keys = keys;
    const hashes = new Int32Array(slots);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const old = this.#places;
    this.#places = new Int32Array(placesFor(slots)).fill(EMPTY);
    this.#mask = this.#places.length - 1;
    for (const slot of old) if (slot !== EMPTY) this.#place(hashes[slot] as number, slot);
  }

  #place(hash: number, slot: number): void {
    const mask = this.#mask;
    let place = hash & mask;
    while (this.#places[place] !== EMPTY) place = (place + 1) & mask;
    this.#places[place] = slot;
  }
}

/** At most half of the places are taken. */
const placesFor = (slots: number): number => 2 ** Math.ceil(Math.log2(Math.max(8, slots * 2)));
