/** Two network namespaces and a veth pair between them: `near` and `far`, on `va` 10.99.0.1 and `vb` 10.99.0.2. Needs root. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import type { CaptureNamespace } from '../../src/agent/protocol.ts';
import { namespaceName, removeStaleNamespaces } from '../namespaces.ts';

const PREFIX = 'vswire';

export class Wire {
  readonly near: string;
  readonly far: string;

  constructor() {
    const id = randomBytes(3).toString('hex');
    removeStaleNamespaces(PREFIX);
    this.near = namespaceName(PREFIX, `${id}-near`);
    this.far = namespaceName(PREFIX, `${id}-far`);
    ip('netns', 'add', this.near);
    ip('netns', 'add', this.far);
    ip('-n', this.near, 'link', 'set', 'lo', 'up');
    this.plug();
  }

  get netns(): CaptureNamespace {
    const path = `/run/netns/${this.near}`;
    return { id: String(statSync(path).ino), pid: null, startTime: null, path };
  }

  /** Makes the pair, and takes it up. */
  plug(): void {
    ip('link', 'add', 'va', 'netns', this.near, 'type', 'veth', 'peer', 'name', 'vb', 'netns', this.far);
    ip('-n', this.near, 'addr', 'add', '10.99.0.1/24', 'dev', 'va');
    ip('-n', this.far, 'addr', 'add', '10.99.0.2/24', 'dev', 'vb');
    this.up();
    ip('-n', this.far, 'link', 'set', 'vb', 'up');
  }

  unplug(): void {
    ip('-n', this.near, 'link', 'del', 'va');
  }

  up(): void {
    ip('-n', this.near, 'link', 'set', 'va', 'up');
  }

  down(): void {
    ip('-n', this.near, 'link', 'set', 'va', 'down');
  }

  /** So many UDP packets from far to near, each one's number as its payload. */
  send(count: number): void {
    const program = `
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(${count}): s.sendto(struct.pack('>I', n), ('10.99.0.1', 9999))`;
    execFileSync('nsenter', [`--net=/run/netns/${this.far}`, '--', 'python3', '-c', program]);
  }

  remove(): void {
    for (const name of [this.near, this.far]) ip('netns', 'del', name);
  }
}

const ip = (...args: readonly string[]): void => {
  execFileSync('ip', [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
};
