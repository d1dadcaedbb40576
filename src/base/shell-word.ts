/** A word for a shell of any kind that keeps to POSIX: nothing has a meaning between single quotes. */
export const shellWord = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
