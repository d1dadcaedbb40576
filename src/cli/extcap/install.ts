/** `vethscope install-extcap`: a launcher of a few lines in Wireshark's folder, and away again. Nothing else is touched. */
import { constants } from 'node:fs';
import { chmod, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { failure, messageOf, usageError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { shellWord } from '../../base/shell-word.ts';
import type { CommandContext } from '../context.ts';
import { type ExtcapFolder, globalFolder, personalFolder } from './folders.ts';
import { rootCommand } from './privilege.ts';
import { configSentences, linkTypeSentence } from './sentences.ts';

export interface InstallOptions {
  readonly dir?: string;
  readonly system?: boolean;
  readonly remove?: boolean;
  readonly sudoers?: boolean;
}

const FILE_NAME = 'vethscope';
/** By which a launcher of ours is known. */
const MARK = '# Written by vethscope install-extcap; vethscope install-extcap --remove takes it away.';

export const runInstallExtcap = async (options: InstallOptions, context: CommandContext): Promise<number> => {
  const { terminal, globals } = context;
  if (options.dir !== undefined && options.system === true) throw usageError('--dir and --system name two folders');
  if (options.sudoers === true) {
    terminal.line(sudoersLine(userInfo().username, rootCommand()));
    terminal.remark('put it into a file: sudo visudo -f /etc/sudoers.d/vethscope-extcap');
    terminal.remark('whoever may write to the two files that it names becomes root by it: they should be root’s');
    return 0;
  }
  const folder = await folderFor(options);
  const path = join(folder.path, FILE_NAME);
  const found = await readLauncher(path);
  if (found !== null && !found.includes(MARK))
    throw failure(`${path} is there and was not written by vethscope`, { hint: 'move it away, or choose another folder with --dir' });
  if (options.remove === true) {
    if (found === null) terminal.remark(printable(`nothing to remove: ${path} is not there`));
    else {
      await attempt(`removing ${path}`, () => rm(path));
      terminal.line(printable(`removed ${path}`));
    }
    return 0;
  }
  const given = globals.dockerHost === undefined ? [] : ['--docker-host', globals.dockerHost];
  await attempt(`writing ${path}`, async () => {
    await mkdir(folder.path, { recursive: true });
    await replace(path, launcher([...rootCommand(), ...given]));
  });
  terminal.line(printable(`${found === null ? 'installed' : 'renewed'} ${path}`));
  terminal.remark(printable(`the folder is that of ${folder.source}`));
  terminal.remark('tshark -D lists the containers now; in Wireshark: Capture, Refresh Interfaces');
  return 0;
};

const folderFor = async ({ dir, system }: InstallOptions): Promise<ExtcapFolder> => {
  if (dir !== undefined) return { path: dir, source: '--dir' };
  if (system === true) return globalFolder();
  if ((process.env['SUDO_UID'] ?? '') !== '')
    throw usageError('without --system it is for your own Wireshark, not for that of root', { hint: 'leave out sudo, or add --system' });
  return personalFolder(process.env);
};

/** Wireshark asks these two questions once an interface each time it starts: a shell answers sooner than Node. */
export const launcher = (command: readonly string[]): string => `#!/bin/sh
${MARK}
case " $* " in
*' --capture '*) ;;
*' --extcap-config '*)
  cat <<'END'
${configSentences().join('\n')}
END
  exit ;;
*' --extcap-dlts '*)
  echo '${linkTypeSentence()}'
  exit ;;
esac
exec ${command.map(shellWord).join(' ')} "$@"
`;

/** sudoers(5): these characters are its own. */
export const sudoersLine = (user: string, command: readonly string[]): string =>
  `${user} ALL=(root) NOPASSWD: ${command.map((word) => word.replace(/[\\,:= \t"!@*?[\]]/g, '\\$&')).join(' ')} *`;

/** Null where there is none. What is no plain file is nobody's launcher. */
const readLauncher = async (path: string): Promise<string | null> => {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return (await file.stat()).isFile() ? await file.readFile('utf8') : '';
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    if (code === 'ELOOP') return '';
    throw failure(`${path} cannot be read`, { detail: messageOf(error), cause: error });
  }
};

/** Wireshark may be starting it at this moment: it finds the old one or the new one whole. */
const replace = async (path: string, text: string): Promise<void> => {
  const part = `${path}.${process.pid}`;
  try {
    await writeFile(part, text, { mode: 0o755, flag: 'wx' });
    await chmod(part, 0o755);
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
};

const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    throw failure(`${what} failed`, {
      detail: messageOf(error),
      hint: 'sudo is needed for --system; --dir names another folder',
      cause: error,
    });
  }
};
