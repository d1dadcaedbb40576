/** The FIFO that Wireshark makes for a capture, and who is at its other end; fifo(7), open(2). */
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, messageOf } from '../../base/errors.ts';

const LOOK_EVERY_MS = 20;
const READER_WITHIN_MS = 20_000;

/**
 * Waits until Wireshark has opened its end. Opened for writing without a reader, a FIFO would hold one of Node's threads for good, and
 * with it the end of this process. Resolves with the way to let go of the FIFO, once the capture has opened it itself: closed
 * before that, it would look to Wireshark like the end. A plain file, as a person would name, needs no reader.
 */
export const whenRead = async (path: string): Promise<() => void> => {
  if (!isFifo(path)) return () => {};
  const until = performance.now() + READER_WITHIN_MS;
  for (;;) {
    const fd = openIfRead(path);
    if (fd !== null) return () => closeSync(fd);
    if (performance.now() > until) throw failure(`nobody reads the FIFO ${path}`, { hint: 'Wireshark makes it and reads it' });
    await sleep(LOOK_EVERY_MS);
  }
};

/** For use while another descriptor is open on it. */
export const hasReader = (path: string): boolean => {
  try {
    const fd = openIfRead(path);
    if (fd === null) return false;
    closeSync(fd);
    return true;
  } catch {
    // Wireshark takes the FIFO away when it ends.
    return false;
  }
};

const openIfRead = (path: string): number | null => {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return null;
    throw failure(`the FIFO ${path} cannot be written to`, { detail: messageOf(error), cause: error });
  }
};

const isFifo = (path: string): boolean => {
  try {
    return statSync(path).isFIFO();
  } catch {
    // not there yet: it will be a file
    return false;
  }
};
