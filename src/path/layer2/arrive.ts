/**
 * What comes in by a parent: its children take their frames before the host's IP layer sees them (rx_handler; macvlan_handle_frame,
 * ipvlan_handle_frame). Chains at the parent's ingress have seen the frame by then, all others of the host never do.
 */
import { formatMac } from '../../base/ip-address.ts';
import type { Child } from '../../topology/children.ts';
import { isGroupMac } from '../bridge.ts';
import type { HostModel } from '../model.ts';
import { type HookContext, runHook } from '../run-hook.ts';
import type { DecidedBy } from '../verdict.ts';
import { addStep, andThen, drop, finish, note, seen, type Walk } from '../walk.ts';
import { sentToHost } from './addressed.ts';
import { has, macOf } from './parents.ts';

/** Null where the frame is none of a child's. The chains at the parent's ingress have been asked. */
export const takenByChild = (context: HookContext, walk: Walk, parent: string, dstMac: number | null): readonly Walk[] | null => {
  const { model } = context;
  const children = model.parents.of(parent);
  if (children.length === 0 || (dstMac !== null && isGroupMac(dstMac))) return null;
  const alone = children.find(({ mode }) => mode === 'passthru');
  if (alone !== undefined && !has(alone, walk.skb.dst)) return [takenWhole(walk, alone)];
  const child = model.parents.receiver(parent, dstMac, walk.skb.dst);
  if (child === null || child.netns === null) return null;
  if (dstMac === null && sentToHost(model, child, walk.skb.src) !== null) return null;
  return child.mode === 'l3s' ? throughHooks(context, walk, child) : handIn(model, walk, child);
};

/** What is said of a packet for a child's address that the host itself gets. */
export const besideChild = ({ model }: HookContext, walk: Walk, parent: string, dstMac: number | null): Walk => {
  const child = dstMac === null ? model.parents.receiver(parent, null, walk.skb.dst) : null;
  const why = child === null || child.netns === null ? null : sentToHost(model, child, walk.skb.src);
  return why === null ? walk : note(walk, why);
};

/** Hands a frame to the child. What its own namespace does with it is the business of whoever judges that. */
export const handIn = (model: HostModel, walk: Walk, to: Child): readonly Walk[] => {
  const text = `${to.kind} (${to.mode}) on ${to.parent}: handed to ${to.device} of ${to.owner}`;
  const about = { device: to.parent, ...(to.container === null ? {} : { container: to.container }) };
  const decidedBy: DecidedBy = { kind: 'bridge', text, reason: 'beside-host-rules', about };
  if (!to.up) return [drop(walk, 'bridge', { ...decidedBy, text: `${to.device} of ${to.owner} is down`, reason: 'link-down' })];
  const told = addStep(walk, 'bridge', text, 'continue', "the host's own rules do not see it");
  const place = model.places.all.find(
    ({ container, parent, mac }) => container.name === to.container && parent === to.parent && (mac === null || formatMac(mac) === to.mac),
  );
  return [
    finish(told, {
      outcome: 'accept',
      decidedBy,
      out: to.parent,
      receiverMac: macOf(to),
      into: { netns: to.netns, device: to.device, mac: macOf(to) },
      ...(to.container === null ? {} : { deliveredTo: { container: to.container, network: place?.endpoint.network ?? to.device } }),
    }),
  ];
};

/** A passthru child has all frames of its parent (macvlan_passthru): the host, whose address it shares, gets none. */
const takenWhole = (walk: Walk, child: Child): Walk =>
  drop(walk, 'bridge', {
    kind: 'bridge',
    text: `macvlan (passthru) on ${child.parent}: all frames go to ${child.owner}, which has no such address`,
    reason: 'passthru-parent',
    about: { device: child.parent, ...(child.container === null ? {} : { container: child.container }) },
  });

/** Mode l3s: the frame passes the host's PREROUTING and INPUT before its child gets it (ipvlan_l3_rcv, ipvlan_nf_input). */
const throughHooks = (context: HookContext, walk: Walk, child: Child): readonly Walk[] => {
  const arrived = seen(walk, { inDev: child.parent, outDev: null });
  return andThen(
    andThen(runHook(context, arrived, 'prerouting'), (each) =>
      runHook(context, seen(each, { inDev: child.parent, outDev: null }), 'input'),
    ),
    (each) => handIn(context.model, each, child),
  );
};
