/**
 * SIGINT, SIGTERM and SIGHUP ask a command to end cleanly. Who asks again later means it: then the signal takes its default course. What
 * follows at once is the same request once more: timeout(1) signals its child and then its whole group.
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SAME_REQUEST_MS = 500;

/** Settles at the first signal. */
export const onInterrupt = (): Promise<void> =>
  new Promise((resolve) => {
    let firstAt: number | null = null;
    const listener = (signal: NodeJS.Signals): void => {
      if (firstAt === null) {
        firstAt = performance.now();
        resolve();
      } else if (performance.now() - firstAt > SAME_REQUEST_MS) {
        for (const name of SIGNALS) process.off(name, listener);
        process.kill(process.pid, signal);
      }
    };
    for (const name of SIGNALS) process.on(name, listener);
  });
