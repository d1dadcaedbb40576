/** A network namespace of the bench's own with a cable in it, a sender at one end, and what captures at the other. Needs root. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import type { CaptureNamespace } from '../../src/agent/protocol.ts';

export const NEAR = 'bench0';
export const FAR = 'bench1';

const SET_UP = [
  'ip link set lo up',
  `ip link add ${NEAR} type veth peer name ${FAR}`,
  `sysctl -qw net.ipv6.conf.${NEAR}.disable_ipv6=1 net.ipv6.conf.${FAR}.disable_ipv6=1`,
  `ip addr add 10.77.0.2/24 dev ${FAR}`,
  `ip link set ${NEAR} up`,
  `ip link set ${FAR} up`,
  'iptables -A INPUT -p udp --dport 9000 -j ACCEPT',
  'iptables -A INPUT -p udp -j DROP',
].join('\n');

export const isRoot = (): boolean => process.getuid?.() === 0;

export class Wire {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** The namespace lasts until `close`, or until this process ends. */
  static open(): Promise<Wire> {
    const holder = spawn('unshare', ['--net', '--', 'bash', '-ec', `${SET_UP}\necho ready\nexec cat`], { stdio: ['pipe', 'pipe', 'pipe'] });
    return new Promise((resolve, reject) => {
      let said = '';
      holder.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      holder.stdout.once('data', () => resolve(new Wire(holder)));
      holder.once('close', () => reject(new Error(`no network namespace for the bench: ${said}`)));
    });
  }

  /** The command line that runs another one inside. */
  inside(argv: readonly string[]): string[] {
    return ['nsenter', `--net=/proc/${this.#holder.pid}/ns/net`, '--', ...argv];
  }

  get namespace(): CaptureNamespace {
    const pid = this.#holder.pid as number;
    const id = readlinkSync(`/proc/${pid}/ns/net`).replace(/\D/g, '');
    const startTime = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? null;
    return { id, pid, startTime };
  }

  /** Sends for so long, and resolves with how many frames the kernel took. */
  send(perSecond: number, seconds: number, flows: number): Promise<number> {
    const [program = '', ...args] = this.inside(['python3', 'test/bench/send.py', NEAR, String(perSecond), String(seconds), String(flows)]);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    return new Promise((resolve, reject) => {
      let told = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        told += text;
      });
      child.on('error', reject);
      child.on('close', (code) => (code === 0 ? resolve(Number(told)) : reject(new Error(`send.py: exit ${code}`))));
    });
  }

  close(): void {
    this.#holder.stdin?.end();
  }
}
