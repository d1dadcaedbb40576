/** What moves on the links of the picture: the kernel's counters of the host's interfaces, and the verdicts of what is captured. */
import type { CaptureView } from '../../session/state/capture-view.ts';
import type { FlowRow } from '../../session/state/flow-row.ts';
import type { HostState } from '../../session/state/host-state.ts';
import { deviceId, HOST_ID, namespaceId } from '../../topology/graph/graph.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { Load } from '../picture/loads.ts';
import type { UiState, WatchScreen } from './screens.ts';

/** Packets a second whose verdict is a drop or a refusal, by the device where they were captured. */
export interface RefusedRates {
  readonly byDevice: ReadonlyMap<string, number>;
  /** Of those, what the host itself decides, and not another namespace. */
  readonly byHost: number;
}

export const NOTHING_REFUSED: RefusedRates = { byDevice: new Map(), byHost: 0 };

/** The capture that runs, on the screen or behind it. */
export const shownCapture = (state: UiState): CaptureView | null => {
  const watch = state.stack.find((screen): screen is WatchScreen => screen.kind === 'watch') ?? state.background;
  return watch?.capture ?? null;
};

const deviceOfPoint = (point: CapturePoint): string => deviceId(point.netns === null ? HOST_ID : namespaceId(point.netns), point.interface);

export const capturedDevices = (state: UiState): ReadonlySet<string> => {
  const running = shownCapture(state)?.getState();
  if (running === undefined || running.finished || running.file !== null) return new Set();
  return new Set(running.points.filter(({ status }) => status === 'capturing').map(({ point }) => deviceOfPoint(point)));
};

export const loadsOf = (host: HostState, refused: RefusedRates): ReadonlyMap<string, Load> => {
  const loads = new Map<string, Load>();
  for (const [name, rates] of host.traffic ?? []) {
    const id = deviceId(HOST_ID, name);
    loads.set(id, { packets: rates.at(-1) ?? null, lost: host.dropped?.get(name) ?? 0, refused: refused.byDevice.get(id) ?? 0 });
  }
  for (const [id, rate] of refused.byDevice) if (!loads.has(id)) loads.set(id, { packets: null, lost: 0, refused: rate });
  return loads;
};

/** Flows looked at in a second; of more the newest. */
const MOST_FLOWS = 1_000;

/** Counts what the flows' verdicts refuse, once a second. */
export class RefusedMeter {
  #counted = new Map<number, number>();
  #capture: CaptureView | null = null;
  #atMs = 0;
  rates: RefusedRates = NOTHING_REFUSED;

  sample(capture: CaptureView | null, nowMs: number): void {
    const isFirst = capture !== this.#capture;
    const seconds = (nowMs - this.#atMs) / 1000;
    this.#capture = capture;
    this.#atMs = nowMs;
    const state = capture?.getState();
    if (capture === null || state === undefined || state.finished || state.file !== null) {
      this.#counted = new Map();
      this.rates = NOTHING_REFUSED;
      return;
    }
    const before = this.#counted;
    this.#counted = new Map();
    const byDevice = new Map<string, number>();
    let byHost = 0;
    const { rows } = capture.flows({ sort: 'last', descending: true, search: '', offset: 0, limit: MOST_FLOWS });
    for (const row of rows) {
      const count = refusedPackets(row);
      const point = state.points[row.flow.interfaceId]?.point;
      if (count === null || point === undefined) continue;
      this.#counted.set(row.flow.id, count);
      // A flow that is new since the last look has all its packets in this second.
      const added = count - (before.get(row.flow.id) ?? 0);
      if (isFirst || seconds <= 0 || added <= 0) continue;
      const device = deviceOfPoint(point);
      byDevice.set(device, (byDevice.get(device) ?? 0) + added / seconds);
      if ((row.verdict?.verdict.decidedBy.namespace ?? null) === null) byHost += added / seconds;
    }
    this.rates = { byDevice, byHost };
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['drop', 'reject']);

/** Packets of the directions whose verdict is a refusal; null where neither's is. */
const refusedPackets = ({ flow, verdict }: FlowRow): number | null => {
  if (verdict === null) return null;
  const there = REFUSALS.has(verdict.verdict.outcome);
  const reply = verdict.reply !== null && REFUSALS.has(verdict.reply.outcome);
  return there || reply ? (there ? flow.packets[0] : 0) + (reply ? flow.packets[1] : 0) : null;
};
