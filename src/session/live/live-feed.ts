/**
 * What the engines of a live capture deliver goes in here: each packet is looked into or, where there are too many (shedding.ts), only
 * counted and saved; and how late they are is told to whoever rests on it.
 */
import type { CaptureCore } from '../capture/capture-core.ts';
import type { Notifier } from '../capture/notifier.ts';
import type { SessionEvent } from '../state/capture-state.ts';
import type { LivePointListener } from './live-point.ts';
import { Shedding } from './shedding.ts';

export interface LiveFeedOptions {
  readonly core: CaptureCore;
  readonly notifier: Notifier;
  readonly isAtLimit: () => boolean;
  /** The last packet that was wanted has come. */
  readonly atLimit: () => void;
  readonly say: (severity: SessionEvent['severity'], text: string) => void;
}

export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #shedding = new Shedding();

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  /** Packets that were only counted: at all points. */
  get overlooked(): number {
    return this.#shedding.packets;
  }

  overlookedAt(point: number): number {
    return this.#shedding.of(point).packets;
  }

  /** For what one point's engine delivers. */
  of(point: number): Pick<LivePointListener, 'packet' | 'chunkDone' | 'counts'> {
    const { core, notifier, isAtLimit, atLimit } = this.#options;
    const { intake } = core;
    const shedding = this.#shedding.of(point);
    let newestMs = 0;
    return {
      packet: (raw) => {
        if (isAtLimit()) return;
        newestMs = raw.timeSec * 1000 + raw.timeNsec / 1e6;
        if (shedding.shed === 'decoding') {
          shedding.packets++;
          intake.countOnly(raw, point, raw.linkType);
        } else intake.ingest(raw, point, raw.linkType);
        if (isAtLimit()) atLimit();
      },
      chunkDone: () => {
        if (newestMs > 0) {
          const ageMs = Date.now() - newestMs;
          core.readLate(Math.max(0, ageMs));
          shedding.heard(ageMs, performance.now());
          this.#tellShed();
        }
        newestMs = 0;
        if (!intake.isHurried) core.verdicts.judgeSome();
        notifier.touch();
      },
      counts: () => {
        core.counts.revision++;
      },
    };
  }

  /** Time passes, with packets or without. */
  tick(): void {
    this.#shedding.passed(performance.now());
    this.#tellShed();
  }

  #tellShed(): void {
    const { core, notifier, say } = this.#options;
    const { isBehind } = this.#shedding;
    notifier.isSlow = isBehind;
    core.intake.isHurried = isBehind;
    const news = this.#shedding.news();
    if (news !== null) say(news.severity, news.text);
  }
}
