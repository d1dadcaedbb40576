/**
 * Bytes from a terminal into key names: `a`, `enter`, `up`, `shift+tab`, `ctrl+c`. Sequences as in ECMA-48 and xterm's
 * ctlseqs; pasted text (bracketed paste, mode 2004) comes as one piece, so that it never runs commands.
 */

export type KeyInput = { readonly kind: 'key'; readonly name: string } | { readonly kind: 'paste'; readonly text: string };

const ESC = '\u001b';
const PASTE_START = `${ESC}[200~`;
const PASTE_END = `${ESC}[201~`;

/** What follows `ESC [` or `ESC O`, parameters with modifiers removed. */
const SEQUENCES: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  P: 'f1',
  Z: 'shift+tab',
  M: 'enter',
  '1~': 'home',
  '7~': 'home',
  '4~': 'end',
  '8~': 'end',
  '5~': 'pageup',
  '6~': 'pagedown',
  '3~': 'delete',
  '2~': 'insert',
  '11~': 'f1',
  '[A': 'f1',
};

const CONTROLS: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  ' ': 'space',
  '\u007f': 'backspace',
  '\b': 'backspace',
};

/** Takes what the terminal sent, in pieces of any size. An ESC at the end waits: the rest of its sequence may follow. */
export class KeyReader {
  #rest = '';

  /** True where an ESC waits for what may follow; `flush` says that nothing did. */
  get pending(): boolean {
    return this.#rest !== '' && !this.#rest.startsWith(PASTE_START);
  }

  push(text: string): KeyInput[] {
    return this.#read(this.#rest + text, false);
  }

  flush(): KeyInput[] {
    return this.#read(this.#rest, true);
  }

  #read(text: string, complete: boolean): KeyInput[] {
    const out: KeyInput[] = [];
    let at = 0;
    this.#rest = '';
    while (at < text.length) {
      if (text[at] !== ESC) {
        const char = String.fromCodePoint(text.codePointAt(at) as number);
        const name = plainName(char);
        if (name !== null) out.push({ kind: 'key', name });
        at += char.length;
        continue;
      }
      if (text.startsWith(PASTE_START, at)) {
        const end = text.indexOf(PASTE_END, at);
        if (end < 0) {
          this.#rest = text.slice(at);
          return out;
        }
        out.push({ kind: 'paste', text: text.slice(at + PASTE_START.length, end) });
        at = end + PASTE_END.length;
        continue;
      }
      const sequence = /^\u001b(?:\[(\[?[0-9;:<=>?]*[ -/]*[@-~])|O([ -~]))/.exec(text.slice(at));
      if (sequence !== null) {
        const name = sequenceName((sequence[1] ?? sequence[2]) as string);
        if (name !== null) out.push({ kind: 'key', name });
        at += sequence[0].length;
        continue;
      }
      if (!complete && /^\u001b(\[\[?[0-9;:<=>?]*[ -/]*|O)?$/.test(text.slice(at))) {
        this.#rest = text.slice(at);
        return out;
      }
      out.push({ kind: 'key', name: 'esc' });
      at += 1;
    }
    return out;
  }
}

const plainName = (char: string): string | null => {
  const control = CONTROLS[char];
  if (control !== undefined) return control;
  const code = char.codePointAt(0) as number;
  if (code < 0x20) return `ctrl+${String.fromCharCode(code + 0x60)}`;
  return code >= 0x80 && code <= 0x9f ? null : char;
};

/** `1;5C` is ctrl+right (xterm: the second parameter is a bit mask plus one). */
const sequenceName = (body: string): string | null => {
  const match = /^(\[?)(\d*)(?:;(\d+))?([A-Za-z~])$/.exec(body);
  if (match === null) return null;
  const [, bracket, first, modifier, final] = match;
  const base = SEQUENCES[final === '~' ? `${first}~` : `${bracket}${final}`];
  if (base === undefined) return null;
  const mask = modifier === undefined ? 0 : Number(modifier) - 1;
  return `${(mask & 4) !== 0 ? 'ctrl+' : ''}${(mask & 2) !== 0 ? 'alt+' : ''}${(mask & 1) !== 0 && !base.startsWith('shift+') ? 'shift+' : ''}${base}`;
};
