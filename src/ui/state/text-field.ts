/** A line of text being edited. The cursor counts characters (code points), so that no emoji is cut in two. */
import type { ActionOf } from '../keys.ts';

export interface TextField {
  readonly text: string;
  readonly cursor: number;
}

export const textField = (text: string): TextField => ({ text, cursor: [...text].length });

export const insertText = (field: TextField, text: string): TextField => {
  const chars = [...field.text];
  const added = [...text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')];
  chars.splice(field.cursor, 0, ...added);
  return { text: chars.join(''), cursor: field.cursor + added.length };
};

export const editField = (field: TextField, action: ActionOf<'field'>): TextField => {
  const chars = [...field.text];
  const { cursor } = field;
  switch (action) {
    case 'left':
      return { ...field, cursor: Math.max(0, cursor - 1) };
    case 'right':
      return { ...field, cursor: Math.min(chars.length, cursor + 1) };
    case 'start':
      return { ...field, cursor: 0 };
    case 'end':
      return { ...field, cursor: chars.length };
    case 'erase':
      return cursor === 0 ? field : without(chars, cursor - 1, cursor);
    case 'erase-right':
      return cursor === chars.length ? field : without(chars, cursor, cursor + 1);
    case 'erase-word': {
      const before = chars.slice(0, cursor).join('');
      const kept = before.replace(/[^\s/]*[\s/]*$/, '');
      return without(chars, [...kept].length, cursor);
    }
    case 'erase-all':
      return without(chars, 0, cursor);
  }
};

const without = (chars: readonly string[], from: number, to: number): TextField => ({
  text: [...chars.slice(0, from), ...chars.slice(to)].join(''),
  cursor: from,
});
