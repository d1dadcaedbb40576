import { expect, it } from 'vitest';
import { filtersMarkdown } from './filters-doc.ts';

it('docs/filters.md is what the fields say', async () => {
  await expect(filtersMarkdown()).toMatchFileSnapshot('../../docs/filters.md');
});
