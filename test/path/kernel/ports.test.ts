/**
 * The source port of translated connections where another connection has it already: what the path foretells from the list of connections
 * beside what the kernel gave (nf_nat_core.c). Each packet is judged by the host as it was before the packet came.
 */
import { afterEach, beforeAll, expect, it } from 'vitest';
import { judge } from '../../../src/path/judge.ts';
import type { PacketSpec } from '../../../src/path/verdict.ts';
import { describeLab } from '../../lab/root.ts';
import { frameOf, hostMac, openWired, seenIn, type WiredHost, wireMac } from './wire.ts';

interface Case {
  readonly src: string;
  readonly sport: number;
  readonly dst?: string;
  readonly dport?: number;
  readonly proto?: 6 | 17;
}

interface Compared {
  readonly foretold: string;
  /** What the kernel gave it, `lost` where nothing came out. */
  readonly given: string;
}

const FAR = '203.0.113.9';
const A = '10.0.0.10';
const B = '10.0.0.11';

describeLab('ports of translated connections', () => {
  let host: WiredHost;
  let id = 100;
  beforeAll(() => {
    host = openWired('ports', 2);
    host.sh(`
      ip addr add 10.0.0.1/24 dev d0; ip addr add 10.1.0.1/24 dev d1; ip route add default via 10.1.0.2
      ip neigh add 10.1.0.2 lladdr ${wireMac(1)} dev d1 nud permanent
      for i in 10 11 12; do ip neigh add 10.0.0.$i lladdr ${wireMac(0)} dev d0 nud permanent; done`);
    return () => host.close();
  }, 60_000);
  afterEach(() => host.sh('iptables-nft -t nat -F; conntrack -F 2>/dev/null'));

  const nat = (...rules: readonly string[]): void => {
    host.sh(rules.map((rule) => `iptables-nft -t nat -A ${rule}`).join('\n'));
  };

  /** One new connection: what the path foretells, what the kernel does. */
  const connect = ({ src, sport, dst = FAR, dport = 53, proto = 17 }: Case): Compared => {
    const spec: PacketSpec = { in: 'd0', src, sport, dst, dport, proto, ttl: 64, srcMac: wireMac(0), dstMac: hostMac(0) };
    const verdict = judge(host.model(), spec);
    const told = verdict.nat.findLast((entry) => entry.kind !== 'dnat' && entry.kind !== 'redirect')?.to ?? `${src}:${sport}`;
    const chance = verdict.unknowns.find((text) => /kernel picks|one that the sender/.test(text));
    id += 1;
    const [found = []] = host.send([[frameOf('e0', { id, src, dst, protocol: proto, sport, dport })]]);
    const out = seenIn(found).find((packet) => packet.dev === 'e1' && packet.id === id);
    const aim = verdict.nat.find((entry) => entry.kind === 'dnat')?.to;
    const shown = aim === undefined ? '' : ` to port ${aim.split(':')[1] ?? '?'}`;
    return {
      foretold: verdict.outcome === 'accept' ? (chance === undefined ? `${told}${shown}` : `${told}: ${chance}`) : verdict.outcome,
      given: out === undefined ? 'lost' : `${out.src}:${out.sport}${aim === undefined ? '' : ` to port ${out.dport}`}`,
    };
  };

  it('stay while they are free, and are picked by chance among ports of the same kind where they are taken', () => {
    nat('POSTROUTING -o d1 -j MASQUERADE');
    for (const [sport, low, high] of [
      [4000, 1024, 65535],
      [700, 600, 1023],
      [99, 1, 511],
    ] as const) {
      expect(connect({ src: A, sport })).toEqual({ foretold: `10.1.0.1:${sport}`, given: `10.1.0.1:${sport}` });
      const { foretold, given } = connect({ src: B, sport });
      expect(foretold).toMatch(/^10\.1\.0\.1: port \d+ is taken \(conntrack entry udp 10\.0\.0\.10:/);
      expect(foretold).toContain(`of ${low} to ${high}`);
      const port = Number(given.split(':')[1]);
      expect(port).not.toBe(sport);
      expect(port >= low && port <= high, given).toBe(true);
    }
    // Another destination, another protocol: the tuple is another one.
    expect(connect({ src: '10.0.0.12', sport: 4000, dport: 54 })).toEqual({ foretold: '10.1.0.1:4000', given: '10.1.0.1:4000' });
    expect(connect({ src: B, sport: 4000, proto: 6 })).toEqual({ foretold: '10.1.0.1:4000', given: '10.1.0.1:4000' });
  }, 60_000);

  it('are those of the sender’s other connections from the same port', () => {
    nat('POSTROUTING -o d1 -j MASQUERADE');
    connect({ src: A, sport: 4000 });
    const first = connect({ src: B, sport: 4000 });
    const next = connect({ src: B, sport: 4000, dport: 5353 });
    expect(next.given).toBe(first.given);
    expect(next.foretold).toBe(first.given);
  }, 60_000);

  it('change without any rule where a translated connection has them', () => {
    nat(`PREROUTING -p udp --dport 80 -j DNAT --to-destination ${FAR}:53`);
    expect(connect({ src: A, sport: 4000, dst: '198.51.100.1', dport: 80 })).toEqual({
      foretold: `${A}:4000 to port 53`,
      given: `${A}:4000 to port 53`,
    });
    const { foretold, given } = connect({ src: A, sport: 4000 });
    expect(foretold).toContain(`${A}: port 4000 is taken`);
    expect(given.startsWith(`${A}:`) && given !== `${A}:4000`, given).toBe(true);
  }, 60_000);

  it('are left to chance by --random and --random-fully, and by a range that the packet’s is not in', () => {
    for (const [options, low, high] of [
      ['--random', 1024, 65535],
      ['--random-fully', 1024, 65535],
      ['--to-ports 6000-6003', 6000, 6003],
    ] as const) {
      host.sh('iptables-nft -t nat -F; conntrack -F 2>/dev/null');
      nat(`POSTROUTING -o d1 -p udp -j MASQUERADE ${options}`);
      const { foretold, given } = connect({ src: A, sport: 4000 });
      expect(foretold).toMatch(new RegExp(`^10\\.1\\.0\\.1: the kernel picks the source port at random, of ${low} to ${high}`));
      const port = Number(given.split(':')[1]);
      expect(port >= low && port <= high, given).toBe(true);
    }
    expect(connect({ src: B, sport: 6002, dport: 99 })).toEqual({ foretold: '10.1.0.1:6002', given: '10.1.0.1:6002' });
  }, 60_000);

  it('of one port only: the second connection is lost', () => {
    nat('POSTROUTING -o d1 -p udp -j SNAT --to-source 10.1.0.1:7000');
    expect(connect({ src: A, sport: 4000 })).toEqual({ foretold: '10.1.0.1:7000', given: '10.1.0.1:7000' });
    expect(connect({ src: B, sport: 4000 })).toEqual({ foretold: 'drop', given: 'lost' });
    expect(connect({ src: B, sport: 4000, dport: 99 })).toEqual({ foretold: '10.1.0.1:7000', given: '10.1.0.1:7000' });
  }, 60_000);

  it('of destinations: the first of the range that is free', () => {
    nat(`PREROUTING -p udp --dport 80 -j DNAT --to-destination ${FAR}:8000-8003`);
    const dst = '198.51.100.1';
    for (const port of [8000, 8001])
      expect(connect({ src: A, sport: 4000, dst: port === 8000 ? dst : '198.51.100.2', dport: 80 })).toEqual({
        foretold: `${A}:4000 to port ${port}`,
        given: `${A}:4000 to port ${port}`,
      });
    expect(connect({ src: B, sport: 4000, dst, dport: 80 }).given).toBe(`${B}:4000 to port 8000`);
  }, 60_000);

  it('and addresses that a connection has are kept, whatever rules come later', () => {
    // Without any rule that needs them the kernel keeps no connections.
    nat('POSTROUTING -o nowhere -j MASQUERADE');
    connect({ src: A, sport: 4000 });
    nat(`PREROUTING -p udp --dport 53 -j DNAT --to-destination 203.0.113.99:5353`, 'POSTROUTING -o d1 -j MASQUERADE');
    const spec: PacketSpec = {
      in: 'd0',
      src: A,
      sport: 4000,
      dst: FAR,
      dport: 53,
      proto: 17,
      ttl: 64,
      srcMac: wireMac(0),
      dstMac: hostMac(0),
    };
    const kept = judge(host.model(), spec);
    expect(kept).toMatchObject({ outcome: 'accept', nat: [], decidedBy: { reason: 'conntrack-entry' } });
    expect(connect({ src: A, sport: 4000 })).toEqual({ foretold: `${A}:4000`, given: `${A}:4000` });
    expect(connect({ src: A, sport: 4001 })).toEqual({ foretold: '10.1.0.1:4001 to port 5353', given: '10.1.0.1:4001 to port 5353' });
  }, 60_000);
});
