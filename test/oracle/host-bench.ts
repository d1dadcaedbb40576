/**
 * The host under test and the wires around it: `host` is a namespace with routed interfaces and two bridges, `wire` holds the other ends,
 * which have no addresses and answer nothing; what neighbours and bridge ports lead to is written down instead of being learnt.
 */

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TraceEvent } from '../../src/trace/event.ts';
import { NftMonitorReader } from '../../src/trace/nft-monitor.ts';
import { namespaceName, removeStaleNamespaces } from '../namespaces.ts';

const PREFIX = 'vsor';

export interface Port {
  /** In the host. */
  readonly dev: string;
  /** The other end. */
  readonly wire: string;
  readonly bridge: string | null;
  /** Who is out there. */
  readonly peers: readonly { readonly mac: string; readonly four: string; readonly six: string }[];
}

const peer = (net: number, host: number): Port['peers'][number] => ({
  mac: `02:00:00:00:${net.toString(16).padStart(2, '0')}:${host.toString(16).padStart(2, '0')}`,
  four: net === 0 ? `203.0.113.${host}` : `10.${net}.0.${host}`,
  six: `fd${net.toString(16).padStart(2, '0')}::${host.toString(16)}`,
});

/** 203.0.113.254 is the gateway. */
export const PORTS: readonly Port[] = [
  { dev: 'eth0', wire: 'w0', bridge: null, peers: [peer(0, 254), peer(0, 9)] },
  { dev: 'r1', wire: 'w1', bridge: null, peers: [peer(20, 2), peer(20, 3)] },
  { dev: 'p1', wire: 'w2', bridge: 'br0', peers: [peer(30, 11)] },
  { dev: 'p2', wire: 'w3', bridge: 'br0', peers: [peer(30, 12), peer(30, 13)] },
  { dev: 'q1', wire: 'w4', bridge: 'br1', peers: [peer(40, 11)] },
  { dev: 'q2', wire: 'w5', bridge: 'br1', peers: [peer(40, 12)] },
];

/** Devices of the host that have addresses. */
export const DEVICES = [
  { dev: 'eth0', mac: '02:00:00:00:00:01', four: '203.0.113.1', six: 'fd00::1' },
  { dev: 'r1', mac: '02:00:00:00:14:01', four: '10.20.0.1', six: 'fd14::1' },
  { dev: 'br0', mac: '02:00:00:00:1e:01', four: '10.30.0.1', six: 'fd1e::1' },
  { dev: 'br1', mac: '02:00:00:00:28:01', four: '10.40.0.1', six: 'fd28::1' },
] as const;

export interface Injected {
  /** Frames that came out of the host: by which wire, and the bytes in hex. */
  readonly found: readonly (readonly [string, string])[];
  /** Records of legacy TRACE. */
  readonly nflog: readonly string[];
  readonly errors: readonly (readonly [number, string])[];
  readonly lost: number;
}

export type CommandResult = readonly [code: number, stdout: string, stderr: string];

