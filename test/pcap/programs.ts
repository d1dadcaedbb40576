/** Other people's programs, for checking that they and we understand each other. Tests skip where a program is missing. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const has = (...programs: readonly string[]): boolean =>
  programs.every((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0);

/** Whether tests with these programs are run: in CI always, where a missing one is a failure and no reason to skip. */
export const usable = (...programs: readonly string[]): boolean => has(...programs) || process.env['CI'] !== undefined;

/** What a program prints; its complaints (about running as root) go nowhere. */
export const output = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024 });

export const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** A directory for the test's files; remove it at the end. */
export const scratch = (): { file: (name: string, bytes?: Uint8Array) => string; remove: () => void } => {
  const directory = mkdtempSync(join(tmpdir(), 'vethscope-pcap-'));
  return {
    file: (name, bytes) => {
      const path = join(directory, name);
      if (bytes !== undefined) writeFileSync(path, bytes);
      return path;
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
};
