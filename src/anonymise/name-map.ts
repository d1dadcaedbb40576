/**
 * Names: letter by letter, each exchanged for another of its kind by a permutation that belongs to the letters before it. So the length
 * stays (a name fits where it stood: IFNAMSIZ, DNS labels, columns), equal beginnings stay equal (`-i web+` still means `web1`, a short
 * id still begins the long one), different names stay different, and no letter stays what it was.
 */
import { type Keyed, PURPOSE, type Purpose } from './keyed.ts';

/** Beginnings of interface names that the kernel, udev, Docker and its neighbours give, and that say nothing of a host. */
const DEVICE_WORDS =
  'lo eth docker gwbridge veth vethwe br virbr vnet tun tap wg bond team vlan vxlan dummy ifb macvlan ipvlan macvtap cni flannel cali lxcbr lxdbr tunl sit gre gretap erspan vti ip6tnl ip6gre ip wlan wwan ppp usb nlmon podman cilium kube ipvs vx ov dm di eno enp ens enx wlp wlo wls tailscale'.split(
    ' ',
  );

/** Words of chains, tables and sets that programs everybody has give them. */
const RULE_WORDS = new Set(
  'accept after all allow always before block bridge bridges build chain chains check cni cond ct custom default dest dnat docker drop egress external firewall firewalls flannel forward forwarding fw fwd fwi fwo fwx global guard hairpin host in ingress input int internal invalid isolation kube kubelet libvirt limit local logging map mangle mark masq masquerade nat nftables node nodeports nodes not notrack out output policy policies port portmap ports postrouting prerouting prt prx prefilter proxy public raw reject reply rule rules sandbox sec security sep service services set sets skip snat spoofing src stage static svc svl swarm table target trace track tracking ufw6 ufw user users zone zones filter firewalld f2b ext xlb cali canary hook ip6 ip'.split(
    ' ',
  ),
);

/** udev's names from slots and ports: systemd.net-naming-scheme(7). */
const SLOT_NAME = /^(en|wl|ww)(o\d*|s\d*(f\d*)?(d\d*)?|p\d*(s\d*(f\d*)?(d\d*)?(n(p\d*)?)?)?)$/;
const HEX_ID = /^[0-9a-f]{12,}$/;
const MAX_PERMUTATIONS = 50_000;

export class NameMap {
  readonly #keyed: Keyed;
  readonly #mac: (mac: number) => number;
  readonly #permutations = new Map<string, Map<number, number>>();
  /** Ids that are no hexadecimal numbers: swarm's. */
  readonly #swarmIds = new Set<string>();

  constructor(keyed: Keyed, mac: (mac: number) => number) {
    this.#keyed = keyed;
    this.#mac = mac;
  }

  knowId(id: string): void {
    if (!HEX_ID.test(id) && id.length >= 12) this.#swarmIds.add(id);
  }

