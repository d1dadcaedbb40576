/** Where Wireshark looks for extcap programs: it says so itself, and where it does not, its version tells; wireshark(1), tshark(1) `-G folders`. */
import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { missingError } from '../../base/errors.ts';

export interface ExtcapFolder {
  readonly path: string;
  /** Who said so, for the person. */
  readonly source: string;
}

/** From this version on the personal folder lies beside the plugins. */
const BESIDE_PLUGINS = [4, 2] as const;

export const personalFolder = async (env: NodeJS.ProcessEnv): Promise<ExtcapFolder> => {
  const told = await ask('tshark', ['-G', 'folders']);
  const folder = told === null ? null : personalFrom(told);
  if (folder !== null) return { path: folder, source: 'tshark -G folders' };
  for (const program of ['wireshark', 'tshark', 'dumpcap']) {
    const version = versionFrom((await ask(program, ['--version'])) ?? '');
    if (version !== null) return { path: folderOf(version, env), source: `${program} ${version.join('.')}` };
  }
  return { path: folderOf(BESIDE_PLUGINS, env), source: 'no Wireshark found here: that of version 4.2 and later' };
};

export const globalFolder = async (): Promise<ExtcapFolder> => {
  const told = await ask('tshark', ['-G', 'folders']);
  const path = told === null ? null : lineOf(told, /^(?:Global )?Extcap path:\s*(\/.+)$/im);
  if (path !== null) return { path, source: 'tshark -G folders' };
  throw missingError('where the folder for all users is, only tshark says, and it is not here', {
    hint: 'apt-get install tshark, or name the folder: --dir DIR (in Wireshark: Help, About, Folders)',
  });
};

/** Before 4.2 only the folder of the configuration was told, in which the one for extcap lies. */
export const personalFrom = (told: string): string | null => {
  const own = lineOf(told, /^Personal Extcap path:\s*(\/.+)$/im);
  if (own !== null) return own;
  const configuration = lineOf(told, /^Personal configuration:\s*(\/.+)$/im);
  return configuration === null ? null : join(configuration, 'extcap');
};

export const versionFrom = (text: string): readonly [number, number] | null => {
  const found = /\b(\d+)\.(\d+)\.\d+/.exec(text);
  return found === null ? null : [Number(found[1]), Number(found[2])];
};

export const folderOf = ([major, minor]: readonly [number, number], env: NodeJS.ProcessEnv): string => {
  const home = env['HOME'] ?? homedir();
  const isNew = major > BESIDE_PLUGINS[0] || (major === BESIDE_PLUGINS[0] && minor >= BESIDE_PLUGINS[1]);
  return isNew ? join(home, '.local/lib/wireshark/extcap') : join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'wireshark/extcap');
};

const lineOf = (text: string, pattern: RegExp): string | null => pattern.exec(text)?.[1]?.trim() ?? null;

/** What it prints; null where it is not there or fails. */
const ask = async (program: string, args: readonly string[]): Promise<string | null> => {
  try {
    const { stdout } = await promisify(execFile)(program, [...args], { timeout: 15_000 });
    return stdout;
  } catch {
    return null;
  }
};
