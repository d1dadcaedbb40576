/**
 * From a macvlan or ipvlan device to what it stands on: its frames come out in the namespace of the parent, where layer2/leave.ts says who
 * gets them. drivers/net/macvlan.c, drivers/net/ipvlan/ipvlan_core.c.
 */
import { parseMac } from '../../base/ip-address.ts';
import { walkWith } from '../walk.ts';
import type { Crossing, Departure } from './crossing.ts';

export const crossToParent = ({ root, model, link, walk }: Departure): readonly Crossing[] | null => {
  const parent = root.wires.parentOf(model.netns, link);
  const below = parent === null ? null : parent.netns === null ? root : root.inside(parent.netns);
  if (parent === null || below === null) return null;
  const srcMac = link.mac === null ? null : parseMac(link.mac);
  return [{ kind: 'arrives', model: below, arrival: { dev: parent.link.name, srcMac, dstMac: null }, walk: walkWith(walk, { end: null }) }];
};
