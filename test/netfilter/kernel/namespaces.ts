/**
 * A private pair of network namespaces for comparing with the kernel: `sender` puts raw frames on a veth, `host` receives them and has
 * the rules. Nothing outside the two is touched, and both are removed again, also those of a run that was killed.
 */

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseMac } from '../../../src/base/ip-address.ts';
import { namespaceName, removeStaleNamespaces } from '../../namespaces.ts';

/** Of namespaces in which rules are compared with the kernel. */
export const PREFIX = 'vsnf';

/** Writes each line of hex to the interface as one frame, and says so when it is sent. */
const SENDER = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
print('ready', flush=True)
for line in sys.stdin:
    s.send(bytes.fromhex(line.strip()))
    print('sent', flush=True)
`;

export const run = (command: string, args: readonly string[], input = ''): string =>
  execFileSync(command, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

export const SENDER_MAC = '02:42:ac:11:00:02';
export const HOST_MAC = '02:42:ac:11:00:01';
export const HOST_DEVICE = 'vshost0';
/** A second device of the host, 10.78.0.1/24, behind which 10.78.0.9 seems to be: its other end takes no frame for that MAC. */
export const FAR_DEVICE = 'vsfar0';

/** To whom a frame goes: the host's own MAC, all, 224.0.0.1, or somebody behind the host's bridge. */
export type Frame = 'unicast' | 'broadcast' | 'multicast' | 'beyond';

export interface NamespacePair {
  /** Runs a command in the namespace that has the rules. */
  host(command: string, args: readonly string[], input?: string): string;
  sender(command: string, args: readonly string[], input?: string): string;
  send(packet: Uint8Array, frame?: Frame): Promise<void>;
  close(): void;
}

const macBytes = (text: string): number[] => {
  const mac = parseMac(text) as number;
  return [40, 32, 24, 16, 8, 0].map((shift) => Math.floor(mac / 2 ** shift) % 256);
};

export const openPair = async (label: string): Promise<NamespacePair> => {
  removeStaleNamespaces(PREFIX);
  const senderNs = namespaceName(PREFIX, `${label}s`);
  const hostNs = namespaceName(PREFIX, `${label}h`);
  const inNs = (ns: string) => (command: string, args: readonly string[], input?: string) =>
    run('ip', ['netns', 'exec', ns, command, ...args], input);
  const host = inNs(hostNs);
  const sender = inNs(senderNs);
  let child: ChildProcessWithoutNullStreams | null = null;
  const close = (): void => {
    child?.kill();
    for (const ns of [senderNs, hostNs]) {
      try {
        run('ip', ['netns', 'del', ns]);
      } catch (error) {
        process.stderr.write(`could not remove ${ns}: ${String(error)}\n`);
      }
    }
  };
  run('ip', ['netns', 'add', senderNs]);
  run('ip', ['netns', 'add', hostNs]);
  try {
    for (const [ns, exec] of [
      [senderNs, sender],
      [hostNs, host],
    ] as const) {
      exec('sysctl', [
        '-qw',
        'net.ipv6.conf.all.accept_dad=0',
        'net.ipv6.conf.default.accept_dad=0',
        'net.ipv6.conf.default.router_solicitations=0',
        'net.ipv4.conf.all.rp_filter=0',
        'net.ipv4.conf.default.rp_filter=0',
      ]);
      run('ip', ['-n', ns, 'link', 'set', 'lo', 'up']);
    }
    run('ip', [
      '-n',
      senderNs,
      'link',
      'add',
      'vssend0',
      'address',
      SENDER_MAC,
      'type',
      'veth',
      'peer',
      'name',
      HOST_DEVICE,
      'address',
      HOST_MAC,
      'netns',
      hostNs,
    ]);
    for (const [ns, device, four, six] of [
      [senderNs, 'vssend0', '10.77.0.1/24', 'fd77::1/64'],
      [hostNs, HOST_DEVICE, '10.77.0.2/24', 'fd77::2/64'],
    ] as const) {
      run('ip', ['-n', ns, 'addr', 'add', four, 'broadcast', '+', 'dev', device]);
      run('ip', ['-n', ns, 'addr', 'add', six, 'nodad', 'dev', device]);
      run('ip', ['-n', ns, 'link', 'set', device, 'up']);
    }
    run('ip', ['-n', hostNs, 'neigh', 'replace', '10.77.0.1', 'lladdr', SENDER_MAC, 'dev', HOST_DEVICE]);
    run('ip', ['-n', hostNs, '-6', 'neigh', 'replace', 'fd77::1', 'lladdr', SENDER_MAC, 'dev', HOST_DEVICE]);
    run('ip', ['-n', hostNs, 'link', 'add', FAR_DEVICE, 'type', 'veth', 'peer', 'name', 'vsfar1']);
    run('ip', ['-n', hostNs, 'addr', 'add', '10.78.0.1/24', 'dev', FAR_DEVICE]);
    for (const device of [FAR_DEVICE, 'vsfar1']) run('ip', ['-n', hostNs, 'link', 'set', device, 'up']);
    run('ip', ['-n', hostNs, 'neigh', 'replace', '10.78.0.9', 'lladdr', SENDER_MAC, 'dev', FAR_DEVICE]);
    host('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    child = spawn('ip', ['netns', 'exec', senderNs, 'python3', '-u', '-c', SENDER, 'vssend0'], { stdio: 'pipe' });
  } catch (error) {
    close();
    throw error;
  }
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const said = async (): Promise<void> => {
    const { done } = await lines.next();
    if (done === true) throw new Error('the sending program ended');
  };
  await said();
  const destinations = {
    unicast: macBytes(HOST_MAC),
    broadcast: [255, 255, 255, 255, 255, 255],
    multicast: [1, 0, 0x5e, 0, 0, 1],
    beyond: [2, 0x42, 0xac, 0x11, 0, 9],
  };
  return {
    host,
    sender,
    close,
    send: async (packet, frame = 'unicast') => {
      const type = (packet[0] as number) >> 4 === 4 ? [8, 0] : [0x86, 0xdd];
      const bytes = [...destinations[frame], ...macBytes(SENDER_MAC), ...type, ...packet];
      (child as ChildProcessWithoutNullStreams).stdin.write(`${Buffer.from(bytes).toString('hex')}\n`);
      await said();
    },
  };
};
