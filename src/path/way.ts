/** The devices of a packet's way as a verdict has them, from the marks that its walk has left. */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import type { WayPoint } from './verdict.ts';
import type { Waymark } from './walk.ts';

export const wayOf = (marks: readonly Waymark[]): readonly WayPoint[] => {
  // Most devices see the addresses that the one before saw; formatting them dominates otherwise.
  let last: { readonly src: IpAddress; readonly dst: IpAddress; readonly srcText: string; readonly dstText: string } | null = null;
  return marks.map(({ netns, owner, device, direction, skb, outer }) => {
    const { src, dst } = skb;
    if (last === null || last.src !== src || last.dst !== dst) last = { src, dst, srcText: formatIp(src), dstText: formatIp(dst) };
    const point: WayPoint = {
      netns,
      owner,
      device,
      direction,
      src: last.srcText,
      dst: last.dstText,
      sport: skb.srcPort,
      dport: skb.dstPort,
    };
    return outer === undefined ? point : { ...point, outer };
  });
};
