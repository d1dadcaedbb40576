/**
 * An answer that was given for one packet, told for another of its class: the same words with the other's addresses and ports. What is
 * told is a value of plain data; parts of it in which none of them stands stay the same objects.
 */
import { formatIp, type IpAddress } from '../../base/ip-address.ts';

/** Where a packet comes from and goes to; ports are -1 where it has none. */
export interface Ends {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly sport: number;
  readonly dport: number;
}

/** Which ends may be others for other packets of the class, as bits. */
export const FREE_SRC = 1;
export const FREE_DST = 2;
export const FREE_SPORT = 4;
export const FREE_DPORT = 8;

export class Mover {
  readonly #from: Ends;
  readonly #src: string;
  readonly #dst: string;
  /** Finds the free ends in a text; null where there are none. */
  readonly #pattern: RegExp | null;
  /** Parts that hold none of them. */
  readonly #plain = new WeakSet<object>();

  constructor(from: Ends, free: number) {
    this.#from = from;
    this.#src = formatIp(from.src);
    this.#dst = formatIp(from.dst);
    const parts: string[] = [];
    const ports = [
      ...((free & FREE_SPORT) === 0 ? [] : [from.sport]),
      ...((free & FREE_DPORT) === 0 || from.dport === from.sport ? [] : [from.dport]),
    ];
    if ((free & FREE_SRC) !== 0) parts.push(addressPattern(this.#src));
    if ((free & FREE_DST) !== 0 && this.#src !== this.#dst) parts.push(addressPattern(this.#dst));
    // `address:port`, `[v6]:port`, and `port 80` in sentences.
    if (ports.length > 0) parts.push(`(?<=\\.\\d{1,3}:|\\]:|\\bport )(?:${ports.join('|')})(?![\\d:])`);
    this.#pattern = parts.length === 0 ? null : new RegExp(parts.join('|'), 'g');
  }

  text(text: string, to: Ends): string {
    if (this.#pattern === null) return text;
    return text.replace(this.#pattern, (found) => this.#other(found, to));
  }

  value<Value>(value: Value, to: Ends): Value {
    return this.#pattern === null ? value : (this.#moved(value, '', to) as Value);
  }

  #other(found: string, to: Ends): string {
    if (found === this.#src) return formatIp(to.src);
    if (found === this.#dst) return formatIp(to.dst);
    return String(this.#port(Number(found), to));
  }

  #port(port: number, to: Ends): number {
    if (port === this.#from.sport) return to.sport;
    return port === this.#from.dport ? to.dport : port;
  }

  #moved(value: unknown, name: string, to: Ends): unknown {
    if (typeof value === 'string') return this.text(value, to);
    if (typeof value === 'number') return name === 'sport' || name === 'dport' ? this.#port(value, to) : value;
    if (typeof value !== 'object' || value === null || this.#plain.has(value)) return value;
    const moved = Array.isArray(value) ? this.#list(value, to) : this.#object(value, to);
    // What another packet's ends leave as it is may still hold ends: only those equal by chance.
    if (moved === value && this.#isPlain(value)) this.#plain.add(value);
    return moved;
  }

  #list(list: readonly unknown[], to: Ends): readonly unknown[] {
    let changed: unknown[] | null = null;
    for (let index = 0; index < list.length; index++) {
      const next = this.#moved(list[index], '', to);
      if (next === list[index]) continue;
      changed ??= list.slice();
      changed[index] = next;
    }
    return changed ?? list;
  }

  #object(object: object, to: Ends): object {
    let changed: Record<string, unknown> | null = null;
    for (const [name, inner] of Object.entries(object)) {
      const next = this.#moved(inner, name, to);
      if (next === inner) continue;
      changed ??= { ...object };
      changed[name] = next;
    }
    return changed ?? object;
  }

  #isPlain(value: object): boolean {
    return Object.entries(value).every(([name, inner]) => {
      if (typeof inner === 'string') return inner.search(this.#pattern as RegExp) < 0;
      if (typeof inner === 'number')
        return (name !== 'sport' && name !== 'dport') || (inner !== this.#from.sport && inner !== this.#from.dport);
      return typeof inner !== 'object' || inner === null || this.#plain.has(inner);
    });
  }
}

/** The address where it stands by itself, not as a part of a longer one. */
const addressPattern = (address: string): string =>
  address.includes(':') ? `(?<![\\da-f:.])${address}(?![\\da-f]|:[\\da-f:])` : `(?<![\\d.])${address.replaceAll('.', '\\.')}(?!\\d|\\.\\d)`;
