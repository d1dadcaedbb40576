/**
 * Tells the targets of `capture TARGET... [FILTER]` from its filter. Names come first: every argument from the left that names a
 * container, a network's endpoint or an interface is a target. The first that does not begins the filter, which reaches to the end and
 * must look like one; else both readings are named and nothing is guessed. After `--` everything is the filter. pcap-filter(7).
 */
import { messageOf, usageError, VethscopeError } from '../base/errors.ts';
import { parseMac, parsePrefix } from '../base/ip-address.ts';
import type { CapturePoint } from '../topology/topology.ts';

export const DEFAULT_FILTER = 'icmp or icmp6 or tcp or arp';

/** The words that a filter expression can begin with: qualifiers, primitives and `not`. */
const FILTER_WORDS: ReadonlySet<string> = new Set(
  (
    'src dst host net port portrange gateway proto protochain broadcast multicast ' +
    'ether link fddi tr wlan ip ip6 arp rarp decnet tcp udp sctp icmp icmp6 igmp igrp pim ah esp vrrp carp ' +
    'atalk aarp sca lat mopdl moprc iso clnp esis isis iso stp ipx netbeui ' +
    'vlan mpls pppoed pppoes geneve vxlan less greater len inbound outbound ifname on ifindex ' +
    'rnr rulenum reason rset ruleset srnr subrulenum action type subtype dir not'
  ).split(' '),
);

export interface CaptureArguments {
  readonly points: readonly CapturePoint[];
  readonly filter: string;
}

/** `afterDashes` is what stood behind `--`, null where there was none. `resolve` throws a usage error for what is no target. */
export const splitTargets = (
  words: readonly string[],
  afterDashes: readonly string[] | null,
  resolve: (text: string) => readonly CapturePoint[],
): CaptureArguments => {
  const points = new Map<string, CapturePoint>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    try {
      for (const point of resolve(word)) points.set(`${point.id} ${point.filter ?? ''}`, point);
    } catch (error) {
      const isNoTarget = error instanceof VethscopeError && error.kind === 'usage';
      if (!isNoTarget || index === 0 || afterDashes !== null) throw error;
      return { points: [...points.values()], filter: filterFrom(words.slice(index), error) };
    }
  }
  return { points: [...points.values()], filter: afterDashes === null ? DEFAULT_FILTER : afterDashes.join(' ').trim() };
};

/** `capture SRC --to DST [FILTER]`: one end, and then the filter. */
export const allAlong = (
  words: readonly string[],
  afterDashes: readonly string[] | null,
  pointsFrom: (src: string) => readonly CapturePoint[],
): CaptureArguments => {
  const [src = '', ...rest] = words;
  const hint = 'vethscope capture web1 --to web2 [FILTER]';
  const [next] = rest;
  if (next !== undefined && (afterDashes !== null || !looksLikeFilter(next)))
    throw usageError(`with --to there is one target; "${next}" is ${afterDashes === null ? 'no filter' : 'one too many'}`, { hint });
  const points = pointsFrom(src);
  if (points.length === 0) throw usageError(`no place is known between ${src} and its target`, { hint });
  const filter = afterDashes !== null ? afterDashes.join(' ').trim() : rest.length > 0 ? rest.join(' ') : DEFAULT_FILTER;
  return { points, filter };
};

const filterFrom = (words: readonly string[], notTarget: VethscopeError): string => {
  const first = words[0] as string;
  const quoted = words.findIndex((word) => /\s/.test(word));
  if (quoted >= 0 && words.length > 1) {
    throw usageError(`the filter "${words[quoted]}" must be the last argument`, {
      detail: `beside it there is "${words.filter((_, index) => index !== quoted).join(' ')}"`,
      hint: 'vethscope capture TARGET... [FILTER]: targets first, then one filter',
    });
  }
  if (quoted >= 0 || looksLikeFilter(first)) return words.join(' ');
  throw usageError(`"${first}" is neither a target nor a filter`, {
    detail: `as a target: ${messageOf(notTarget)}${notTarget.detail === null ? '' : ` (${notTarget.detail})`}; as a filter: no pcap-filter expression begins with "${first}"`,
    hint: notTarget.hint ?? 'vethscope list shows the containers; man 7 pcap-filter the filters; what stands after -- is always the filter',
  });
};

export const looksLikeFilter = (word: string): boolean => {
  const bare = word.replace(/^[!(]+/, '');
  if (bare !== word) return true;
  const name = /^[a-z0-9]+/i.exec(bare)?.[0].toLowerCase() ?? '';
  const isWord = FILTER_WORDS.has(name) && (bare.length === name.length || bare[name.length] === '[' || bare[name.length] === ')');
  return isWord || parsePrefix(bare) !== null || parseMac(bare) !== null;
};
