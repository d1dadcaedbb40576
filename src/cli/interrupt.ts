/** SIGINT, SIGTERM and SIGHUP ask a command to end cleanly. Who asks twice means it: then the default action takes its course. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Settles at the first signal. */
export const onInterrupt = (): Promise<void> =>
  new Promise((resolve) => {
    const listener = (): void => {
      for (const signal of SIGNALS) process.off(signal, listener);
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, listener);
  });
