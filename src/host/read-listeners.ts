/** `ss -Hltunp`: netid, state, queues, local and peer address, process (ss(8)). */
import { ipv4, ipv6, parseIp } from '../base/ip-address.ts';
import type { Listener } from './facts.ts';
import type { Parsed } from './json-value.ts';

export const readListeners = (text: string, command: string): Parsed<readonly Listener[] | null> => {
  const listeners: Listener[] = [];
  const problems: string[] = [];
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (words.length < 5 || words[0] === 'Netid') continue;
    const protocol = words[0];
    if (protocol !== 'tcp' && protocol !== 'udp') continue;
    const local = localOf(words[4] as string);
    if (local === null) {
      if (problems.length < 20) problems.push(`${command}: unreadable local address ${JSON.stringify(words[4])}`);
      continue;
    }
    const program = /users:\(\("((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? null;
    listeners.push({ protocol, ...local, program });
  }
  return { value: listeners, problems };
};

/** `0.0.0.0:80`, `127.0.0.53%lo:53`, `[::]:8080`, `*:9090` (an IPv6 socket without IPV6_V6ONLY). */
const localOf = (text: string): Omit<Listener, 'protocol' | 'program'> | null => {
  const match = /^(.*?)(?:%([^\]:]+))?\]?(?:%([^:]+))?:(\d+)$/.exec(text);
  if (match === null) return null;
  const address = (match[1] as string).replace(/^\[/, '').replace(/\]$/, '');
  const device = match[2] ?? match[3] ?? null;
  const port = Number(match[4]);
  if (address === '*') return { ip: ipv6(0, 0, 0, 0), dualStack: true, port, device };
  const ip = address === '0.0.0.0' ? ipv4(0) : parseIp(address);
  if (ip === null) return null;
  const mapped = ip.version === 6 && ip.a === 0 && ip.b === 0 && ip.c === 0xffff;
  return { ip: mapped ? ipv4(ip.d) : ip, dualStack: false, port, device };
};
