/** Which part of a long list is shown: kept where it is as long as the selected row stays inside. */

/** The first row to show, so that `selected` is among the `height` rows shown and no space is wasted below the last. */
export const scrollTo = (top: number, selected: number, count: number, height: number): number => {
  let first = top;
  if (selected < first) first = selected;
  if (selected >= first + height) first = selected - height + 1;
  return Math.max(0, Math.min(first, count - height));
};

export const clampIndex = (index: number, count: number): number => Math.max(0, Math.min(index, count - 1));

export type Motion = 'up' | 'down' | 'page-up' | 'page-down' | 'first' | 'last';

export const moveIndex = (index: number, motion: Motion, count: number, page: number): number => {
  const step = Math.max(1, page - 1);
  switch (motion) {
    case 'up':
      return clampIndex(index - 1, count);
    case 'down':
      return clampIndex(index + 1, count);
    case 'page-up':
      return clampIndex(index - step, count);
    case 'page-down':
      return clampIndex(index + step, count);
    case 'first':
      return 0;
    case 'last':
      return Math.max(0, count - 1);
  }
};
