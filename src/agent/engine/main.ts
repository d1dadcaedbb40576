/** Entry of a capture engine's process: one capture section, started by the agent, ended by it or with it. */
import { setPriority } from 'node:os';
import { messageOf } from '../../base/errors.ts';
import { netnsOf } from '../processes.ts';
import { CapEngine } from './cap-engine.ts';
import { Control } from './control.ts';
import type { EngineMessage, EngineStart } from './engine-protocol.ts';
import { TcpdumpEngine } from './tcpdump-engine.ts';

/** Long enough for the last message to reach the agent. */
const EXIT_AFTER_MS = 2000;
/**
 * setpriority(2): three times the share of an ordinary process (sched_prio_to_weight). With the highest there is, three engines on a
 * flooded host of two processors left next to nothing to everybody else there.
 */
const RAISED_PRIORITY = -5;

const send = (message: EngineMessage): void => {
  if (process.connected !== true) process.exit(0);
  process.send?.(message, () => {
    if (message.type === 'ended') process.exit(0);
  });
  // inside a loop that does not yield the callback above never comes; the agent ends us then
  if (message.type === 'ended') setTimeout(() => process.exit(0), EXIT_AFTER_MS);
};

/** The kernel's ring holds a few milliseconds of a busy interface: whoever empties it comes early. Without the privilege it goes as it may. */
const comeEarly = (): void => {
  try {
    setPriority(RAISED_PRIORITY);
  } catch {
    // a person without root may not; what is lost then is still counted where the engine can count
  }
};

const start = ({ capture, reach }: EngineStart): void => {
  const control = new Control();
  const { netns } = capture;
  if (reach === null && netns !== null && netnsOf('self') !== netns.id) {
    send({ type: 'ended', end: 'no-interface', message: 'the namespace is not the one that was asked for', hint: null });
    return;
  }
  try {
    const engine = capture.engine === 'cap' ? new CapEngine(capture, control, send) : new TcpdumpEngine(capture, control, send, reach);
    engine.start();
  } catch (error) {
    // main's descriptors are closed to others of the same person where node has file capabilities of its own: proc_pid_fd(5)
    const isDenied = (error as NodeJS.ErrnoException).code === 'EACCES';
    const message = `the engine could not start: ${messageOf(error)}`;
    send({ type: 'ended', end: isDenied ? 'no-privilege' : 'engine-crashed', message, hint: isDenied ? 'run with sudo' : null });
  }
};

Error.stackTraceLimit = 0; // a full pipe is an exception for Node, a thousand times a second
comeEarly();
process.on('disconnect', () => process.exit(0));
process.once('message', (message: EngineStart) => start(message));
