/** What the detail view shows of one layer: its name, its fields in words, and which bytes of the frame it is. */

export interface LayerField {
  readonly label: string;
  readonly value: string;
}

export interface LayerView {
  readonly name: string;
  readonly fields: readonly LayerField[];
  /** Offsets in the packet's `bytes`, never behind its captured end. */
  readonly start: number;
  readonly end: number;
}

export const field = (label: string, value: string | number): LayerField => ({ label, value: String(value) });

/** `0x0800`: a number as the authorities write it, at least `digits` wide. */
export const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** Names of the bits that are set, in the order of the table; `none` where there are none. */
export const bitNames = (value: number, names: readonly (readonly [number, string])[]): string => {
  const set = names.filter(([bit]) => (value & bit) !== 0).map(([, name]) => name);
  return set.length === 0 ? 'none' : set.join(', ');
};
