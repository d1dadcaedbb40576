/** How long a person waits: for the version, for a list, for the first frame of the terminal UI. */
import { existsSync } from 'node:fs';
import { spawn } from 'node-pty';
import type { Group } from './group.ts';
import { LAB_SNAPSHOT } from './hosts.ts';
import { median, most, type Row, type Sample, timedOnce, timeRow } from './measure.ts';
import { mainOf, runTime } from './program.ts';

const REPEATS = 9;
/** A capture with a snapshot in it, so that the UI has something to show without Docker and without root. */
const SESSION = 'captures/samples/isolation-drop-28.5.pcapng';
/** Something that any frame holds, and something that only a flow of that session does. */
const FRAME = 'vethscope';
const FLOW = 'web1';
const PATIENCE_MS = 30_000;

export const start: Group = {
  name: 'start',
  title: 'from the command to the first answer',
  run: async (report) => {
    const main = mainOf();
    const node = process.execPath;
    const bare = await timedOnce(() => runTime(node, ['-e', '0']), REPEATS);
    const beside = (sample: Sample): Partial<Row> => ({
      against: { program: 'node alone', ratio: median(sample.msPerCall) / median(bare.msPerCall) },
    });
    const program = async (name: string, limitMs: number, measure: () => Promise<number>): Promise<void> => {
      const sample = await timedOnce(measure, REPEATS);
      report(timeRow(name, 'ms', sample, { ...most(limitMs), ...beside(sample) }));
    };
    report(timeRow('node -e 0', 'ms', bare, { note: 'what bounds all of these' }));
    await program('--version', 80, () => runTime(node, [main, '--version']));
    await program('list of a saved host', 250, () => runTime(node, [main, '--host', LAB_SNAPSHOT, 'list']));
    await program('first frame of the UI', 450, () => firstFrame(node, [main, '--open', SESSION], FRAME));
    await program('first flow of a saved session in the UI', 600, () => firstFrame(node, [main, '--open', SESSION], FLOW));
    if (isDockerThere()) await program('list of this host', 250, () => runTime(node, [main, 'list']));
  },
};

const isDockerThere = (): boolean => process.env['DOCKER_HOST'] !== undefined || existsSync('/var/run/docker.sock');

const firstFrame = (command: string, args: readonly string[], mark: string): Promise<number> =>
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
      if (tookMs !== null || !shown.includes(mark)) return;
      tookMs = Number(process.hrtime.bigint() - begun) / 1e6;
      pty.kill('SIGTERM');
    });
    pty.onExit(() => {
      clearTimeout(late);
      if (tookMs === null) reject(new Error(`${args.join(' ')} never showed "${mark}":\n${shown.slice(-2000)}`));
      else resolve(tookMs);
    });
  });
