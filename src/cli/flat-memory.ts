/**
 * For commands that pass over files of any size: garbage is collected when there is as much of it as is alive, instead of waiting until it is
 * several times as much, which saves hardly any time where little is alive. node:v8, and V8's flag-definitions.h for the two names.
 */
import { setFlagsFromString } from 'node:v8';

export const keepMemoryFlat = (): void => {
  setFlagsFromString('--heap-growing-percent=100');
  setFlagsFromString('--semi-space-growth-factor=1');
};
