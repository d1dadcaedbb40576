/** The two ends of a flow as display filters name them: by container, by address, by prefix. */
import { formatIp, type IpAddress, inPrefix, parsePrefix } from '../base/ip-address.ts';
import type { FilterRow } from './row.ts';
import { type TextMatch, wholeMatch } from './text-match.ts';

export type EndMatch = (name: string, ip: IpAddress) => boolean;

/** `web1`, `web*`; of a container in several networks also without the network that its name carries here (`multi (net1)`). */
export const containerMatch = (value: string): EndMatch => {
  const matches = wholeMatch(value);
  return (name) => namesIn(name).some(matches);
};

/** An address, a prefix, or a name. */
export const hostMatch = (value: string): EndMatch => {
  const prefix = parsePrefix(value);
  if (prefix !== null) return (_, ip) => inPrefix(ip, prefix);
  const isName = containerMatch(value);
  const isAddress: TextMatch | null = /[*?]/.test(value) ? wholeMatch(value) : null;
  return (name, ip) => isName(name, ip) || (isAddress?.(formatIp(ip)) ?? false);
};

export const isSource = (row: FilterRow, matches: EndMatch): boolean => matches(row.aName, row.flow.a);

export const isDestination = (row: FilterRow, matches: EndMatch): boolean => matches(row.bName, row.flow.b);

/** A shared address has several names: `web1 or sidecar`. */
const namesIn = (name: string): readonly string[] =>
  name.split(' or ').flatMap((one) => {
    const network = one.indexOf(' (');
    return network < 0 ? [one] : [one, one.slice(0, network)];
  });
