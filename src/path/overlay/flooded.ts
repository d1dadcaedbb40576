/**
 * A frame for an address that its bridge has not learnt goes to all ports (br_flood in net/bridge/br_forward.c), so that its receiver gets
 * it all the same: behind a cable of the bridge, or else on another host, behind its tunnel.
 */
import { formatMac, type IpAddress, sameIp } from '../../base/ip-address.ts';
import type { Link } from '../../host/facts.ts';
import type { HostModel } from '../model.ts';
import type { Walk } from '../walk.ts';

export const floodedTo = (model: HostModel, bridge: string, walk: Walk): string | null => {
  const ports = [...(model.links?.values() ?? [])].filter(({ master, flags }) => master === bridge && flags.includes('UP'));
  const mac = walk.end?.receiverMac ?? null;
  const text = mac === null ? null : formatMac(mac);
  const cabled = ports.find((port) => isBehind(model, port, text, walk.nextHop ?? walk.skb.dst));
  return (cabled ?? ports.find(({ kind }) => kind === 'vxlan'))?.name ?? null;
};

const isBehind = (model: HostModel, port: Link, mac: string | null, target: IpAddress): boolean => {
  const far = model.wires.peerOf(model.netns, port);
  if (far === null) return false;
  if (mac !== null) return far.link.mac === mac;
  const namespace = far.netns === null ? model.host : model.inside(far.netns);
  return namespace?.addressesOf(far.link.name).some(({ ip }) => sameIp(ip, target)) === true;
};
