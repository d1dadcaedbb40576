/** `ip xfrm policy`: ip-xfrm(8). Only the selectors are read: which packets a policy is about, and in which direction. */
import { parsePrefix } from '../base/ip-address.ts';
import type { XfrmPolicy } from './facts.ts';
import type { Parsed } from './json-value.ts';

/** A policy begins at the left margin with `src PREFIX dst PREFIX`; its direction follows on an indented line, `dir` or `socket`. */
export const readXfrmPolicies = (text: string, command: string): Parsed<readonly XfrmPolicy[] | null> => {
  const policies: XfrmPolicy[] = [];
  const problems: string[] = [];
  for (const block of text.split(/\n(?=\S)/)) {
    if (block.trim() === '') continue;
    const match = /^src (\S+) dst (\S+)/.exec(block);
    const direction = /^\s+(?:dir|socket) (\w+)/m.exec(block)?.[1];
    const src = parsePrefix(match?.[1] ?? '');
    const dst = parsePrefix(match?.[2] ?? '');
    if (src === null || dst === null || direction === undefined) {
      if (problems.length < 20) problems.push(`${command}: unreadable policy ${JSON.stringify(block.slice(0, 120))}`);
      continue;
    }
    policies.push({ direction, src, dst, text: block.trim().replace(/\s+/g, ' ') });
  }
  // A policy that is not understood may be about any packet.
  return { value: problems.length > 0 ? null : policies, problems };
};
