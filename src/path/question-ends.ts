/** Who is meant by SRC and DST of a question: a container, container:network, an address, `host` or `outside`. */
import { failure, usageError } from '../base/errors.ts';
import { formatIp, type IpAddress, parseIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { DockerContainer } from '../host/facts.ts';
import { nearestNames } from '../topology/nearest-names.ts';
import { findContainer } from '../topology/target.ts';
import type { ContainerNode, Topology } from '../topology/topology.ts';
import type { HostModel } from './model.ts';
import { namespaceOf, type Place } from './places.ts';

/** Who is meant, before addresses are chosen. */
export type End =
  | { readonly kind: 'host'; readonly label: string; readonly remark?: string }
  | { readonly kind: 'outside'; readonly label: string }
  | { readonly kind: 'address'; readonly label: string; readonly ip: IpAddress }
  | {
      readonly kind: 'container';
      readonly label: string;
      readonly container: DockerContainer;
      readonly places: readonly Place[];
      readonly chosen: Place | null;
    }
  /** A container without any network of its own. */
  | { readonly kind: 'alone'; readonly label: string; readonly container: DockerContainer };

export type ContainerEnd = Extract<End, { kind: 'container' }>;

export const endOf = (model: HostModel, topology: Topology, text: string, which: 'SRC' | 'DST'): End => {
  const name = text.trim();
  if (name === 'host') return { kind: 'host', label: 'host' };
  if (name === 'outside') return { kind: 'outside', label: 'outside' };
  const ip = parseIp(name);
  if (ip !== null) return { kind: 'address', label: formatIp(ip), ip };
  const whole = findContainer(topology, name);
  if (whole !== null) return containerEnd(model, topology, whole, null);
  const colon = name.lastIndexOf(':');
  const owner = colon > 0 ? findContainer(topology, name.slice(0, colon)) : null;
  if (owner !== null) return containerEnd(model, topology, owner, name.slice(colon + 1));
  const near = nearestNames(name, [...topology.containers.map((node) => node.name), 'host', 'outside']);
  throw usageError(`${which} "${printable(name)}" is no container, no address, neither host nor outside`, {
    hint: near.length > 0 ? `did you mean ${near.map(printable).join(', ')}?` : 'vethscope list shows the containers',
  });
};

/** A container that only another host has: by its address on a network that SRC is on too, where there is one. */
export const peerEnd = (model: HostModel, from: End, text: string): End | null => {
  const name = text.trim();
  if (model.facts.containers.some((container) => container.name === name)) return null;
  for (const { facts, label } of model.peers) {
    const container = facts.containers.find((each) => each.name === name);
    if (container === undefined) continue;
    const shared = container.endpoints.find(
      ({ networkId }) => from.kind === 'container' && from.places.some(({ endpoint }) => endpoint.networkId === networkId),
    );
    const ip = (shared ?? container.endpoints[0])?.ipv4 ?? null;
    if (ip === null) throw failure(`${printable(name)} has no IPv4 address on ${printable(label ?? 'the other host')}`);
    return { kind: 'address', label: name, ip };
  }
  return null;
};

const containerEnd = (model: HostModel, topology: Topology, node: ContainerNode, network: string | null): End => {
  const holder = node.sharesWith === null ? node : (findContainer(topology, node.sharesWith) ?? node);
  const container = model.facts.containers.find((entry) => entry.id === holder.id);
  const label = holder === node ? node.name : `${node.name} (in ${holder.name})`;
  if (container === undefined) throw failure(`${printable(node.name)} is not in the facts`);
  if (holder.modeKind === 'host')
    return { kind: 'host', label: node.name, remark: `${node.name} shares the host's network: its packets are the host's own` };
  if (container.state !== 'running' && container.state !== 'paused') {
    throw failure(`${printable(holder.name)} is not running (${printable(container.state)}): it has no network namespace`, {
      hint: `docker start ${printable(holder.name)}`,
    });
  }
  const places = model.places.all.filter((place) => place.container.id === container.id);
  if (network === null) {
    const isAlone = places.length === 0 && ownAddresses(model, container).length === 0;
    return isAlone ? { kind: 'alone', label, container } : { kind: 'container', label, container, places, chosen: null };
  }
  const chosen = places.find((place) => place.endpoint.network === network);
  if (chosen === undefined) {
    const joined = places.map((place) => place.endpoint.network);
    throw usageError(`${printable(holder.name)} is not on the network "${printable(network)}"`, {
      hint: joined.length === 0 ? 'it is on none' : `it is on ${joined.map(printable).join(', ')}`,
    });
  }
  return { kind: 'container', label: `${label} (${network})`, container, places, chosen };
};

/** Addresses by which others may reach the container, whoever gave it its devices. */
export const ownAddresses = (model: HostModel, container: DockerContainer): readonly IpAddress[] =>
  (namespaceOf(model.facts, container)?.facts.addresses ?? []).filter(({ scope }) => scope === 'global').map(({ ip }) => ip);
