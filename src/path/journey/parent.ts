/**
 * From a macvlan or ipvlan device to what it stands on: its frames come out in the namespace of the parent, where layer2/leave.ts says who
 * gets them. drivers/net/macvlan.c, drivers/net/ipvlan/ipvlan_core.c.
 */
import { parseMac } from '../../base/ip-address.ts';
import { walkWith } from '../walk.ts';
import type { Crossing, Departure } from './crossing.ts';

export const crossToParent = ({ root, model, link, walk }: Departure): readonly Crossing[] | null => {
  const child = model.netns === null ? null : root.parents.inside(model.netns, link.name);
  const wire = child === null ? root.wires.parentOf(model.netns, link) : null;
  const below = child !== null || wire?.netns === null ? root : wire === null ? null : root.inside(wire.netns);
  const dev = child?.parent ?? wire?.link.name;
  if (dev === undefined || below === null) return null;
  const srcMac = link.mac === null ? null : parseMac(link.mac);
  return [{ kind: 'arrives', model: below, arrival: { dev, srcMac, dstMac: null }, walk: walkWith(walk, { end: null }) }];
};
