/**
 * The routing decision against the kernel's own: for every packet of a grid over sources, destinations, interfaces, marks and ports the
 * path must end as `ip route get … iif` does (inet_rtm_getroute runs the input path of real packets).
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { judge } from '../../../src/path/judge.ts';
import type { HostModel } from '../../../src/path/model.ts';
import type { PacketSpec } from '../../../src/path/verdict.ts';
import { describeLab } from '../../lab/root.ts';
import { type KernelHost, openHost } from './host.ts';

interface Grid {
  readonly in: readonly string[];
  readonly src: readonly string[];
  readonly dst: readonly string[];
  readonly mark?: readonly number[];
  readonly tos?: readonly number[];
  readonly dport?: readonly number[];
}

const packetsOf = (grid: Grid): PacketSpec[] =>
  grid.in.flatMap((dev) =>
    grid.src.flatMap((src) =>
      grid.dst.flatMap((dst) =>
        (grid.mark ?? [0]).flatMap((mark) =>
          (grid.tos ?? [0]).flatMap((tos) =>
            (grid.dport ?? [53]).map((dport) => ({ in: dev, src, dst, proto: 'udp', sport: 4000, dport, mark, tos, ttl: 64 })),
          ),
        ),
      ),
    ),
  );

/** For each packet `local`, the device that it is forwarded by, or `drop`. */
const kernelSays = (host: KernelHost, packets: readonly PacketSpec[]): string[] => {
  const lines = packets.map(
    ({ in: dev, src, dst, mark, tos, sport, dport }) =>
      `route get ${dst} from ${src} iif ${dev ?? 'lo'} mark ${mark} tos 0x${(tos ?? 0).toString(16)} ipproto udp sport ${sport} dport ${dport}`,
  );
  const input = `${lines.join('\n')}\n`;
  const { stdout, stderr } = spawnSync('ip', ['-n', host.netns, '-j', '-force', '-batch', '-'], {
    encoding: 'utf8',
    input,
    maxBuffer: 1 << 26,
  });
  // What fails prints nothing but the number of its line.
  const failed = new Set([...stderr.matchAll(/^Command failed -:(\d+)$/gm)].map(([, line]) => Number(line)));
  const answers = stdout.split('\n').filter((line) => line.trim() !== '');
  if (answers.length + failed.size !== packets.length)
    throw new Error(`ip answered ${answers.length} of ${packets.length}: ${stderr.slice(0, 500)}`);
  return packets.map((_, at) => {
    if (failed.has(at + 1)) return 'drop';
    const [route] = JSON.parse(answers.shift() ?? '[]') as { type?: string; dev?: string }[];
    const type = route?.type ?? 'unicast';
    if (['blackhole', 'unreachable', 'prohibit'].includes(type)) return 'drop';
    return type === 'local' || type === 'broadcast' || type === 'anycast' || type === 'multicast' ? 'local' : (route?.dev ?? '?');
  });
};

const wordsOf = (packet: PacketSpec): string =>
  `${packet.src} > ${packet.dst} port ${packet.dport} by ${packet.in} mark ${packet.mark} tos ${packet.tos}`;

/** One line for each packet that the path and the kernel disagree about. */
const differences = (host: KernelHost, model: HostModel, grid: Grid): { readonly asked: number; readonly found: readonly string[] } => {
  const packets = packetsOf(grid);
  const answers = kernelSays(host, packets);
  const found = packets.flatMap((packet, at) => {
    const verdict = judge(model, packet);
    const said = verdict.outcome === 'accept' ? verdict.out : verdict.outcome;
    const kernel = answers[at];
    // Where several next hops are open, the path says so and names one.
    const open = verdict.unknowns.filter((text) => text.includes('of the next hops of'));
    const agrees = said === kernel || open.some((text) => text.includes(`dev ${kernel}`));
    return agrees ? [] : [`${wordsOf(packet)}: kernel ${kernel}, path ${said} by ${verdict.decidedBy.text}`];
  });
  return { asked: packets.length, found };
};

