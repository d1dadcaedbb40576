/** Packets made on the host: route look-up, OUTPUT with re-routing, then out, or round through lo to the host itself. */

import { formatIp, sameIp } from '../base/ip-address.ts';
import { hasConnection } from '../netfilter/conntrack.ts';
import { ctWith } from '../netfilter/skb.ts';
import { isLoopback } from './address-kinds.ts';
import { sendOut } from './deliver.ts';
import { isLocalAddress } from './env.ts';
import { forward } from './forward.ts';
import { deliverLocally } from './local-in.ts';
import { routesFor } from './look-up.ts';
import { assumed, leavesBy, refusal, routeIn } from './route-in.ts';
import { type HookContext, runHook } from './run-hook.ts';
import { martian } from './source-check.ts';
import { bySysctl, ifSwitch } from './switch.ts';
import { addStep, andThen, atDevice, drop, passed, seen, undetermined, type Walk, walkWith } from './walk.ts';

export const localOut = (context: HookContext, walk: Walk, link: string | null): readonly Walk[] =>
  andThen(link === null ? routeOut(context, walk, 'output') : [ontoLink(walk, link)], (routed) => {
    const hooked = runHook(
      { ...context, reroute: (each) => (link === null ? routeOut(context, each, 'reroute') : [each]) },
      seen(routed, { inDev: null, outDev: routed.out }),
      'output',
    );
    return andThen(hooked, (each) => (each.out === 'lo' ? loop(context, each) : sendOut(context, each, null, 'output')));
  });

/** A socket names the device for an address that means one link (ip_route_output_key_hash_rcu with an oif, ip6_route_output). */
const ontoLink = (walk: Walk, link: string): Walk => {
  const text = `${formatIp(walk.skb.dst)} is an address of the link ${link}`;
  return walkWith(addStep(walk, 'routing', text, 'continue', undefined, leavesBy(link)), { out: link });
};

/** ip_route_output_key_hash, and ip_route_me_harder after a change at OUTPUT. */
const routeOut = (context: HookContext, walk: Walk, why: 'output' | 'reroute'): readonly Walk[] => {
  const { model } = context;
  const { skb } = walk;
  const answers = routesFor(model, skb, 'lo');
  return answers.flatMap((answer) =>
    andThen([assumed(walk, answer)], (each) => {
      const refused = refusal(each, answer);
      if (refused !== null) return [refused];
      if (answer.result.kind !== 'route') return [];
      const { route, hop } = answer.result;
      const out = route.type === 'local' || route.type === 'anycast' ? 'lo' : hop.dev;
      if (out === null) return [undetermined(each, { kind: 'route', text: route.text }, 'the route names no device')];
      const told = addStep(
        each,
        'routing',
        route.text,
        out === 'lo' ? 'local' : 'continue',
        why === 'reroute' ? 'routed again' : undefined,
        leavesBy(out),
      );
      const routed = walkWith(told, { out, nextHop: hop.gateway, mtu: route.mtu });
      if (skb.family === 6 || out === 'lo' || !isLoopback(skb.src)) return [routed];
      // __mkroute_output: 127/8 stays on loopback devices unless route_localnet says otherwise.
      const setting = model.sysctls.either(out, 'route_localnet');
      return ifSwitch(
        routed,
        setting,
        (value) => value,
        (open) => [passed(open, 'routing', setting.text)],
        (closed) => [drop(closed, 'routing', bySysctl(setting, 'route-localnet', out), `a packet from 127/8 may not leave by ${out}`)],
      );
    }),
  );
};

/** Through lo the packet passes POSTROUTING, then PREROUTING and INPUT with the connection that it has already, by then confirmed. */
const loop = (context: HookContext, walk: Walk): readonly Walk[] =>
  andThen(runHook(context, seen(walk, { inDev: null, outDev: 'lo' }), 'postrouting'), (posted) => {
    const each = atDevice(context.model, atDevice(context.model, posted, 'lo', 'out'), 'lo', 'in');
    const { ct } = each.skb;
    const confirmed = hasConnection(ct) && !ct.confirmed ? ctWith(ct, { confirmed: true }) : ct;
    return andThen(runHook(context, seen(each, { inDev: 'lo', outDev: null, ct: confirmed }), 'prerouting'), (back) =>
      // Its route came with it, unless a rule has turned it elsewhere (nf_nat_ipv4_pre_routing): then it is one that arrives.
      sameIp(back.skb.dst, each.skb.dst) ? deliverLocally(context, back, 'lo') : turned(context, back),
    );
  });

/** Arriving packets with a source of this host's own are martians, on lo too (__fib_validate_source). */
const turned = (context: HookContext, walk: Walk): readonly Walk[] => {
  const { model } = context;
  const { family, src } = walk.skb;
  const refused = family === 4 && isLocalAddress(model, src) === true && model.sysctls.either('lo', 'accept_local').value !== true;
  if (refused) return [martian(walk, 'source', 'lo')];
  return routeIn(model, walk, 'lo', {
    deliverLocally: (local) => deliverLocally(context, local, 'lo'),
    forward: (other) => forward(context, other, 'lo', null),
  });
};
