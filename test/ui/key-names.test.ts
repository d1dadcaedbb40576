import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyReader } from '../../src/ui/terminal/key-names.ts';

const names = (reader: KeyReader, text: string): string[] =>
  reader.push(text).map((input) => (input.kind === 'key' ? input.name : `paste:${input.text}`));

describe('keys from a terminal', () => {
  it.each([
    ['a', ['a']],
    ['é日', ['é', '日']],
    ['😀', ['😀']],
    ['\r', ['enter']],
    ['\n', ['enter']],
    ['\t', ['tab']],
    ['\u001b[Z', ['shift+tab']],
    [' ', ['space']],
    ['\u007f', ['backspace']],
    ['\b', ['backspace']],
    ['\u001b[3~', ['delete']],
    ['\u0003', ['ctrl+c']],
    ['\u001b[A\u001b[B\u001b[C\u001b[D', ['up', 'down', 'right', 'left']],
    ['\u001bOA\u001bOH\u001bOF', ['up', 'home', 'end']],
    ['\u001b[1~\u001b[4~\u001b[5~\u001b[6~', ['home', 'end', 'pageup', 'pagedown']],
    ['\u001b[1;5C', ['ctrl+right']],
    ['\u001bOP\u001b[11~\u001b[[A', ['f1', 'f1', 'f1']],
    ['jj\r', ['j', 'j', 'enter']],
    ['\u001bx', ['esc', 'x']],
    ['\u001b[200~rm -rf /\rq\u001b[201~', ['paste:rm -rf /\rq']],
    ['\u001b[?1;2c', []],
    ['\u009b', []],
  ])('%j', (bytes, expected) => {
    expect(names(new KeyReader(), bytes)).toEqual(expected);
  });

  it('an ESC alone waits for what may follow it, and is the key when nothing does', () => {
    const reader = new KeyReader();
    expect(names(reader, '\u001b')).toEqual([]);
    expect(reader.pending).toBe(true);
    expect(reader.flush()).toEqual([{ kind: 'key', name: 'esc' }]);
    expect(reader.pending).toBe(false);
  });

  it('a paste that has not ended yet does not count as an ESC that waits', () => {
    const reader = new KeyReader();
    expect(names(reader, '\u001b[200~half')).toEqual([]);
    expect(reader.pending).toBe(false);
    expect(names(reader, ' and half\u001b[201~q')).toEqual(['paste:half and half', 'q']);
  });

  it('gives the same keys however the bytes are cut into pieces', () => {
    const pieces = fc.constantFrom(
      'a',
      '\r',
      '\u001b[A',
      '\u001b[1;5C',
      '\u001bOP',
      '\u001b[3~',
      '日',
      '\u001b[200~x\u001b[201~',
      '\u0003',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), fc.array(fc.nat(80), { maxLength: 6 }), (keys, cuts) => {
        const text = keys.join('');
        const whole = names(new KeyReader(), text);
        const reader = new KeyReader();
        const bounds = [...new Set([0, ...cuts.filter((cut) => cut < text.length), text.length])].sort((left, right) => left - right);
        const parts = bounds.slice(1).flatMap((end, index) => names(reader, text.slice(bounds[index], end)));
        expect(parts).toEqual(whole);
      }),
    );
  });

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const reader = new KeyReader();
        for (const input of [...reader.push(text), ...reader.flush()]) {
          if (input.kind === 'key') expect(input.name).toMatch(/^[^\u0000-\u001f\u007f-\u009f]+$/);
        }
      }),
    );
  });
});
