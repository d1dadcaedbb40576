/** Numbers of processes and namespaces come round again; what was opened by them must be what was meant. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type NetnsFiles, openMountedNetns, openProcessNetns } from '../../src/agent/netns-handle.ts';
import { describeLab } from '../lab/root.ts';

/** A machine of one process: number 42, which began at 1000, in namespace 4026532000. */
class Machine implements NetnsFiles {
  inode = '4026532000';
  startTime: string | null = '1000';
  readonly opened: string[] = [];
  readonly closed: number[] = [];

  open(path: string): number {
    if (path !== '/proc/42/ns/net' && path !== '/run/netns/blue') throw new Error('ENOENT');
    this.opened.push(path);
    return 30;
  }

  inodeOf(): string {
    return this.inode;
  }

  close(fd: number): void {
    this.closed.push(fd);
  }

  startTimeOf(): string | null {
    return this.startTime;
  }
}

const MEANT = { pid: 42, startTime: '1000' };

describe('a handle on a network namespace', () => {
  it('leads in by the open descriptor and closes it once', () => {
    const machine = new Machine();
    const handle = openProcessNetns('4026532000', MEANT, machine);
    expect(handle?.enter).toEqual(['nsenter', `--net=/proc/${process.pid}/fd/30`, '--']);
    expect(machine.closed).toEqual([]);
    handle?.close();
    handle?.close();
    expect(machine.closed).toEqual([30]);
  });

  it('is refused where another process has the number, even in a namespace of the same inode', () => {
    const machine = new Machine();
    machine.startTime = '2000';
    expect(openProcessNetns('4026532000', MEANT, machine)).toBeNull();
    expect(machine.closed).toEqual([30]);
  });

  it('is refused where the process has ended since it was opened', () => {
    const machine = new Machine();
    machine.startTime = null;
    expect(openProcessNetns('4026532000', MEANT, machine)).toBeNull();
    expect(machine.closed).toEqual([30]);
  });

  it('is refused where the process is in another namespace by now', () => {
    const machine = new Machine();
    machine.inode = '4026532999';
    expect(openProcessNetns('4026532000', MEANT, machine)).toBeNull();
    expect(openMountedNetns('4026532000', '/run/netns/blue', machine)).toBeNull();
    expect(machine.closed).toEqual([30, 30]);
  });

  it('asks for the start time only after the namespace is open', () => {
    const machine = new Machine();
    const order: string[] = [];
    const watched: NetnsFiles = {
      open: (path) => {
        order.push('open');
        return machine.open(path);
      },
      inodeOf: () => machine.inodeOf(),
      close: (fd) => machine.close(fd),
      startTimeOf: () => {
        order.push('start time');
        return machine.startTimeOf();
      },
    };
    openProcessNetns('4026532000', MEANT, watched)?.close();
    expect(order).toEqual(['open', 'start time']);
  });

  it('is null where nothing can be opened', () => {
    expect(openProcessNetns('4026532000', { pid: 43, startTime: '1000' }, new Machine())).toBeNull();
    expect(openMountedNetns('4026532000', '/run/netns/red', new Machine())).toBeNull();
  });
});

/**
 * In a namespace of processes of its own, whose next number can be chosen (ns_last_pid): one process in a network of its own ends, and
 * another one, in a network of its own too, gets its number.
 */
const REUSE = `
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync, writeFileSync } from 'node:fs';
const { openProcessNetns } = await import(process.argv[1]);
const { netnsOf, startTimeOf } = await import(process.argv[2]);
const own = netnsOf('self');
const begin = async () => {
  const child = spawn('unshare', ['-n', 'sleep', '60'], { stdio: 'ignore' });
  while (netnsOf(child.pid) === null || netnsOf(child.pid) === own) await new Promise((resolve) => setTimeout(resolve, 5));
  return child;
};
const first = await begin();
const meant = { pid: first.pid, startTime: startTimeOf(first.pid) };
const id = netnsOf(first.pid);
const handle = openProcessNetns(id, meant);
const opened = handle !== null;
first.kill('SIGKILL');
await once(first, 'exit');
const gone = openProcessNetns(id, meant) === null;
const held = readlinkSync(handle.enter[1].slice('--net='.length));
handle.close();
let second;
for (let attempt = 0; attempt < 50 && second?.pid !== meant.pid; attempt++) {
  second?.kill('SIGKILL');
  writeFileSync('/proc/sys/kernel/ns_last_pid', String(meant.pid - 1));
  second = await begin();
}
const reused = second.pid === meant.pid;
const id2 = netnsOf(second.pid);
const taken = openProcessNetns(id2, meant);
const own2 = openProcessNetns(id2, { pid: second.pid, startTime: startTimeOf(second.pid) });
console.log(JSON.stringify({ opened, gone, held: held === 'net:[' + id + ']', reused, refused: taken === null, theirs: own2 !== null }));
second.kill('SIGKILL');
process.exit(0);
`;

const compiled = (name: string): string => fileURLToPath(new URL(`../../dist/agent/${name}.js`, import.meta.url));

describeLab('a process that has got the number of another one', () => {
  it('is not taken for it, and a held namespace outlives its process', { timeout: 60_000 }, () => {
    const output = execFileSync(
      'unshare',
      [
        ...['--pid', '--fork', '--kill-child', '--mount-proc', '--net', '--'],
        ...[process.execPath, '--input-type=module', '-e', REUSE, compiled('netns-handle'), compiled('processes')],
      ],
      { encoding: 'utf8' },
    );
    expect(JSON.parse(output)).toEqual({ opened: true, gone: true, held: true, reused: true, refused: true, theirs: true });
  });
});