const sh = (command: string, input = ''): string =>
  execFileSync('bash', ['-ec', command], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

const topology = (host: string, wire: string): string => {
  const lines = [
    `ip netns add ${host}`,
    `ip netns add ${wire}`,
    `ip netns exec ${wire} sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1`,
    `ip netns exec ${host} sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0 net.ipv6.conf.default.addr_gen_mode=1 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0`,
    `ip -n ${host} link set lo up`,
  ];
  for (const bridge of ['br0', 'br1']) {
    const mac = DEVICES.find(({ dev }) => dev === bridge)?.mac ?? '';
    lines.push(`ip -n ${host} link add ${bridge} address ${mac} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`);
  }
  for (const { dev, wire: end, bridge } of PORTS) {
    const mac = DEVICES.find((each) => each.dev === dev)?.mac;
    lines.push(`ip -n ${host} link add ${dev} ${mac === undefined ? '' : `address ${mac}`} type veth peer name ${end} netns ${wire}`);
    if (bridge !== null) lines.push(`ip -n ${host} link set ${dev} master ${bridge}`);
    // Nothing but what is injected shall be on the wires.
    lines.push(
      `ip -n ${host} link set ${dev} arp off`,
      `ip -n ${wire} link set ${end} arp off up promisc on`,
      `ip -n ${host} link set ${dev} up`,
    );
  }
  for (const { dev, four, six } of DEVICES) {
    lines.push(
      `ip -n ${host} link set ${dev} up arp on`,
      `ip -n ${host} addr add ${four}/24 broadcast + dev ${dev}`,
      `ip -n ${host} addr add ${six}/64 dev ${dev} nodad`,
    );
  }
  for (const { dev, bridge, peers } of PORTS) {
    for (const { mac, four, six } of peers) {
      for (const ip of [four, six]) lines.push(`ip -n ${host} neigh replace ${ip} lladdr ${mac} dev ${bridge ?? dev} nud permanent`);
      if (bridge !== null) lines.push(`bridge -n ${host} fdb replace ${mac} dev ${dev} master static`);
    }
  }
  lines.push(
    `ip -n ${host} route add default via 203.0.113.254`,
    `ip -n ${host} -6 route add default via fd00::fe`,
    `ip netns exec ${host} sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1`,
    `ip netns exec ${host} sysctl -qw net.netfilter.nf_log.2=nfnetlink_log net.netfilter.nf_log.10=nfnetlink_log`,
  );
  return lines.join('\n');
};

export class Bench {
  readonly hostName: string;
  readonly #wireName: string;
  readonly #agent: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #monitor: ChildProcessWithoutNullStreams | null = null;
  #reader = new NftMonitorReader();
  #events: TraceEvent[] = [];
  #wake: (() => void) | null = null;
  #monitorEnded = false;

  private constructor(label: string) {
    this.hostName = namespaceName(PREFIX, `${label}h`);
    this.#wireName = namespaceName(PREFIX, `${label}w`);
    this.#agent = spawn('python3', ['-u', 'test/oracle/agent.py'], { stdio: 'pipe' });
    this.#agent.stderr.resume();
    this.#answers = createInterface({ input: this.#agent.stdout })[Symbol.asyncIterator]();
  }

  static async open(label: string): Promise<Bench> {
    removeStaleNamespaces(PREFIX);
    const bench = new Bench(label);
    try {
      sh(topology(bench.hostName, bench.#wireName));
      await bench.#ask({ op: 'open', spaces: { host: `/run/netns/${bench.hostName}`, wire: `/run/netns/${bench.#wireName}` } });
      await bench.#ask({ op: 'listen', wires: PORTS.map(({ wire }) => wire) });
    } catch (error) {
      await bench.close();
      throw error;
    }
    return bench;
  }

  async #ask(request: object): Promise<unknown> {
    this.#agent.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('the agent ended');
    const answer = JSON.parse(value) as { ok?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`agent: ${answer.error}`);
    return answer.ok;
  }

  /** Runs commands in the host, one after the other; never throws for their failure. */
  async run(commands: readonly (readonly [argv: readonly string[], input: string])[]): Promise<readonly CommandResult[]> {
    return (await this.#ask({ op: 'run', space: 'host', commands })) as readonly CommandResult[];
  }

  async inject(items: readonly (readonly [wire: string | null, hex: string])[]): Promise<Injected> {
    return (await this.#ask({ op: 'inject', items })) as Injected;
  }

  /** What has come since. */
  async collect(): Promise<Injected> {
    return (await this.#ask({ op: 'collect' })) as Injected;
  }

  /** nft's trace from now on. */
  async startMonitor(): Promise<void> {
    await this.stopMonitor();
    this.#reader = new NftMonitorReader();
    this.#events = [];
    this.#monitorEnded = false;
    const child = spawn('ip', ['netns', 'exec', this.hostName, 'stdbuf', '-oL', 'nft', '-n', '-a', 'monitor', 'trace'], { stdio: 'pipe' });
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      this.#events.push(...this.#reader.push(chunk));
      this.#wake?.();
    });
    child.stderr.resume();
    child.on('exit', () => {
      if (this.#monitor === child) this.#monitorEnded = true;
      this.#wake?.();
    });
    this.#monitor = child;
  }

  async stopMonitor(): Promise<void> {
    const child = this.#monitor;
    this.#monitor = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill();
    });
  }

  /** The events until the one that `isLast` names; null where it does not come in time, or the monitor has ended. */
  async eventsUntil(isLast: (event: TraceEvent) => boolean, timeoutMs: number): Promise<readonly TraceEvent[] | null> {
    const deadline = performance.now() + timeoutMs;
    let seen = 0;
    for (;;) {
      for (; seen < this.#events.length; seen++) {
        if (isLast(this.#events[seen] as TraceEvent)) return this.#events.splice(0, seen + 1);
      }
      const left = deadline - performance.now();
      if (left <= 0 || this.#monitorEnded) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
  }

  /** Readable events so far, for what comes late. */
  get unreadable(): number {
    return this.#reader.unreadable;
  }

  async close(): Promise<void> {
    await this.stopMonitor();
    this.#agent.kill();
    for (const name of [this.hostName, this.#wireName]) {
      try {
        sh(`ip netns del ${name}`);
      } catch (error) {
        process.stderr.write(`could not remove ${name}: ${String(error)}\n`);
      }
    }
  }
}
