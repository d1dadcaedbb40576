/** The version, from package.json, which lies one folder above the code both in the repository and when installed. */
import { readFileSync } from 'node:fs';

export const readVersion = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
};
