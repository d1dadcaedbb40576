/**
 * What a packet meets in the container that sends or gets it, as far as it is known and not evaluated: rules of the container's own
 * namespace, and whether the container learns the host's address on their bridge.
 */
import { parseMac } from '../base/ip-address.ts';
import type { DockerContainer } from '../host/facts.ts';
import { askedOfHost } from './asking.ts';
import { onBridge } from './bridge.ts';
import { isLocalAddress } from './env.ts';
import { exitOf } from './exit.ts';
import type { HostModel } from './model.ts';
import { neighbourAt } from './neighbours.ts';
import { namespaceOf } from './places.ts';
import { unevaluatedIn, type Way } from './unevaluated.ts';
import type { DecidedBy, PacketSpec } from './verdict.ts';
import { doubt, type Walk } from './walk.ts';

/** The walk of a packet that `sender` has yet to send. */
export const asSent = (model: HostModel, spec: PacketSpec, walk: Walk, sender: string | undefined): Walk => {
  const container = named(model, sender);
  return container === null ? walk : asksHost(model, spec, passing(model, walk, container, 'sent'), container);
};

/** An accepted packet meets the rules of the container that gets it. */
export const asReceived = (model: HostModel, walk: Walk): Walk => {
  const container = walk.end?.outcome === 'accept' ? named(model, walk.end.deliveredTo?.container) : null;
  return container === null ? walk : passing(model, walk, container, 'received');
};

const named = (model: HostModel, name: string | undefined): DockerContainer | null =>
  name === undefined ? null : (model.facts.containers.find((container) => container.name === name) ?? null);

const passing = (model: HostModel, walk: Walk, container: DockerContainer, way: Way): Walk => {
  const facts = namespaceOf(model.facts, container)?.facts;
  const inside = facts === undefined ? null : unevaluatedIn(facts, walk.skb.family, way);
  if (inside === null) return walk;
  const text = `rules of ${container.name}'s own namespace (${inside.chains.join('; ')})`;
  const by: DecidedBy = { kind: 'default', text, about: { container: container.name } };
  return doubt(walk, `${text} are not evaluated`, by, way === 'sent' && inside.mayChange);
};

/** What is not for a station of the bridge goes to the host, whose address there the container must learn. */
const asksHost = (model: HostModel, spec: PacketSpec, walk: Walk, container: DockerContainer): Walk => {
  const { in: bridge, srcMac } = spec;
  if (bridge === null || !model.isBridge(bridge)) return walk;
  if (onBridge(model, bridge, walk.skb.dst) && isLocalAddress(model, walk.skb.dst) !== true) return walk;
  const inside = namespaceOf(model.facts, container)?.facts;
  const exit = exitOf(model, container, walk.skb.dst, null);
  const mac = srcMac === undefined ? null : parseMac(srcMac);
  const place = exit.kind === 'place' ? exit.place : mac === null ? null : model.places.byMac(mac);
  const host = model.addressesOf(bridge).find(({ ip }) => ip.version === walk.skb.family)?.ip;
  const dev = place?.interface ?? null;
  const known = inside === undefined || dev === null || host === undefined ? null : neighbourAt(inside, dev, host);
  return askedOfHost(model, walk, bridge, container.name, known);
};
