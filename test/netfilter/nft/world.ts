/**
 * A host in namespaces: two bridges with two neighbours each and an uplink to somebody outside. Its rules are native nftables; packets are
 * sent between all of them, and the kernel's trace of each is set beside the verdict.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFacts } from '../../../src/host/read-facts.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../../src/host/snapshot.ts';
import { compileHost, type HostModel } from '../../../src/path/model.ts';
import type { TraceEvent } from '../../../src/trace/event.ts';
import { NftMonitorReader } from '../../../src/trace/nft-monitor.ts';
import { namespaceName, removeStaleNamespaces } from '../../namespaces.ts';
import { PREFIX, run } from '../kernel/namespaces.ts';

/** Everybody's address; a container's device at the host is `v` and its name. */
export const PEOPLE = {
  web: { address: '192.0.2.2', bridge: 'br1', gateway: '192.0.2.1' },
  db: { address: '192.0.2.3', bridge: 'br1', gateway: '192.0.2.1' },
  app: { address: '172.17.0.2', bridge: 'br0', gateway: '172.17.0.1' },
  job: { address: '172.17.0.3', bridge: 'br0', gateway: '172.17.0.1' },
  outside: { address: '203.0.113.2', bridge: null, gateway: '203.0.113.1' },
} as const;

export type Person = keyof typeof PEOPLE;

/** The tracer's own chain, in front of all others. */
const TRACER = `
table inet vstrace {
  chain first { type filter hook prerouting priority -500; meta nftrace set 1; }
  chain own { type filter hook output priority -500; meta nftrace set 1; }
}
`;

/** The same where frames are. With many packets at once the kernel's trace ids of frames and packets run into each other. */
export const FRAME_TRACER = `
table bridge vstrace { chain first { type filter hook prerouting priority -500; meta nftrace set 1; }; }
table netdev vstrace { chain first { type filter hook ingress device "eth0" priority -500; meta nftrace set 1; }; }
`;

const COMMANDS = [
  'link',
  'address',
  'route4',
  'route6',
  'rule4',
  'rule6',
  'neighbour',
  'fdb',
  'bridgeLink',
  'iptablesNft',
  'ip6tablesNft',
  'nft',
  'nftChains',
  'sysctl',
] as const;

const GREETING = `
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', (sys.argv[1], 9)); time.sleep(0.15)
`;

export interface FirstPacket {
  readonly from: Person | 'host';
  readonly protocol: 'tcp' | 'udp';
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
}

/** Nobody listens anywhere, so that no connection outlives its first packet. */
const SENDER = `
import json, socket, sys
kept = []
for packet in json.loads(sys.argv[1]):
  s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if packet['protocol'] == 'tcp' else socket.SOCK_DGRAM)
  s.setblocking(False); s.bind(('', packet['sport'])); kept.append(s)
  try:
    s.connect((packet['dst'], packet['dport']))
    s.send(b'x')
  except OSError: pass
`;

export class World {
  readonly #made: string[] = [];
  #monitor: ChildProcessWithoutNullStreams | null = null;
  #reader = new NftMonitorReader();
  #events: TraceEvent[] = [];

