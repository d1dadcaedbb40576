import { expect, it } from 'vitest';
import { compileDisplayFilter, filterWhileTyped } from '../../../src/session/flows/display-filter.ts';

it.each<[string, string | null]>([
  ['', ''],
  ['web', 'web'],
  ['verdict:drop', 'verdict:drop'],
  ['verdict:drop po', 'verdict:drop'],
  ['verdict:drop port:', 'verdict:drop'],
  ['verdict:drop port:80', 'verdict:drop port:80'],
  ['verdict:drop web1', 'verdict:drop web1'],
  ['(verdict:drop', ''],
  ['verdict:', ''],
])('while %s is typed, %s is shown', (typed, shown) => {
  expect(filterWhileTyped(typed)).toBe(shown);
});

it('tells what is wrong as an error of the command line', () => {
  expect(() => compileDisplayFilter('a verdict:x')).toThrowError(
    expect.objectContaining({ kind: 'usage', detail: 'at character 11: verdict cannot be x', message: 'bad display filter: a verdict:x' }),
  );
});
