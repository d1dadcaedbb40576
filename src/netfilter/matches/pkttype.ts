/** -m pkttype: to whom the frame was sent on the link. xt_pkttype.c. */
import type { Skb } from '../skb.ts';
import { badValue, notKnown, optionMatch } from './condition.ts';

const TYPES: readonly string[] = ['unicast', 'broadcast', 'multicast', 'host', 'otherhost'];
const TYPE_UNKNOWN = notKnown('link-layer type (unicast, broadcast or multicast)');

/** A packet looped back on its way out is judged by its destination. */
export const packetTypeOf = (skb: Skb): string | null => {
  if (skb.packetType !== 'loopback') return skb.packetType;
  if (skb.family === 6) return 'multicast';
  return skb.dst.a >>> 28 === 0xe ? 'multicast' : 'broadcast';
};

export const pkttype = optionMatch('pkttype', {
  '--pkt-type': (option) => {
    const text = option.values[0] ?? '';
    if (!TYPES.includes(text)) return badValue(option);
    const wanted = text === 'host' ? 'unicast' : text;
    return (skb) => {
      const type = packetTypeOf(skb);
      return type === null ? TYPE_UNKNOWN : type === wanted;
    };
  },
});
