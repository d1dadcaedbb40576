/**
 * A host of a few veths in a network namespace of its own, for comparing the path with the kernel: the program itself reads it, and
 * `ip route get` tells what the kernel would do with a packet that comes in. Removed again, also after a run that was killed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readFacts } from '../../../src/host/read-facts.ts';
import { parseSnapshot } from '../../../src/host/read-snapshot.ts';
import type { SnapshotDocument } from '../../../src/host/snapshot.ts';
import { compileHost, type HostModel } from '../../../src/path/model.ts';
import { namespaceName, removeStaleNamespaces } from '../../namespaces.ts';

const PREFIX = 'vspath';
const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

export interface KernelHost {
  readonly netns: string;
  sh(command: string): string;
  /** The host as the program reads it now; `change` adds what a Docker engine would tell. */
  model(change?: (document: SnapshotDocument) => SnapshotDocument): HostModel;
  close(): void;
}

export interface Namespace {
  readonly netns: string;
  sh(command: string): string;
  close(): void;
}

export const openNamespace = (label: string): Namespace => {
  const netns = namespaceName(PREFIX, label);
  execFileSync('ip', ['netns', 'add', netns]);
  return {
    netns,
    sh: (command) =>
      execFileSync('ip', ['netns', 'exec', netns, 'sh', '-ec', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    close: () => {
      execFileSync('ip', ['netns', 'del', netns]);
    },
  };
};

/** Devices d0, d1 and so on, each a veth whose other end, e0 and so on, is up in a namespace without addresses: what comes out there ends there. */
export const openHost = (label: string, devices: number): KernelHost => {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build (npm test does it)`);
  removeStaleNamespaces(PREFIX);
  const { netns, sh, close: closeHost } = openNamespace(label);
  const far = devices === 0 ? null : openNamespace(`${label}-far`);
  const close = (): void => {
    closeHost();
    far?.close();
  };
  try {
    sh(
      'ip link set lo up; sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.default.accept_dad=0',
    );
    far?.sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1');
    for (let at = 0; at < devices; at++) {
      sh(`ip link add d${at} type veth peer name e${at} netns ${far?.netns}; ip link set d${at} up`);
      far?.sh(`ip link set e${at} up`);
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    netns,
    sh,
    close,
    model: (change) => {
      const text = execFileSync(
        'ip',
        ['netns', 'exec', netns, process.execPath, MAIN, 'snapshot', '--docker-host', 'unix:///nonexistent'],
        {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
          maxBuffer: 64 * 1024 * 1024,
        },
      );
      // The far ends of the cables are no part of what is asked about.
      const document = { ...parseSnapshot(text), namespaces: {} };
      return compileHost(readFacts(change === undefined ? document : change(document)));
    },
  };
};