describeLab('routing as the kernel does it', () => {
  let host: KernelHost;
  // The kernel remembers that there once were rules of somebody's own (fib_has_custom_rules): the checks of sources get a host without.
  let plain: KernelHost;
  beforeAll(() => {
    const addresses = 'for i in 0 1 2; do ip addr add 10.$i.0.1/24 brd + dev d$i; ip -6 addr add fd00:$i::1/64 nodad dev d$i; done';
    host = openHost('rt', 3);
    host.sh(addresses);
    plain = openHost('rp', 3);
    plain.sh(addresses);
  }, 60_000);
  afterAll(() => {
    host?.close();
    plain?.close();
  });

  it('by rules, tables, marks, ports, TOS, types and several next hops', () => {
    host.sh(`
      ip route add 10.50.0.0/16 via 10.1.0.2; ip route add 10.50.1.0/24 via 10.2.0.2; ip route add 10.50.2.0/24 tos 0x10 via 10.2.0.2
      ip route add blackhole 10.51.0.0/24; ip route add unreachable 10.51.1.0/24; ip route add prohibit 10.51.2.0/24
      ip route add 10.52.0.0/16 nexthop via 10.1.0.2 nexthop via 10.2.0.2
      ip route add 10.53.0.0/16 via 10.99.0.1 dev d2 onlink; ip nexthop add id 7 via 10.1.0.7 dev d1; ip route add 10.54.0.0/16 nhid 7
      ip route add 10.55.0.0/16 via 10.1.0.2 metric 50; ip route add 10.55.0.0/16 via 10.2.0.2 metric 10
      ip route add default via 10.2.0.2 table 100; ip route add throw 10.50.0.0/16 table 100; ip route add default via 10.1.0.2 table 101
      ip route add 10.56.0.0/24 via 10.2.0.2 table 102
      ip rule add pref 100 fwmark 0x1/0x3 lookup 100; ip rule add pref 110 iif d1 dport 80-90 ipproto udp lookup 101
      ip rule add pref 120 from 10.0.0.128/25 blackhole; ip rule add pref 130 to 10.57.0.0/16 prohibit
      ip rule add pref 140 tos 0x08 lookup 101; ip rule add pref 150 fwmark 0x8 goto 32000; ip rule add pref 160 to 10.58.0.0/16 unreachable
      ip rule add pref 170 fwmark 0x10 uidrange 0-0 lookup 101; ip rule add pref 180 lookup main suppress_prefixlength 8
      ip rule add pref 190 not from 10.0.0.0/8 lookup 102; ip rule add pref 32000 nop
    `);
    const grid: Grid = {
      in: ['d0', 'd1'],
      src: ['10.0.0.9', '10.0.0.200', '192.0.2.9'],
      dst: [
        '10.0.0.1',
        '10.50.0.9',
        '10.50.1.9',
        '10.50.2.9',
        '10.51.0.9',
        '10.51.1.9',
        '10.51.2.9',
        '10.52.0.9',
        '10.53.0.9',
        '10.54.0.9',
        '10.55.0.9',
        '10.56.0.9',
        '10.57.0.9',
        '10.58.0.9',
        '10.2.0.255',
        '198.51.100.1',
      ],
      mark: [0, 1, 5, 8, 0x10],
      tos: [0, 0x08, 0x10],
      dport: [53, 85],
    };
    const { asked, found } = differences(host, host.model(), grid);
    expect(found).toEqual([]);
    expect(asked).toBeGreaterThan(2800);
    host.sh('ip rule flush; ip rule add pref 32766 lookup main; ip rule add pref 32767 lookup default');
  }, 60_000);

  it('by reverse path filters, martians, forwarding of each interface and addresses of its own', () => {
    plain.sh('ip route add default via 10.0.0.2');
    const grid: Grid = {
      in: ['d0', 'd1', 'd2'],
      src: [
        '10.0.0.9',
        '10.1.0.9',
        '10.1.0.1',
        '192.0.2.9',
        '127.0.0.9',
        '0.0.0.0',
        '10.51.1.9',
        '10.1.0.255',
        '255.255.255.255',
        '224.0.0.5',
      ],
      dst: ['10.0.0.1', '10.1.0.1', '10.2.0.9', '198.51.100.1', '127.0.0.1', '0.0.0.0', '10.1.0.255', '255.255.255.255'],
    };
    const settings = [
      'true',
      'sysctl -qw net.ipv4.conf.d0.rp_filter=1 net.ipv4.conf.d1.rp_filter=2 net.ipv4.conf.d2.forwarding=0',
      'sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.d1.accept_local=1 net.ipv4.conf.d0.route_localnet=1',
      'ip route del default; sysctl -qw net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.d0.send_redirects=0; ip addr flush dev d2',
      'sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.d1.rp_filter=0 net.ipv4.conf.d0.rp_filter=0 net.ipv4.ip_forward=0',
    ];
    for (const setting of settings) {
      plain.sh(setting);
      expect(differences(plain, plain.model(), grid).found, setting).toEqual([]);
    }
  }, 60_000);

  it('of IPv6 alike', () => {
    host.sh(`
      ip -6 addr add fd00:2::1/64 nodad dev d2 || true
      ip -6 route add fd50::/16 via fd00:1::2; ip -6 route add fd50:1::/32 via fd00:0::2; ip -6 route add blackhole fd51::/32
      ip -6 route add unreachable fd51:1::/32; ip -6 route add prohibit fd51:2::/32; ip -6 route add default via fd00:1::2 table 100
      ip -6 rule add pref 100 fwmark 1 lookup 100; ip -6 rule add pref 110 to fd52::/16 prohibit; ip -6 rule add pref 120 ipproto udp dport 85 lookup 100
    `);
    const grid: Grid = {
      in: ['d0', 'd1'],
      src: ['fd00:0::9', 'fd99::9'],
      dst: ['fd00:0::1', 'fd00:1::9', 'fd50::9', 'fd50:1::9', 'fd51::9', 'fd51:1::9', 'fd51:2::9', 'fd52::9', 'fd99::1'],
      mark: [0, 1],
      dport: [53, 85],
    };
    expect(differences(host, host.model(), grid).found).toEqual([]);
  }, 60_000);
});
