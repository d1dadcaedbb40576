/** Work that is stopped where it does not come to an end, in this thread: node:vm can end what runs, whatever it is. */
import { createContext, Script } from 'node:vm';

/** Far more than the work takes on a busy machine, and what a person may be kept waiting. */
const MOST_MS = 900;

/** Runs the work; throws where it takes too long. */
export type TimeLimit = (work: () => void) => void;

export const timeLimit = (): TimeLimit => {
  const sandbox: { work: () => void } = { work: () => {} };
  const context = createContext(sandbox);
  const script = new Script('work()');
  return (work) => {
    sandbox.work = work;
    script.runInContext(context, { timeout: MOST_MS });
  };
};
