/** `sysctl net`: lines `a.b.c = value`. A dot inside an interface's name is printed as a slash (sysctl(8)). */
import type { Parsed } from './json-value.ts';

export const readSysctls = (text: string, command: string): Parsed<ReadonlyMap<string, string> | null> => {
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    // "sysctl: permission denied on key" lines belong to stderr, and reach here only in documents made by hand.
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith('sysctl:')) continue;
    const equals = trimmed.indexOf('=');
    const key = equals < 0 ? '' : trimmed.slice(0, equals).trim();
    if (!/^[^\s]+$/.test(key)) {
      if (problems.length < 20) problems.push(`${command}: unreadable line ${JSON.stringify(trimmed.slice(0, 120))}`);
      continue;
    }
    values.set(key.startsWith('/') ? fromPath(key) : key, trimmed.slice(equals + 1).trim());
  }
  return { value: values, problems };
};

/** `/proc/sys/net/ipv4/conf/eth0.30/forwarding` and `net/ipv4/...` are spelt with dots and slashes exchanged. */
const fromPath = (key: string): string =>
  key.replace(/^\/?(proc\/sys\/)?/, '').replace(/[./]/g, (character) => (character === '/' ? '.' : '/'));
