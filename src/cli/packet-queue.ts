/**
 * Keeps lines in order while some of them wait: a packet is seen before its flow has been judged, and its line is only complete with the
 * verdict. A line waits for its flow's verdict, but never long: a flow that cannot be judged must not hold the others back.
 */

const LONGEST_WAIT_MS = 200;
const MOST_WAITING = 10_000;

interface Waiting {
  /** Null for a line that waits for nothing but its turn. */
  readonly flowId: number | null;
  readonly render: () => string | null;
}

export class PacketQueue {
  readonly #write: (text: string) => void;
  readonly #isJudged: (flowId: number) => boolean;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(write: (text: string) => void, isJudged: (flowId: number) => boolean) {
    this.#write = write;
    this.#isJudged = isJudged;
  }

  /** `render` is called when the line's turn has come; null is no line after all. */
  add(flowId: number | null, render: () => string | null): void {
    if (this.#waiting.length === 0 && this.#isReady(flowId)) {
      this.#tell(render);
      return;
    }
    this.#waiting.push({ flowId, render });
    if (this.#waiting.length >= MOST_WAITING) this.writeAll();
    else this.#timer ??= setTimeout(() => this.writeAll(), LONGEST_WAIT_MS);
  }

  /** Something has been judged: writes what need not wait any more. */
  writeReady(): void {
    let done = 0;
    while (done < this.#waiting.length && this.#isReady((this.#waiting[done] as Waiting).flowId)) {
      this.#tell((this.#waiting[done++] as Waiting).render);
    }
    if (done === this.#waiting.length) this.#clear();
    else if (done > 0) this.#waiting = this.#waiting.slice(done);
  }

  writeAll(): void {
    const waiting = this.#waiting;
    this.#clear();
    for (const { render } of waiting) this.#tell(render);
  }

  #tell(render: () => string | null): void {
    const text = render();
    if (text !== null) this.#write(text);
  }

  #isReady(flowId: number | null): boolean {
    return flowId === null || this.#isJudged(flowId);
  }

  #clear(): void {
    this.#waiting = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
