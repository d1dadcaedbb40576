/** Outputs in lines of words: conntrack, ss, sysctl, ipset, `nft list chains`, `ip xfrm`, and sentences that people read. */
import { tokenize } from '../netfilter/parse/tokens.ts';
import type { Maps } from './maps.ts';

const WORDS = /[^\s=,()"'`;]+/g;

/** `src=10.0.0.1 dst=10.0.0.2 sport=1 …`: conntrack(8) -L, /proc/net/nf_conntrack. */
export const rewriteConntrack = (text: string, maps: Maps): string =>
  text
    .replace(
      /\b(src|dst|repl_src|repl_dst|tunsrc|tundst)=(\S+)/g,
      (_, key: string, value: string) => `${key}=${maps.values.map(value) ?? maps.name(value)}`,
    )
    .replace(
      /\b(secctx|helper|labels|dev)=(\S+)/g,
      (_, key: string, value: string) => `${key}=${key === 'helper' ? value : maps.name(value)}`,
    );

/** Programs whose names mean something to a reader and belong to nobody. */
const PROGRAMS = new Set(
  'dockerd docker-proxy containerd podman conmon rootlessport slirp4netns pasta kubelet kube-proxy systemd systemd-resolve systemd-network sshd dnsmasq chronyd ntpd'.split(
    ' ',
  ),
);

/** `ss -Hltunp`: addresses with ports, and the programs that listen. */
export const rewriteSockets = (text: string, maps: Maps): string =>
  text.replace(/"([^"\n]*)"|[^\s"]+/g, (word, program: string | undefined) => {
    if (program !== undefined) return PROGRAMS.has(program) ? word : `"${maps.name(program)}"`;
    const bound = /^(\*|\[::\]|\d[\d.]*)%([^:]+)(:\S+)$/.exec(word);
    if (bound !== null && maps.values.map(word) === null) return `${bound[1]}%${maps.device(bound[2] as string)}${bound[3]}`;
    return maps.values.map(word) ?? word;
  });

const PER_DEVICE = /^(\/?(?:proc\/sys\/)?net[./](?:ipv4|ipv6|mpls)[./](?:conf|neigh)[./])(.+)([./][a-z0-9_]+)$/;
/** Keys and secrets, and what a host is called. */
const SECRET = /secret|fastopen_key|rss_key|hostname|domainname/;

/** `net.ipv4.conf.eth0/100.forwarding = 1`: sysctl(8) writes the dot in a name as a slash. */
export const rewriteSysctls = (text: string, maps: Maps): string =>
  text
    .split('\n')
    .flatMap((line) => {
      const equals = line.indexOf('=');
      if (equals < 0) return line.trim() === '' ? [line] : [rewriteSentence(line, maps)];
      const key = line.slice(0, equals).trimEnd();
      if (SECRET.test(key)) return [];
      const place = PER_DEVICE.exec(key);
      const device = place?.[2] ?? '';
      const isReal = place !== null && device !== 'all' && device !== 'default';
      const mappedKey = isReal
        ? `${place[1]}${maps.device(device.replaceAll('/', '.')).replaceAll('.', device.includes('/') ? '/' : '.')}${place[3]}`
        : key;
      return [mappedKey + line.slice(key.length).replace(/\S+/g, (word) => maps.values.map(word) ?? word)];
    })
    .join('\n');

