/** Ties a flow inside VXLAN to the flows of the tunnel that carry it, one for each direction. RFC 7348 section 5, on source ports. */
import { type Direction, type Flow, ORIGINAL } from './flow.ts';

/** So many flows inside are named; a tunnel whose source port does not vary carries many. */
const NAMED = 4;

/** `direction` is the inner packet's within `flow`, `outerDirection` the outer one's within `outer`. */
export const tie = (flow: Flow, direction: Direction, outer: Flow, outerDirection: Direction, vni: number): void => {
  const { tunnel } = flow;
  if (tunnel === null) {
    const forth = outerDirection === direction;
    flow.tunnel = {
      flowId: outer.id,
      backFlowId: direction === ORIGINAL ? -1 : outer.id,
      vni,
      src: forth ? outer.a : outer.b,
      dst: forth ? outer.b : outer.a,
    };
    carry(outer, flow, vni);
    return;
  }
  if (direction !== ORIGINAL) {
    if (tunnel.backFlowId === outer.id) return;
    tunnel.backFlowId = outer.id;
  } else {
    if (tunnel.flowId === outer.id) return;
    tunnel.flowId = outer.id;
    tunnel.src = outerDirection === ORIGINAL ? outer.a : outer.b;
    tunnel.dst = outerDirection === ORIGINAL ? outer.b : outer.a;
  }
  carry(outer, flow, vni);
};

const carry = (outer: Flow, flow: Flow, vni: number): void => {
  outer.carries ??= { vni, flows: [], more: 0 };
  if (outer.carries.flows.includes(flow)) return;
  if (outer.carries.flows.length < NAMED) outer.carries.flows.push(flow);
  else outer.carries.more++;
};
