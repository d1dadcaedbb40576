/** Forwarding: hop limit and size, FORWARD, then out. ip_forward in net/ipv4, ip6_forward in net/ipv6. */
import { sendOut } from './deliver.ts';
import { type HookContext, runHook } from './run-hook.ts';
import type { DecidedBy } from './verdict.ts';
import { andThen, assume, drop, undetermined, type Walk, withSkb } from './walk.ts';

export interface PacketSize {
  /** Null where not known. */
  readonly dontFragment: boolean | null;
}

export const forward = (context: HookContext, walk: Walk, dev: string, size: PacketSize): readonly Walk[] => {
  const { skb, out } = walk;
  if (out === null) return [undetermined(walk, { kind: 'route', text: 'a route without a device' }, 'the route names no device')];
  if (skb.packetType !== null && skb.packetType !== 'unicast') {
    return [drop(walk, 'forward', { kind: 'default', text: `a frame to a ${skb.packetType} MAC address is never forwarded` })];
  }
  if (skb.ttl !== null && skb.ttl <= 1) {
    return [drop(walk, 'forward', { kind: 'default', text: `ttl ${skb.ttl} expires here` }, 'the sender is told: time exceeded')];
  }
  return andThen(fits(context, walk, out, size), (each) => {
    const lowered = withSkb(each, { ...each.skb, inDev: dev, outDev: out, ttl: skb.ttl === null ? null : skb.ttl - 1 });
    return andThen(runHook(context, lowered, 'forward'), (passed) => sendOut(context, passed, dev, 'forward'));
  });
};

const fits = (context: HookContext, walk: Walk, out: string, size: PacketSize): readonly Walk[] => {
  const { skb } = walk;
  const mtu = walk.mtu ?? context.model.links?.get(out)?.mtu ?? null;
  if (skb.length === null || mtu === null || mtu === 0 || skb.length <= mtu) return [walk];
  const text = `mtu ${mtu} of ${out}`;
  const told = skb.family === 6 ? 'the sender is told: packet too big' : 'the sender is told: fragmentation needed';
  const tooBig = (each: Walk): Walk => drop(each, 'forward', { kind: 'route', text: `${skb.length} bytes exceed ${text}` }, told);
  if (skb.family === 6 || size.dontFragment === true) return [tooBig(walk)];
  if (size.dontFragment === false) return [walk];
  const by: DecidedBy = { kind: 'route', text: `${skb.length} bytes exceed ${text}` };
  return [
    assume(walk, `the packet exceeds ${text}: taken as one that may be fragmented`, by),
    tooBig(assume(walk, `the packet exceeds ${text}: taken as one with DF set`, by)),
  ];
};
