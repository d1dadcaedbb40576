/** A flow's trail as JSON: docs/formats.md, `trail`. Times between places are microseconds, as the stamps of most engines are no finer. */
import { formatIp } from '../base/ip-address.ts';
import type { DirectionTrail, FlowTrail } from '../session/state/flow-verdict.ts';
import type { Stage } from '../trail/book.ts';
import type { TrailStop } from '../trail/trail.ts';
import { epochText } from './time.ts';

/** Fields to be spread into the flow's object; none where one point only was captured. */
export const trailFields = (trail: FlowTrail | null): Record<string, unknown> => {
  if (trail === null) return {};
  return {
    ...(trail.there === null ? {} : directionJson(trail.there)),
    replyTrail: trail.reply === null ? null : directionJson(trail.reply),
    stamps: trail.stamps,
  };
};

const directionJson = ({ trail, words }: DirectionTrail): Record<string, unknown> => ({
  trail: trail.stops.map(stopJson),
  lastSeen: trail.stops[trail.lastSeen]?.place.id ?? null,
  nextExpected: trail.stops[trail.nextExpected]?.place.id ?? null,
  agrees: trail.agrees,
  ...(trail.kind === null ? {} : { disagrees: trail.kind }),
  words,
  recognised: trail.recognised,
  ambiguous: trail.ambiguous,
});

const stopJson = (stop: TrailStop): Record<string, unknown> => ({
  point: stop.place.id,
  name: stop.place.words,
  expected: stop.place.isExpected,
  sight: stop.sight,
  ...(stop.reason === null ? {} : { reason: stop.reason }),
  packets: stop.packets,
  firstSeen: stop.first === null ? null : epochText(stop.first.sec, stop.first.nsec),
  afterMicros: micros(stop.afterNs),
  ...(stop.hop === null
    ? {}
    : {
        hopMicros: {
          count: stop.hop.count,
          mean: micros(stop.hop.meanNs),
          min: micros(stop.hop.minNs),
          max: micros(stop.hop.maxNs),
        },
      }),
  ...(stop.stages.length === 0 ? {} : { as: stop.stages.map(stageJson) }),
});

/** How the packets look there: another flow's addresses where they are translated. */
const stageJson = ({ flow }: Stage): Record<string, unknown> => ({
  flow: flow.id,
  a: endJson(formatIp(flow.a), flow.aPort),
  b: endJson(formatIp(flow.b), flow.bPort),
  ...(flow.tunnel === null ? {} : { tunnel: { vni: flow.tunnel.vni, src: formatIp(flow.tunnel.src), dst: formatIp(flow.tunnel.dst) } }),
});

const endJson = (address: string, port: number): Record<string, unknown> => ({ address, ...(port < 0 ? {} : { port }) });

const micros = (ns: number | null): number | null => (ns === null ? null : Math.round(ns) / 1000);
