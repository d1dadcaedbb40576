/** What can be written next in a capture filter: the keywords of pcap-filter(7), and behind `host` and `net` what this host knows. */
import type { Completion } from './complete.ts';
import { completeFrom } from './complete.ts';

const KEYWORDS = [
  'and',
  'arp',
  'broadcast',
  'dst',
  'ether',
  'greater',
  'host',
  'icmp',
  'icmp6',
  'ip',
  'ip6',
  'less',
  'multicast',
  'net',
  'not',
  'or',
  'port',
  'portrange',
  'proto',
  'sctp',
  'src',
  'tcp',
  'udp',
  'vlan',
  'vxlan',
] as const;

export interface CaptureVocabulary {
  readonly addresses: readonly string[];
  readonly prefixes: readonly string[];
}

export const completeCaptureFilter = (text: string, cursor: number, vocabulary: CaptureVocabulary): Completion => {
  const [typed = ''] = /[^\s()!]*$/.exec(text.slice(0, cursor)) ?? [];
  const start = cursor - typed.length;
  const [, before] = /(\w+)\s+$/.exec(text.slice(0, start)) ?? [];
  const words = before === 'host' ? vocabulary.addresses : before === 'net' ? vocabulary.prefixes : KEYWORDS;
  return completeFrom(
    text,
    start,
    cursor,
    typed,
    words.filter((word) => word.startsWith(typed.toLowerCase())),
  );
};
