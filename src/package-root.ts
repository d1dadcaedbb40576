/** Where the package lies: the nearest folder above this code with a package.json, whether the code is TypeScript in src or bundled in dist. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failure } from './base/errors.ts';

export const packageRoot = (): string => {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw failure(`no package.json above ${here}`, { hint: 'install vethscope again' });
  }
};

/** A program of the build, by its path in dist. */
export const builtProgram = (path: string): string => {
  const entry = join(packageRoot(), 'dist', path);
  if (!existsSync(entry)) throw failure(`${entry} is not built`, { hint: 'npm run build' });
  return entry;
};
