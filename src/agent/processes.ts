/** What /proc tells about processes and their namespaces; proc(5), namespaces(7). Null always means "not there or not allowed". */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A namespace file's mount, as mountinfo shows it: `net:[4026532470]` mounted on a path. */
export interface NamespaceMount {
  readonly id: string;
  readonly path: string;
}

export const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

/** The number in `net:[4026532470]`, as text. */
export const namespaceId = (link: string): string | null => /^net:\[(\d+)\]$/.exec(link)?.[1] ?? null;

/** Inode of a process's network namespace. Needs the privilege to trace that process. */
export const netnsOf = (pid: number | 'self'): string | null => {
  try {
    return namespaceId(readlinkSync(`/proc/${pid}/ns/net`));
  } catch {
    return null;
  }
};

/** Why the namespace of a process cannot be read, in words. */
export const netnsProblem = (pid: number): string => {
  try {
    readlinkSync(`/proc/${pid}/ns/net`);
    return 'its namespace has no number';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EPERM') return 'no privilege to look into its process; run as root';
    if (code === 'ENOENT' || code === 'ESRCH') return `process ${pid} is not on this machine (or gone)`;
    return String(code);
  }
};

/** Field 22 of /proc/PID/stat, counted behind the program name, which may itself hold blanks and parentheses. */
export const startTimeOf = (pid: number): string | null => startTimeIn(readText(`/proc/${pid}/stat`) ?? '');

/** The same in what such a file holds. */
export const startTimeIn = (stat: string): string | null => (stat === '' ? null : (fieldsIn(stat).at(19)?.trim() ?? null));

/** The process that began then is there and not just waiting to be buried (state Z). */
export const isRunning = (pid: number, startTime: string): boolean => {
  const fields = statFields(pid);
  return fields !== null && fields[0] !== 'Z' && fields[19] === startTime;
};

const statFields = (pid: number): readonly string[] | null => {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === null ? null : fieldsIn(stat);
};

const fieldsIn = (stat: string): readonly string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

/** True where the process is shown to be the container's own: its cgroup or its mounts (resolv.conf, hosts) carry the container's id. */
export const belongsToContainer = (cgroup: string | null, mountinfo: string | null, containerId: string): boolean | null => {
  if (cgroup?.includes(containerId) || mountinfo?.includes(containerId)) return true;
  if (cgroup === null) return false;
  return /[0-9a-f]{64}/.test(cgroup) ? false : null;
};

/** Network namespaces mounted on files, by a process's mountinfo: `ip netns` names, Docker's and podman's sandboxes. */
export const namespaceMounts = (mountinfo: string): NamespaceMount[] => {
  const mounts: NamespaceMount[] = [];
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const id = namespaceId(fields[3] ?? '');
    const path = fields[4];
    if (id !== null && path !== undefined) mounts.push({ id, path: unescapeMountPath(path) });
  }
  return mounts;
};

/** Processes with this name (`comm`) in the agent's own network namespace. */
export const processesNamed = (name: string, netns: string): number[] =>
  allProcesses().filter((pid) => readText(`/proc/${pid}/comm`)?.trim() === name && netnsOf(pid) === netns);

const allProcesses = (): number[] => {
  try {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number);
  } catch {
    return [];
  }
};

/** mountinfo writes blank, tab, newline and backslash as octal. */
const unescapeMountPath = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
