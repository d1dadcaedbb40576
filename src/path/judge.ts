/** Judges a packet: its whole way through the host, all backends, all hooks; and the way of the answer to it. */
import { formatMac, parseMac } from '../base/ip-address.ts';
import { type BridgeArrival, bridgeIn, type HostSide, isGroupMac } from './bridge.ts';
import { forward } from './forward.ts';
import { nativeChainsAt } from './hook-program.ts';
import { deliverLocally } from './local-in.ts';
import { localOut } from './local-out.ts';
import { type Merged, mergeWalks } from './merge.ts';
import type { HostModel } from './model.ts';
import { checkAnswer, replyTo } from './reply.ts';
import { routeIn } from './route-in.ts';
import { doubtNative, type HookContext, runHook } from './run-hook.ts';
import { startWalk } from './start.ts';
import type { PacketSpec, Verdict } from './verdict.ts';
import { andThen, drop, note, undetermined, type Walk, withSkb } from './walk.ts';

export interface JudgeOptions {
  /** Also tell which rules on the way did not match, and by which condition. */
  readonly explain?: boolean;
}

export const judge = (model: HostModel, spec: PacketSpec, options: JudgeOptions = {}): Verdict =>
  run(model, spec, startWalk(model, spec), options).merged.verdict;

export const judgeBoth = (
  model: HostModel,
  spec: PacketSpec,
  options: JudgeOptions = {},
): { readonly verdict: Verdict; readonly reply: Verdict | null } => {
  const { merged } = run(model, spec, startWalk(model, spec), options);
  const { verdict, shown } = merged;
  if (verdict.outcome !== 'accept') return { verdict, reply: null };
  const answer = replyTo(model, shown);
  switch (answer.kind) {
    case 'none':
      return { verdict, reply: null };
    case 'no-route': {
      const start = startWalk(model, spec);
      const lost = drop(start, 'routing', { kind: 'route', text: answer.text });
      return { verdict, reply: mergeWalks(model, [lost], options.explain === true).verdict };
    }
    case 'question': {
      const { question } = answer;
      const start: Walk = { ...startWalk(model, question.spec), plan: question.plan, natOrigin: question.natOrigin, notes: [] };
      const walks = run(model, question.spec, start, options).walks.map((walk) => checkAnswer(shown, walk));
      return { verdict, reply: mergeWalks(model, walks, options.explain === true).verdict };
    }
  }
};

/** How all possible ways of the packet end, for those who compare more than the verdict. */
export const walksOf = (model: HostModel, spec: PacketSpec): readonly Walk[] => run(model, spec, startWalk(model, spec), {}).walks;

const run = (
  model: HostModel,
  spec: PacketSpec,
  start: Walk,
  options: JudgeOptions,
): { readonly walks: readonly Walk[]; readonly merged: Merged } => {
  const context: HookContext = { model, explain: options.explain === true };
  const walks = enter(context, spec, start);
  return { walks, merged: mergeWalks(model, walks, options.explain === true) };
};

const enter = (context: HookContext, spec: PacketSpec, start: Walk): readonly Walk[] => {
  const { model } = context;
  if (spec.in === null) return localOut(context, start);
  const named = model.links?.get(spec.in);
  if (model.links !== null && named === undefined) {
    return [undetermined(start, { kind: 'default', text: `interface ${spec.in}` }, `there is no interface ${spec.in} in the snapshot`)];
  }
  // A port's packets belong to its bridge, a bond's member to the bond.
  const master = named?.master ?? null;
  const dev = master ?? spec.in;
  const port = spec.port ?? (master !== null && model.isBridge(master) ? spec.in : null);
  const walk = doubtIngress(model, start);
  const hosted = host(context, spec, dev);
  const dstMac = spec.dstMac === undefined ? null : parseMac(spec.dstMac);
  if (model.isBridge(dev)) return bridgeIn(context, walk, arrivalAt(model, dev, port, dstMac, walk), hosted);
  return otherHost(context, spec, walk, dev, dstMac) ?? hosted.receive(walk);
};

/** What is not given about the port follows from who sends. */
const arrivalAt = (model: HostModel, bridge: string, port: string | null, dstMac: number | null, walk: Walk): BridgeArrival => {
  const { srcMac, src } = walk.skb;
  const known =
    port ?? (srcMac === null ? null : model.places.portOf(bridge, formatMac(srcMac))) ?? model.places.onBridge(bridge, src)?.port ?? null;
  return { bridge, port: known, dstMac };
};

const host = (context: HookContext, spec: PacketSpec, dev: string): HostSide => {
  const routed = (walk: Walk): readonly Walk[] =>
    routeIn(context.model, walk, dev, {
      deliverLocally: (each) => deliverLocally(context, each, dev),
      forward: (each) => forward(context, each, dev, { dontFragment: spec.dontFragment ?? null }),
    });
  return { routed, receive: (walk) => andThen(runHook(context, withSkb(walk, { inDev: dev, outDev: null }), 'prerouting'), routed) };
};

/** PACKET_OTHERHOST is dropped in ip_rcv_core; a macvlan child takes its frames before the host's IP layer. */
const otherHost = (context: HookContext, spec: PacketSpec, walk: Walk, dev: string, dstMac: number | null): readonly Walk[] | null => {
  if (dstMac === null || isGroupMac(dstMac)) return null;
  const own = context.model.links?.get(dev)?.mac;
  if (own === undefined || own === null || own === formatMac(dstMac)) return null;
  const child = context.model.places.byMac(dstMac);
  if (child !== null && child.parent === dev) {
    const driver = child.network?.driver ?? 'macvlan';
    return [
      undetermined(
        note(walk, `the host's rules do not see the frames of ${driver} children`),
        { kind: 'bridge', text: `${driver} on ${dev}: ${child.container.name}` },
        `what ${child.container.name} does with it depends on its own namespace`,
      ),
    ];
  }
  return [drop(walk, 'bridge', { kind: 'default', text: `the frame is for ${spec.dstMac}, not for ${dev} (${own})` })];
};

/** Chains on a device's ingress see the frame before any IP hook. Which device a chain belongs to is not in the facts. */
const doubtIngress = (model: HostModel, start: Walk): Walk => {
  let walk = start;
  for (const native of nativeChainsAt(model.self.nftables, 'ingress', ['netdev', 'inet']))
    walk = doubtNative(walk, native.family, native.table, native.chain);
  return walk;
};
