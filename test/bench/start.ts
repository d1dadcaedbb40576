/** How long a person waits: for the version, for a list, for the first frame of the terminal UI. */
import { spawn } from 'node-pty';
import type { Group } from './group.ts';
import { LAB_SNAPSHOT } from './hosts.ts';
import { timedOnce, timeRow } from './measure.ts';
import { mainOf, runTime } from './program.ts';

const REPEATS = 9;
/** A capture with a snapshot in it, so that the UI has something to show without Docker and without root. */
const SESSION = 'captures/samples/isolation-drop-28.5.pcapng';
/** Something that only a drawn frame of that session holds. */
const MARK = 'web1';
const PATIENCE_MS = 30_000;

export const start: Group = {
  name: 'start',
  title: 'from the command to the first answer',
  run: async (report) => {
    const main = mainOf();
    const node = process.execPath;
    report(timeRow('node -e 0', 'ms', await timedOnce(() => runTime(node, ['-e', '0']), REPEATS)));
    report(timeRow('--version', 'ms', await timedOnce(() => runTime(node, [main, '--version']), REPEATS)));
    report(timeRow('list', 'ms', await timedOnce(() => runTime(node, [main, '--host', LAB_SNAPSHOT, 'list']), REPEATS)));
    report(timeRow('first frame of the UI', 'ms', await timedOnce(() => firstFrame(node, [main, '--open', SESSION]), REPEATS)));
  },
};

const firstFrame = (command: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const begun = process.hrtime.bigint();
    const env: Record<string, string | undefined> = { ...process.env, TERM: 'xterm-256color', LANG: 'C.UTF-8' };
    for (const name of ['CI', 'NO_COLOR', 'NODE_ENV']) delete env[name];
    const pty = spawn(command, [...args], { cols: 120, rows: 40, env: env as Record<string, string> });
    let shown = '';
    let tookMs: number | null = null;
    const late = setTimeout(() => pty.kill(), PATIENCE_MS);
    pty.onData((data) => {
      shown += data;
      if (tookMs !== null || !shown.includes(MARK)) return;
      tookMs = Number(process.hrtime.bigint() - begun) / 1e6;
      pty.kill('SIGTERM');
    });
    pty.onExit(() => {
      clearTimeout(late);
      if (tookMs === null) reject(new Error(`${args.join(' ')} never showed "${MARK}":\n${shown.slice(-2000)}`));
      else resolve(tookMs);
    });
  });