  open(): void {
    removeStaleNamespaces(PREFIX);
    const host = this.#name('host');
    for (const name of ['host', ...Object.keys(PEOPLE)]) {
      run('ip', ['netns', 'add', this.#name(name)]);
      this.#made.push(this.#name(name));
      run('ip', ['-n', this.#name(name), 'link', 'set', 'lo', 'up']);
    }
    this.host('sysctl', [
      '-qw',
      'net.ipv4.ip_forward=1',
      'net.ipv4.conf.all.rp_filter=0',
      'net.ipv4.conf.default.rp_filter=0',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.default.disable_ipv6=1',
    ]);
    for (const [bridge, address] of [
      ['br1', '192.0.2.1/24'],
      ['br0', '172.17.0.1/16'],
    ] as const) {
      run('ip', ['-n', host, 'link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0']);
      run('ip', ['-n', host, 'addr', 'add', address, 'dev', bridge]);
      run('ip', ['-n', host, 'link', 'set', bridge, 'up']);
    }
    for (const [name, { address, bridge, gateway }] of Object.entries(PEOPLE)) {
      const own = this.#name(name);
      const port = name === 'outside' ? 'eth0' : `v${name}`;
      run('ip', ['-n', host, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', own]);
      run('ip', ['-n', own, 'addr', 'add', `${address}/${bridge === 'br0' ? 16 : 24}`, 'dev', 'eth0']);
      run('ip', ['-n', own, 'link', 'set', 'eth0', 'up']);
      if (bridge === null) run('ip', ['-n', host, 'addr', 'add', '203.0.113.1/24', 'dev', port]);
      else run('ip', ['-n', host, 'link', 'set', port, 'master', bridge]);
      run('ip', ['-n', host, 'link', 'set', port, 'up']);
      run('ip', ['-n', own, 'route', 'add', 'default', 'via', gateway]);
      // So that both know each other's MAC address before anything is asked.
      run('ip', ['netns', 'exec', own, 'python3', '-c', GREETING, gateway]);
    }
  }

  /** The host with these rules and nothing that traces. */
  arrange(rules: string): HostModel {
    this.#stopMonitor();
    this.host('nft', ['-f', '-'], `flush ruleset\n${rules}`);
    return this.model();
  }

  /** The host as it is now. */
  model(): HostModel {
    return compileHost(readFacts(this.#snapshot()));
  }

  load(rules: string): HostModel {
    const model = this.arrange(`${TRACER}${rules}`);
    this.#monitor = spawn('ip', ['netns', 'exec', this.#name('host'), 'nft', '-a', 'monitor', 'trace'], { stdio: 'pipe' });
    this.#reader = new NftMonitorReader();
    this.#monitor.stdout.on('data', (chunk: Buffer) => this.#events.push(...this.#reader.push(String(chunk))));
    return model;
  }

  host(command: string, args: readonly string[], input = ''): string {
    return run('ip', ['netns', 'exec', this.#name('host'), command, ...args], input);
  }

  rules(): string {
    return this.host('nft', ['-a', '-j', 'list', 'ruleset']);
  }

  /** Sends packets and does not ask what became of them. */
  put(from: Person | 'host', packets: readonly FirstPacket[]): void {
    run('ip', ['netns', 'exec', this.#name(from), 'python3', '-c', SENDER, JSON.stringify(packets)]);
  }

  /** Sends the first packets of connections, and gives all that the kernel said in that time. */
  async send(packets: readonly FirstPacket[]): Promise<readonly TraceEvent[]> {
    this.#events = [];
    for (const from of new Set(packets.map((packet) => packet.from))) {
      this.put(
        from,
        packets.filter((packet) => packet.from === from),
      );
    }
    for (let waited = 0, count = -1; waited < 100 && (count !== this.#events.length || count === 0); waited++) {
      count = this.#events.length;
      await pause(50);
    }
    return [...this.#events, ...this.#reader.end()];
  }

  close(): void {
    this.#stopMonitor();
    for (const name of this.#made.splice(0)) run('ip', ['netns', 'del', name]);
  }

  #stopMonitor(): void {
    this.#monitor?.kill();
    this.#monitor = null;
  }

  #name(of: string): string {
    return namespaceName(PREFIX, `w${of}`);
  }

  #snapshot(): SnapshotDocument {
    const raw: Record<string, string> = {};
    for (const command of COMMANDS) {
      const [program, ...args] = SNAPSHOT_COMMANDS[command].split(' ') as [string, ...string[]];
      raw[SNAPSHOT_COMMANDS[command]] = this.host(program, args);
    }
    for (const command of ['legacyTables4', 'legacyTables6'] as const) raw[SNAPSHOT_COMMANDS[command]] = '';
    return { vethscope: 1, takenAt: '', host: 'world', namespaces: {}, docker: {}, raw } as unknown as SnapshotDocument;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
