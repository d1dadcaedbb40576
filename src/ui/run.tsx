/**
 * The way into the UI. React and Ink look at the environment when they are loaded, so that is set right first: React's
 * development build is slow, and with DEV set Ink looks for developer tools.
 */
import type { Workspace } from '../session/state/workspace.ts';
import type { UiOptions } from './ui.ts';

export type { UiOptions };

/** Loads React and Ink, which takes a third of a second: worth beginning while the host is still being read. */
export const loadUi = (): Promise<typeof import('./start.tsx')> =>
  withEnvironment({ NODE_ENV: 'production', DEV: undefined }, () => import('./start.tsx'));

/** Shows the workspace until the person leaves it, and closes it. Gives the exit code: 0, 1 after a defect, 128+n after a signal. */
export const runUi = async (workspace: Workspace, options: UiOptions): Promise<number> => {
  const { startUi } = await loadUi();
  return startUi(workspace, options);
};

/** Runs with other variables, and puts the old ones back: child processes are to see what the person has set. */
const withEnvironment = async <T,>(variables: Readonly<Record<string, string | undefined>>, work: () => Promise<T>): Promise<T> => {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(variables)) set(name, value);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
};
