/** All places where the packets of a conversation can be captured, there and back: the predicted way, and what lies behind its end. */
import { type IpAddress, parseIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import { answerBetween } from '../path/question.ts';
import type { Verdict } from '../path/verdict.ts';
import { byWords, outcomeWord } from '../report/decision.ts';
import { pointById } from '../topology/points.ts';
import type { CapturePoint } from '../topology/topology.ts';
import { placesOf, pointsAt } from '../trail/places.ts';
import type { HostVersion } from './host-store.ts';
import type { PointsBetween } from './state/workspace.ts';

/** @throws a usage error for a name that is not known, a failure for a container that cannot be asked about */
export const pointsBetween = (version: HostVersion, src: string, dst: string): PointsBetween => {
  const { model, topology, facts } = version;
  const { spec, verdict, reply } = answerBetween(model, topology, src, dst, 'icmp');
  const from = parseIp(spec.src);
  const to = parseIp(spec.dst);
  const predicted = `${outcomeWord(verdict.outcome)} by ${byWords(verdict)}`;
  if (from === null || to === null) return { points: [], missing: [], predicted };
  const places = [
    ...placesOf({ src: from, dst: to, verdict }, topology, facts),
    ...(reply === null ? [] : placesOf({ src: answererOf(verdict, to), dst: from, verdict: reply }, topology, facts)),
  ];
  const tunnelled = tunnelDevices(verdict, reply);
  const points = new Map<string, CapturePoint>();
  for (const point of pointsAt(places, topology)) {
    points.set(point.id, tunnelled.has(point.id) ? { ...point, also: 'udp port 4789 or udp port 8472' } : point);
    // What a namespace tells itself belongs to what its container does.
    const loopback = point.kind === 'container' && point.netns !== null ? pointById(topology, `${point.netns}/lo`) : null;
    if (loopback !== null) points.set(loopback.id, loopback);
  }
  const missing = places.filter(({ id }) => pointById(topology, id) === null).map(({ words }) => printable(words));
  return { points: [...points.values()], missing: [...new Set(missing)], predicted };
};

/** Whom the translation of the question leads to. */
const answererOf = (verdict: Verdict, dst: IpAddress): IpAddress => {
  const last = verdict.way?.at(-1);
  return (last === undefined ? null : parseIp(last.dst)) ?? dst;
};

/** Devices that show the packet only inside VXLAN. */
const tunnelDevices = (...verdicts: readonly (Verdict | null)[]): ReadonlySet<string> =>
  new Set(
    verdicts.flatMap((verdict) =>
      (verdict?.way ?? []).flatMap(({ outer, netns, device }) =>
        outer === undefined ? [] : [netns === null ? device : `${netns}/${device}`],
      ),
    ),
  );
