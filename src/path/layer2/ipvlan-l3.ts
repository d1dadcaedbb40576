/**
 * ipvlan in modes l3 and l3s: what a child sends to nobody beside it is routed by the parent's namespace, as a packet of that host for
 * which the parent is the device (ipvlan_process_v4_outbound, ipvlan_process_v6_outbound: OUTPUT and POSTROUTING are passed).
 */
import { formatIp } from '../../base/ip-address.ts';
import type { Child } from '../../topology/children.ts';
import { sendOut } from '../deliver.ts';
import { isLocalAddress } from '../env.ts';
import { deliverLocally } from '../local-in.ts';
import { assumed, refusal } from '../route-in.ts';
import { type HookContext, runHook } from '../run-hook.ts';
import { addStep, andThen, drop, seen, type Walk, walkWith } from '../walk.ts';

export const sentThroughHost = (context: HookContext, walk: Walk, child: Child): readonly Walk[] => {
  const { model } = context;
  const { dst } = walk.skb;
  const local = seen(walk, { inDev: null, local: true, hasMac: false });
  if (isLocalAddress(model, dst) === true) {
    const told = addStep(
      local,
      'routing',
      `local ${formatIp(dst)}, sent by ${child.owner}`,
      'local',
      `${child.kind} in mode ${child.mode}`,
    );
    return andThen(runHook(context, seen(told, { inDev: null, outDev: 'lo' }), 'output'), (each) =>
      andThen(runHook(context, seen(each, { inDev: null, outDev: 'lo' }), 'postrouting'), (on) =>
        andThen(runHook(context, seen(on, { inDev: 'lo', outDev: null }), 'prerouting'), (back) => deliverLocally(context, back, 'lo')),
      ),
    );
  }
  const answers = model.fib.lookup({ dst, src: walk.skb.src, iif: 'lo', oif: child.parent, mark: 0, tos: null });
  return answers.flatMap((answer) =>
    andThen([assumed(local, answer)], (each) => {
      const refused = refusal(each, answer, false);
      if (refused !== null) return [refused];
      if (answer.result.kind !== 'route') return [];
      const { route, hop } = answer.result;
      if (route.type !== 'unicast')
        return [drop(each, 'routing', { kind: 'route', text: route.text, reason: 'refusing-route', about: { address: formatIp(dst) } })];
      const note = `of the host, for what ${child.owner} sends: ${child.kind} in mode ${child.mode}`;
      const routed = walkWith(addStep(each, 'routing', route.text, 'continue', note), {
        out: child.parent,
        nextHop: hop.gateway,
        mtu: route.mtu,
      });
      return andThen(runHook(context, seen(routed, { inDev: null, outDev: child.parent }), 'output'), (passed) =>
        sendOut(context, passed, null, 'output'),
      );
    }),
  );
};