/** `ipset save`: what an element's parts are, the set's type tells. */
export const rewriteIpset = (text: string, maps: Maps): string => {
  const types = new Map<string, string>();
  return text
    .split('\n')
    .map((line) => {
      const tokens = tokenize(line) ?? [];
      const [verb, set, third] = tokens;
      if (verb === undefined || set === undefined || third === undefined) return line.trim() === '' ? line : '# …';
      if (verb.text === 'create') types.set(set.text, third.text);
      const type = types.get(set.text) ?? '';
      let rewritten = '';
      let at = 0;
      tokens.forEach((token, index) => {
        const before = tokens[index - 1]?.text;
        let value = token.text;
        if (index === 1) value = maps.rules(value);
        else if (before === 'comment' && token.quoted) value = maps.names.words('comment', value);
        else if (index === 2 && verb.text === 'add')
          value = value
            .split(',')
            .map((part, place) => rewriteElement(part, type.split(':')[1]?.split(',')[place] ?? '', type, maps))
            .join(',');
        else if (before === 'range') value = maps.values.map(value) ?? value;
        rewritten +=
          line.slice(at, token.start) + (value === token.text ? line.slice(token.start, token.end) : token.quoted ? `"${value}"` : value);
        at = token.end;
      });
      return rewritten + line.slice(at);
    })
    .join('\n');
};

const rewriteElement = (part: string, kind: string, type: string, maps: Maps): string => {
  if (type.startsWith('list:')) return maps.rules(part);
  if (kind === 'iface') return part.startsWith('physdev:') ? `physdev:${maps.device(part.slice(8))}` : maps.device(part);
  return maps.values.map(part) ?? (/^[\w:-]+$/.test(part) && kind !== '' ? part : maps.name(part));
};

/** `nft list chains`: names of tables and chains, devices, comments. */
export const rewriteNftChains = (text: string, maps: Maps): string =>
  text
    .replace(/^(\s*table \w+ )([^\s{]+)/gm, (_, head: string, name: string) => head + maps.rules(name))
    .replace(/^(\s*chain )([^\s{]+)/gm, (_, head: string, name: string) => head + maps.rules(name))
    .replace(
      /\b(devices? (?:= )?)(\{[^}]*\}|"[^"]*"|[^\s;{]+)/g,
      (_, head: string, list: string) => head + list.replace(/[^\s"{},]+/g, (name) => maps.device(name)),
    )
    .replace(/\bcomment "([^"]*)"/g, (_, comment: string) => `comment "${maps.names.words('comment', comment)}"`);

/** `ip xfrm policy` and `state`: all words are ip's own but addresses, devices and security contexts. */
export const rewriteXfrm = (text: string, maps: Maps): string =>
  text
    .replace(/^(\s*security context).*$/gm, '$1 …')
    .replace(/\b((?:auth(?:-trunc)?|enc|aead|comp) \S+ )(0x[0-9a-f]+|"[^"]*")/g, '$1')
    .replace(/\bdev (\S+)/g, (_, name: string) => `dev ${maps.device(name)}`)
    .replace(/[^\s()]+/g, (word) => maps.values.map(word) ?? word);

/** A sentence: whatever in it is an address, an id, a path or a known name. */
export const rewriteSentence = (text: string, maps: Maps): string =>
  text.replace(WORDS, (word) => {
    const [, head = '', body = '', tail = ''] = /^([<[{]*)(.*?)([\]>}.:!?]*)$/s.exec(word) ?? [];
    return (maps.values.map(word) ?? maps.values.map(body + tail) ?? null) !== null && maps.values.map(word) !== null
      ? (maps.values.map(word) as string)
      : head + rewriteWord(body, maps) + tail;
  });

const rewriteWord = (word: string, maps: Maps): string => {
  const known = maps.known.get(word) ?? maps.values.map(word);
  if (known !== undefined && known !== null) return known;
  if (/^[0-9a-f]{12,}$/.test(word)) return maps.names.id(word);
  if (/^(\w+:\/)?\/./.test(word))
    return word.replace(
      /^(\w+:\/\/)?(.*)$/,
      (_, scheme: string | undefined, rest: string) =>
        (scheme ?? '') + rest.replace(/[^/]+/g, (part) => maps.values.map(part) ?? maps.path(part)),
    );
  // What is put together of known names: `web1:80`, `4026532470/eth0`, `filter/DOCKER#1`.
  return word.replace(/[^/:#@%→>+|<[\]{}]+/g, (part) => maps.known.get(part) ?? maps.values.map(part) ?? part);
};
