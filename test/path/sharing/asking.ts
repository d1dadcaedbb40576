/** Questions about captured packets as the session asks them: through a cache, and for themselves. */
import { ipv4 } from '../../../src/base/ip-address.ts';
import type { Packet } from '../../../src/packet/packet.ts';
import { judgeBoth } from '../../../src/path/judge.ts';
import type { HostModel } from '../../../src/path/model.ts';
import { specOfPacket } from '../../../src/path/origin/origin.ts';
import { type Answer, JudgeCache, type SharedAnswer } from '../../../src/path/sharing/judge-cache.ts';
import type { Verdict } from '../../../src/path/verdict.ts';
import type { CapturePoint, Topology } from '../../../src/topology/topology.ts';

export const pointAt = (topology: Topology, device: string): CapturePoint => {
  const point = topology.points.find((entry) => entry.interface === device && entry.netns === null);
  if (point === undefined) throw new Error(`no capture point ${device}`);
  return point;
};

/** What is answered about the packet where nobody else's answer is at hand. */
export const askAlone = (model: HostModel, packet: Packet, point: CapturePoint): Answer => {
  const question = specOfPacket(model, packet, point);
  if ('unknown' in question)
    return { verdict: unknown(question.unknown), reply: null, assumptions: [], stays: true, wantsConnections: true };
  const { spec, assumptions } = question;
  return { ...judgeBoth(model, spec), assumptions, stays: spec.state !== undefined, wantsConnections: assumptions.length > 0 };
};

const unknown = (text: string): Verdict => ({
  outcome: 'undetermined',
  decidedBy: { kind: 'default', text },
  nat: [],
  out: null,
  steps: [],
  unknowns: [text],
  evidence: 'predicted',
});

/** A cache that counts how often it had to ask. */
export class Asker {
  readonly #model: HostModel;
  readonly #cache: JudgeCache;
  asked = 0;

  constructor(model: HostModel) {
    this.#model = model;
    this.#cache = new JudgeCache(model);
  }

  ask(packet: Packet, point: CapturePoint): SharedAnswer {
    const nobody = { a: ipv4(0), b: ipv4(0) };
    return this.#cache.answer(packet, nobody, point, 0, () => {
      this.asked++;
      return askAlone(this.#model, packet, point);
    });
  }
}
