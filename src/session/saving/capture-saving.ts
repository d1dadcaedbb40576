/** Saving as it is begun and ended while a capture goes on: all its packets, or those of some flows. */
import { failure } from '../../base/errors.ts';
import { savedTo } from '../../report/summary-lines.ts';
import type { CaptureCore } from '../capture/capture-core.ts';
import type { CaptureGap, SavingState } from '../state/capture-state.ts';
import { LiveSaving, type SavingSource } from './live-saving.ts';
import type { SaveOptions } from './save-options.ts';
import { SelectedSink } from './selected-sink.ts';

interface Running {
  readonly saving: LiveSaving;
  /** Null where all packets are saved. */
  readonly selected: SelectedSink | null;
  readonly stopSelecting: () => void;
}

export class CaptureSaving {
  readonly #core: CaptureCore;
  readonly #source: SavingSource;
  #running: Running | null = null;
  /** What became of a saving that failed, or that went on to the end. */
  #past: SavingState | null = null;

  constructor(core: CaptureCore, source: SavingSource) {
    this.#core = core;
    this.#source = source;
  }

  get state(): SavingState | null {
    return this.#running?.saving.state ?? this.#past;
  }

  async start(path: string, options: SaveOptions): Promise<void> {
    const before = this.#running?.saving.state ?? null;
    if (before !== null && before.error === null) throw failure(`already saving to ${before.path}`, { hint: 'stop that first' });
    if (before !== null) await this.stop();
    const { answers, observers, intake } = this.#core;
    const saving = await LiveSaving.open(path, this.#source, options);
    const selected = options.only == null ? null : new SelectedSink(saving, options.only, answers);
    const stopSelecting = selected === null ? () => {} : observers.add(selected.observer);
    this.#running = { saving, selected, stopSelecting };
    intake.sink = selected ?? saving;
    this.#source.say('info', `saving to ${saving.state.path}`);
  }

  async stop(): Promise<void> {
    if (this.#running === null) return;
    const state = await this.#finish(this.#running);
    if (hasFailed(state)) this.#past = state;
    else if (state.path !== '-') this.#source.say('info', `saved ${state.packets} packets to ${savedTo(state)}`);
  }

  /** The capture is over. What became of its saving stays known. */
  async end(): Promise<void> {
    if (this.#running !== null) this.#past = await this.#finish(this.#running);
  }

  /** The facts have changed. */
  facts(): void {
    this.#running?.saving.facts();
  }

  tick(): void {
    this.#running?.saving.tick();
  }

  /**
   * A point listens, for the first time or again. After a gap what comes may come from another device, or through another filter: its
   * description tells of the gap.
   */
  describe(point: number, linkType: number, gap: CaptureGap | null): void {
    if (gap !== null) this.#running?.saving.leave(point);
    this.#running?.saving.describe(point, linkType);
  }

  async #finish({ saving, selected, stopSelecting }: Running): Promise<SavingState> {
    this.#core.intake.sink = null;
    selected?.finish();
    stopSelecting();
    await saving.close();
    this.#running = null;
    this.#past = null;
    return saving.state;
  }
}

const hasFailed = ({ error, notSaved }: SavingState): boolean => error !== null || notSaved.packets > 0;
