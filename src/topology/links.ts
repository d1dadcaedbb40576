/** Small questions about links that several joins ask; ip-link(8), kernel IFF_ flags. */
import type { InterfaceAddress, Link, NamespaceFacts } from '../host/facts.ts';

export const isUp = (link: Link): boolean => link.flags.includes('UP');

export const isLoopback = (link: Link): boolean => link.flags.includes('LOOPBACK');

export const linkNamed = (facts: NamespaceFacts, name: string): Link | null => facts.links?.find((link) => link.name === name) ?? null;

export const addressesOn = (facts: NamespaceFacts, name: string): readonly InterfaceAddress[] =>
  (facts.addresses ?? []).filter((address) => address.interface === name);

/** Devices that the kernel puts into every namespace while their module is loaded (net.core.fb_tunnels_only_for_init_net). */
const FALLBACK_KINDS = new Set(['sit', 'ipip', 'gre', 'gretap', 'erspan', 'ip6tnl', 'ip6gre', 'ip6gretap', 'ip6erspan', 'vti', 'vti6']);

export const isFallbackTunnel = (link: Link): boolean => link.kind !== null && FALLBACK_KINDS.has(link.kind) && !isUp(link);

/** The device of the default route with the lowest metric in table main; null where there is none, or routes are not known. */
export const defaultRouteDevice = (facts: NamespaceFacts, family: 4 | 6 = 4): string | null => {
  const routes = (facts.routes ?? []).filter(
    (route) => route.family === family && route.table === 'main' && route.type === 'unicast' && route.prefix.length === 0,
  );
  const best = routes.reduce<(typeof routes)[number] | null>(
    (found, route) => (found === null || route.metric < found.metric ? route : found),
    null,
  );
  return best === null ? null : (best.dev ?? best.nexthops[0]?.dev ?? null);
};
