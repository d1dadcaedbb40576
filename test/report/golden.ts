/** Golden files: what a report printed when a person last looked at it. `UPDATE_GOLDEN=1 npx vitest run test/report` writes them anew. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export const expectGolden = (name: string, lines: readonly string[] | string): void => {
  const path = fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
  const text = typeof lines === 'string' ? `${lines}\n` : `${lines.join('\n')}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(existsSync(path), `${path} is missing: run with UPDATE_GOLDEN=1, then look at it`).toBe(true);
  expect(text).toBe(readFileSync(path, 'utf8'));
};
