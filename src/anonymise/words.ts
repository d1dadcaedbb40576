/** What pcapng files say in words: comments, names and descriptions of interfaces, filters. */
import type { Maps } from './maps.ts';
import { rewriteSentence } from './plain-text.ts';
import { rewriteRule } from './rules-text.ts';

const OWN_COMMENT = 'vethscope: ';
/** What the program itself writes beside interfaces (docs/formats.md). */
const PLAIN_COMMENT =
  /^(\d+ packets? of the capture until here could not be saved|continues interface \d+(; nothing captured from [\d.]+ to [\d.]+)?|time stamps: [a-z ,.-]+)$/;
const NAT_STEPS = / (?:DNAT|SNAT|MASQUERADE|REDIRECT|NETMAP) \S+ -> \S+/;

/** Only comments that this program wrote can be told apart; others are left out. */
export const rewriteComment = (comment: string, maps: Maps): string | null => {
  if (PLAIN_COMMENT.test(comment)) return comment;
  if (!comment.startsWith(OWN_COMMENT) || !maps.knowsHost) return null;
  const text = comment.slice(OWN_COMMENT.length);
  const rule = text.indexOf('-A ');
  if (rule < 0) return OWN_COMMENT + rewriteQuoted(text, maps);
  const nat = text.slice(rule).search(NAT_STEPS);
  const halves = text.indexOf('; ', rule);
  const ends = [nat < 0 ? text.length : rule + nat, halves < 0 ? text.length : halves];
  const end = Math.min(...ends);
  return (
    OWN_COMMENT +
    rewriteSentence(text.slice(0, rule), maps) +
    rewriteRule(text.slice(rule, end), null, maps) +
    rewriteSentence(text.slice(end), maps)
  );
};

/** Rules of nft: quoted are devices, comments and prefixes. */
const rewriteQuoted = (text: string, maps: Maps): string =>
  text
    .split(/((?:comment |prefix )?"[^"]*")/)
    .map((part, index) => {
      if (index % 2 === 0) return rewriteSentence(part, maps);
      const [, before = '', inner = ''] = /^(comment |prefix )?"(.*)"$/s.exec(part) ?? [];
      return `${before}"${before === '' ? maps.device(inner) : maps.names.words(before === 'prefix ' ? 'log' : 'comment', inner)}"`;
    })
    .join('');

/** `4026532470/eth0`: a device with its namespace's inode before it. */
export const rewriteInterfaceName = (name: string, maps: Maps): string => {
  if (/^interface \d+$/.test(name)) return name;
  const [, inode = '', device = ''] = /^(\d+\/)?(.*)$/s.exec(name) ?? [];
  return inode + maps.names.device(device);
};

/** Words that this program describes places and pcap-filter(7) describes packets with; all others are taken for names. */
const PLACE_WORDS = new Set(
  'all of on the host with itself after translation what tunnel carries this to and from other hosts through its parent by tagged for VLAN in inside namespace loopback a container own network gateway balancer load'.split(
    ' ',
  ),
);
const FILTER_WORDS = new Set(
  'and or not host net port portrange src dst ether ip ip6 arp rarp tcp udp icmp icmp6 sctp vlan mpls proto protochain broadcast multicast gateway less greater inbound outbound len mask igmp vxlan geneve esp ah tcpflags tcp-syn tcp-ack tcp-rst tcp-fin tcp-push icmptype icmp-echo icmp-echoreply icmp-unreach link'.split(
    ' ',
  ),
);

export const rewriteDescription = (text: string, maps: Maps): string => rewriteWords(text, PLACE_WORDS, maps);

export const rewriteFilter = (text: string, maps: Maps): string => rewriteWords(text, FILTER_WORDS, maps);

const rewriteWords = (text: string, own: ReadonlySet<string>, maps: Maps): string =>
  text.replace(/[^\s(),;]+/g, (word) => {
    const [, body = '', tail = ''] = /^(.*?)([:.]*)$/s.exec(word) ?? [];
    if (own.has(body) || /^[\d[\]&|!<>=+*/-]*$/.test(body)) return word;
    return (
      (maps.known.get(body) ??
        maps.values.map(body) ??
        (own === FILTER_WORDS && /^[a-z0-9]+\[/.test(body) ? body : maps.names.name(body))) + tail
    );
  });
