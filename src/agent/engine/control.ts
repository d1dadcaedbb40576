/**
 * Hears the order to stop. It comes on stdin: libpcap's dispatch loop in `cap` does not yield while packets keep coming, so messages and
 * signals would wait, but a descriptor can be looked at from inside. Its end means that the agent is gone.
 */
import { readSync } from 'node:fs';

export class Control {
  /** Set once: the agent wants the engine to stop, or is gone. */
  stopped = false;
  readonly #parent = process.ppid;
  readonly #byte = new Uint8Array(1);

  /** Calls back from the event loop; `look` is for those who do not let it turn. */
  listen(stop: () => void): void {
    const heard = (): void => {
      if (this.stopped) return;
      this.stopped = true;
      stop();
    };
    process.stdin.on('data', heard);
    process.stdin.on('end', heard);
    process.stdin.on('error', heard);
    process.on('disconnect', heard);
  }

  /** True where the engine has to stop. A look costs two system calls. */
  look(): boolean {
    if (this.stopped) return true;
    if (process.ppid !== this.#parent) this.stopped = true;
    else {
      try {
        readSync(0, this.#byte);
        this.stopped = true; // a byte, or the end
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.stopped = true;
      }
    }
    return this.stopped;
  }
}