  /** A name with whatever stands between its words; hexadecimal ids in it as everywhere else. */
  name(text: string): string {
    return text.replace(/[A-Za-z0-9\u0080-\uffff]+/g, (word) => (HEX_ID.test(word) ? this.id(word) : this.#word(word)));
  }

  /** An id, whole or its beginning. */
  id(text: string): string {
    const isSwarm = !/^[0-9a-f]*$/.test(text) || [...this.#swarmIds].some((id) => id.startsWith(text));
    return isSwarm ? this.#spell(text, PURPOSE.base36, BASE36) : this.#spell(text, PURPOSE.hex, HEX);
  }

  /** Also with a `+` or `*` behind a beginning, an `@peer` or an alias's `:1`. */
  device(text: string): string {
    const [, body = '', tail = ''] = /^([^+*@:]*)(.*)$/s.exec(text) ?? [];
    return this.#device(body) + (tail.startsWith('@') ? `@${this.device(tail.slice(1))}` : tail);
  }

  /** Of a chain, a table or a set: words that are everybody's stay. */
  rules(text: string): string {
    return text.replace(
      /(^|_)((?:br-|veth)[0-9a-f]{1,12})(?=_|$)|[A-Za-z0-9\u0080-\uffff]+/g,
      (word, before: string | undefined, device?: string) => {
        if (device !== undefined) return `${before ?? ''}${this.device(device)}`;
        if (HEX_ID.test(word)) return this.id(word);
        return isRuleWord(word) ? word : this.#deviceWord(word);
      },
    );
  }

  /** What is told in words: only that it is the same text stays. */
  words(kind: string, text: string): string {
    return text === '' ? '' : `${kind}-${this.#keyed.digest(PURPOSE.words, text)}`;
  }

  #device(body: string): string {
    const enx = /^enx([0-9a-f]{12})$/.exec(body);
    if (enx !== null)
      return `enx${this.#mac(Number.parseInt(enx[1] as string, 16))
        .toString(16)
        .padStart(12, '0')}`;
    const made = /^(br-|veth|dm-|di-)([0-9a-f]{1,12})$/.exec(body);
    if (made !== null) return (made[1] as string) + this.id(made[2] as string);
    const overlay = /^((?:vx|ov)-[0-9a-f]{6}-)([0-9a-z]{1,5})$/.exec(body);
    if (overlay !== null) return (overlay[1] as string) + this.id(overlay[2] as string);
    return body.replace(/[A-Za-z0-9\u0080-\uffff]+/g, (word, at: number) => {
      const isNumber = at > 0 && /^\d{1,4}$/.test(word) && body[at - 1] === '.';
      return isNumber ? word : this.#deviceWord(word);
    });
  }

  #deviceWord(word: string): string {
    if (SLOT_NAME.test(word)) return word;
    const [, letters = '', digits = ''] = /^(.*?)(\d*)$/s.exec(word) ?? [];
    if (DEVICE_WORDS.includes(letters)) return letters + digits;
    return this.#word(word, true);
  }

  /** `keepsWays`: on the way to a word that stays, letters stay, so that what begins with such a beginning still does. */
  #word(word: string, keepsWays = false): string {
    let before = '';
    let mapped = '';
    for (const char of word) {
      const lower = char.toLowerCase();
      const code = lower.charCodeAt(0);
      if (keepsWays && DEVICE_WORDS.some((each) => each.length > before.length && each.startsWith(before + lower))) mapped += char;
      else if (code >= 0x30 && code <= 0x39) mapped += this.#digit(before, code, keepsWays);
      else if (code >= 0x61 && code <= 0x7a) {
        const other = String.fromCharCode(this.#letter(before, code, keepsWays));
        mapped += lower === char ? other : other.toUpperCase();
      } else mapped += String.fromCharCode(0x61 + (Number.parseInt(this.#keyed.digest(PURPOSE.letters, before + lower), 16) % 26));
      before += lower;
    }
    return mapped;
  }

  #digit(before: string, code: number, keepsWays: boolean): string {
    if (keepsWays && DEVICE_WORDS.includes(before.replace(/\d+$/, ''))) return String.fromCharCode(code);
    return String.fromCharCode(this.#permutation(PURPOSE.digits, before, DIGITS).get(code) as number);
  }

  #letter(before: string, code: number, keepsWays: boolean): number {
    const kept = keepsWays
      ? DEVICE_WORDS.filter((each) => each.length > before.length && each.startsWith(before)).map((each) => each.charCodeAt(before.length))
      : [];
    const members = kept.length === 0 ? LETTERS : LETTERS.filter((letter) => !kept.includes(letter));
    return this.#permutation(PURPOSE.letters, keepsWays ? `device ${before}` : before, members).get(code) as number;
  }

  #spell(text: string, purpose: Purpose, members: readonly number[]): string {
    let mapped = '';
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      const other = this.#permutation(purpose, text.slice(0, i), members).get(code);
      mapped += other === undefined ? this.#word(text[i] as string) : String.fromCharCode(other);
    }
    return mapped;
  }

  #permutation(purpose: Purpose, before: string, members: readonly number[]): Map<number, number> {
    const key = `${purpose} ${before}`;
    const known = this.#permutations.get(key);
    if (known !== undefined) return known;
    if (this.#permutations.size >= MAX_PERMUTATIONS) this.#permutations.clear();
    const made = this.#keyed.cycle(purpose, before, members);
    this.#permutations.set(key, made);
    return made;
  }
}

const codes = (chars: string): readonly number[] => [...chars].map((char) => char.charCodeAt(0));
const LETTERS = codes('abcdefghijklmnopqrstuvwxyz');
const DIGITS = codes('0123456789');
const HEX = codes('0123456789abcdef');
const BASE36 = codes('0123456789abcdefghijklmnopqrstuvwxyz');

const isRuleWord = (word: string): boolean => /^\d{1,2}$/.test(word) || RULE_WORDS.has(word.toLowerCase());
