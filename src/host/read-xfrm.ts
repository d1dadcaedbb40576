/** `ip xfrm policy` and `ip xfrm state`: ip-xfrm(8), printed by iproute2's ipxfrm.c. What is about keys is passed over. */
import { parseIp, parsePrefix } from '../base/ip-address.ts';
import type { XfrmMark, XfrmPolicy, XfrmState, XfrmTemplate } from './facts.ts';
import type { Parsed } from './json-value.ts';

/** A policy begins at the left margin with its selector; its direction follows on an indented line, `dir` or `socket`. */
export const readXfrmPolicies = (text: string, command: string): Parsed<readonly XfrmPolicy[] | null> =>
  readBlocks(text, command, 'policy', policyOf);

/** A state begins at the left margin with its two ends. */
export const readXfrmStates = (text: string, command: string): Parsed<readonly XfrmState[] | null> =>
  readBlocks(text, command, 'state', stateOf);

/** What is not understood may be about any packet: then nothing is known. */
const readBlocks = <T>(text: string, command: string, what: string, read: (block: string) => T | null): Parsed<readonly T[] | null> => {
  const found: T[] = [];
  const problems: string[] = [];
  for (const block of text.split(/\n(?=\S)/)) {
    if (block.trim() === '') continue;
    const item = read(block);
    if (item !== null) found.push(item);
    else if (problems.length < 20) problems.push(`${command}: unreadable ${what} ${JSON.stringify(block.slice(0, 120))}`);
  }
  return { value: problems.length > 0 ? null : found, problems };
};

const policyOf = (block: string): XfrmPolicy | null => {
  const [selector = ''] = block.split('\n');
  const match = /^src (\S+) dst (\S+)(.*)$/.exec(selector);
  const direction = /^\s+(?:dir|socket) (\w+)/m.exec(block)?.[1];
  const src = parsePrefix(match?.[1] ?? '');
  const dst = parsePrefix(match?.[2] ?? '');
  if (src === null || dst === null || direction === undefined) return null;
  const rest = match?.[3] ?? '';
  const protocol = protocolOf(/ proto (\S+)/.exec(rest)?.[1]);
  const sport = numberOf(/ sport (\d+)/.exec(rest)?.[1]);
  const dport = numberOf(/ dport (\d+)/.exec(rest)?.[1]);
  const mark = markOf(block);
  return {
    direction,
    src,
    dst,
    ...(protocol === null ? {} : { protocol }),
    ...(sport === null ? {} : { sport }),
    ...(dport === null ? {} : { dport }),
    ...(mark === null ? {} : { mark }),
    ...(/^\s+(?:dir|socket) \w+.* action block/m.test(block) ? { blocks: true as const } : {}),
    templates: templatesOf(block),
    text: oneLine(block),
  };
};

const stateOf = (block: string): XfrmState | null => {
  const ends = /^src (\S+) dst (\S+)/.exec(block);
  const src = parseIp(ends?.[1] ?? '');
  const dst = parseIp(ends?.[2] ?? '');
  const kind = /^\s+proto (\S+) spi (0x[0-9a-f]+|\d+).* mode (\S+)/m.exec(block);
  if (src === null || dst === null || kind === null) return null;
  const [, protocol = '', spi = '', mode = ''] = kind;
  // Never what stands behind: the lines of the algorithms may carry keys.
  return { src, dst, protocol, spi: Number(spi), mode, text: `src ${ends?.[1]} dst ${ends?.[2]} ${oneLine(kind[0])}` };
};

const templatesOf = (block: string): XfrmTemplate[] =>
  [...block.matchAll(/^\s+tmpl src (\S+) dst (\S+)\n\s+proto (\S+)(?: spi (0x[0-9a-f]+|\d+))?.*? mode (\S+)/gm)].flatMap((found) => {
    const src = parseIp(found[1] ?? '');
    const dst = parseIp(found[2] ?? '');
    if (src === null || dst === null) return [];
    return [{ src, dst, protocol: found[3] ?? '', spi: Number(found[4] ?? 0), mode: found[5] ?? '', text: oneLine(found[0]) }];
  });

const markOf = (block: string): XfrmMark | null => {
  const found = /^\s+mark (0x[0-9a-f]+|\d+)\/(0x[0-9a-f]+|\d+)/m.exec(block);
  return found === null ? null : { value: Number(found[1]), mask: Number(found[2]) };
};

const NUMBERS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, gre: 47, esp: 50, ah: 51, 'ipv6-icmp': 58, sctp: 132 };

/** A name that is not known leaves the policy about all protocols: it is then asked for more packets, not for fewer. */
const protocolOf = (name: string | undefined): number | null => (name === undefined ? null : (NUMBERS[name] ?? numberOf(name)));

const numberOf = (text: string | undefined): number | null => (text !== undefined && /^\d+$/.test(text) ? Number(text) : null);

const oneLine = (text: string): string => text.trim().replace(/\s+/g, ' ');
