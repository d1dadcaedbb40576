/** Forwarding: hop limit and size, FORWARD, then out. ip_forward in net/ipv4/ip_forward.c, ip6_forward in net/ipv6/ip6_output.c. */

import { copyBytes, u16be } from '../base/bytes.ts';
import { formatIp } from '../base/ip-address.ts';
import type { Skb } from '../netfilter/skb.ts';
import { isLinkLocal, isLoopback, isMulticast, isZero } from './address-kinds.ts';
import { sendOut } from './deliver.ts';
import { type HookContext, runHook } from './run-hook.ts';
import { fits } from './size.ts';
import type { DecidedBy } from './verdict.ts';
import { andThen, drop, seen, undetermined, type Walk } from './walk.ts';

export const forward = (context: HookContext, walk: Walk, dev: string, dontFragment: boolean | null): readonly Walk[] => {
  const { skb, out } = walk;
  if (out === null) return [undetermined(walk, { kind: 'route', text: 'a route without a device' }, 'the route names no device')];
  if (skb.packetType !== null && skb.packetType !== 'unicast') {
    return [
      drop(walk, 'forward', {
        kind: 'default',
        text: `a frame to a ${skb.packetType} MAC address is never forwarded`,
        reason: 'not-unicast-frame',
      }),
    ];
  }
  if (skb.ttl !== null && skb.ttl <= 1) {
    const text = `${skb.family === 4 ? 'ttl' : 'hop limit'} ${skb.ttl} expires here`;
    return [drop(walk, 'forward', { kind: 'default', text, reason: 'ttl-expired' }, `${formatIp(skb.src)} is told: time exceeded`)];
  }
  const scope = skb.family === 6 ? scopeRefusal(walk) : null;
  if (scope !== null) return [scope];
  return andThen(
    fits(context.model, walk, out, { hook: 'forward', dontFragment, minimum: skb.family === 6 ? IPV6_MIN_MTU : 0 }),
    (each) => {
      const lowered = seen(each, { inDev: dev, outDev: out, ...lower(each.skb) });
      return andThen(runHook(context, lowered, 'forward'), (passed) => sendOut(context, passed, dev, 'forward'));
    },
  );
};

/** ip_decrease_ttl, which mends the header's checksum too (RFC 1624); IPv6 has none. */
const lower = ({ ttl, bytes, family }: Skb): Pick<Skb, 'ttl' | 'bytes'> => {
  if (ttl === null) return { ttl, bytes: null };
  if (bytes === null || bytes.length < 20) return { ttl: ttl - 1, bytes };
  const copy = copyBytes(bytes);
  copy[family === 4 ? 8 : 7] = ttl - 1;
  if (family === 4) {
    const sum = u16be(bytes, 10) + 0x0100;
    const folded = (sum & 0xffff) + (sum >>> 16);
    copy[10] = folded >>> 8;
    copy[11] = folded & 0xff;
  }
  return { ttl: ttl - 1, bytes: copy };
};

const IPV6_MIN_MTU = 1280;

/** Sources that mean nothing beyond their link; not asked where the packet goes back by the interface that it came in by. */
const scopeRefusal = (walk: Walk): Walk | null => {
  const { src } = walk.skb;
  const text = (what: string): DecidedBy => ({
    kind: 'route',
    text: `${what} source ${formatIp(src)} is not forwarded`,
    reason: 'source-scope',
    about: { address: formatIp(src) },
  });
  if (isZero(src)) return drop(walk, 'routing', text('unspecified'));
  if (isMulticast(src) || isLoopback(src)) return drop(walk, 'routing', text('martian'));
  if (isLinkLocal(src)) return drop(walk, 'routing', text('link-local'), `${formatIp(src)} is told: beyond scope of source address`);
  return null;
};
