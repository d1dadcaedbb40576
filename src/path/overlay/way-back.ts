/**
 * The answer to a frame that left by a tunnel for a host whose facts are not at hand: who answers there is not seen, yet its packet must
 * come in here like any other, through PREROUTING and INPUT, out of the tunnel's device and to whom asked.
 */
import { parseIp } from '../../base/ip-address.ts';
import { entryOf } from '../entry.ts';
import { journey, type Trip } from '../journey/journey.ts';
import { entering, specAt } from '../journey/legs.ts';
import type { PacketSpec, TunnelPacket } from '../verdict.ts';
import { type Beyond, undetermined, type Walk, walkWith } from '../walk.ts';
import { outerSpec, sendOuter } from './outer.ts';

/** `answer`: the answer's walk before anything has happened to it. */
export const answerByTunnel = (
  trip: Trip,
  { tunnel, netns, device, srcMac, mac }: Beyond,
  spec: PacketSpec,
  answer: Walk,
): readonly Walk[] => {
  const { root, explain } = trip;
  const inside = netns === null ? root : root.inside(netns);
  const back: TunnelPacket = { ...tunnel, src: tunnel.dst, dst: tunnel.src };
  const from = parseIp(back.src);
  const entry = from === null ? null : entryOf(root, from);
  if (inside === null || entry === null || entry.kind !== 'device') {
    return [undetermined(answer, { kind: 'route', text: `from ${back.src}` }, `where packets of ${back.src} come in is not known`)];
  }
  const arrival = { dev: device, srcMac: mac, dstMac: srcMac };
  return sendOuter(root, answer, { ...outerSpec(back, null), in: entry.dev }, back, explain).flatMap(({ told }) => {
    if (told.end?.outcome !== 'accept' || told.end.out !== 'local') return [told];
    const begun = entering(inside, walkWith(told, { end: null }), spec, arrival);
    return journey(trip, inside, specAt(spec, begun, arrival), begun);
  });
};
