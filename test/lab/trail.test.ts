/**
 * One capture at every point of a host, and conversations that end in as many ways: each trail ends where the kernel's own counters say
 * that the packets ended, and a prediction from facts that are no longer so is called wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RuleCounts, readCounters } from './counters.ts';
import { useLab } from './lab.ts';
import { Program, run } from './program.ts';
import { describeLab } from './root.ts';

const HOST = '203.0.113.1';
const OUTSIDE = '203.0.113.2';
/** Behind the default route: nobody has it. */
const NOWHERE = '198.51.100.9';
const FOREIGN = '10.99.9.9';
const PINGS = 2;

interface Point {
  readonly id: string;
  readonly kind: string;
  readonly container: string | null;
  readonly network: string | null;
}

interface Stop {
  readonly point: string;
  readonly expected: boolean | null;
  readonly sight: 'seen' | 'not-seen' | 'unknown' | 'not-captured';
  readonly packets: number;
  readonly afterMicros: number | null;
  readonly as?: readonly { readonly a: { readonly address: string; readonly port?: number } }[];
}

interface TrailFlow {
  readonly type: 'flow';
  readonly proto: string;
  readonly a: { readonly address: string };
  readonly b: { readonly address: string; readonly port?: number };
  readonly packets: readonly [number, number];
  readonly interface: string;
  readonly verdict: { readonly outcome: string; readonly decidedBy: { readonly text: string; readonly table?: string } };
  readonly trail: readonly Stop[];
  readonly replyTrail: { readonly trail: readonly Stop[]; readonly agrees: boolean | null } | null;
  readonly lastSeen: string;
  readonly nextExpected: string | null;
  readonly agrees: boolean | null;
  readonly words: string;
  readonly contradiction?: { readonly kind: string; readonly text: string };
}

describeLab('trails of packets through a host', () => {
  const host = useLab({ engine: '28.5' });
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-trail-'));
  const file = join(folder, 'trails.pcapng');
  const oldFacts = join(folder, 'before.json');
  let points: readonly Point[] = [];
  let flows: readonly TrailFlow[] = [];
  let before: RuleCounts = new Map();
  let after: RuleCounts = new Map();
  const address = new Map<string, string>();

  const at = (kind: string, of: string): string => {
    const found = points.find((point) => point.kind === kind && (point.container === of || (kind === 'bridge' && point.network === of)));
    if (found === undefined) throw new Error(`no ${kind} of ${of} in ${JSON.stringify(points)}`);
    return found.id;
  };
  const uplink = (): string => points.find(({ kind }) => kind === 'uplink')?.id ?? '';
  const flowBetween = (from: string, to: string, of = flows): TrailFlow => {
    const found = of.filter((flow) => flow.a.address === from && flow.b.address === to && flow.proto !== 'arp');
    expect(found.map((flow) => flow.a.address)).toEqual([from]);
    return found[0] as TrailFlow;
  };
  const seen = (stops: readonly Stop[]): string[] => stops.filter(({ sight }) => sight === 'seen').map(({ point }) => point);
  const counted = (rule: string): number => (after.get(rule) ?? 0) - (before.get(rule) ?? 0);
  const ping = (from: string, to: string, options = '') => host().container(from, `ping -c ${PINGS} -W 1 ${options} ${to} || true`);

  beforeAll(async () => {
    const { code, stderr } = await run(['snapshot', '-o', oldFacts], host().wrap);
    expect(code, stderr).toBe(0);
    const topology = await run(['topology', '--json'], host().wrap);
    points = (JSON.parse(topology.stdout) as { points: Point[] }).points;
    for (const [name, network] of [
      ['web1', 'test_net1'],
      ['web2', 'test_net2'],
      ['web3', 'test_net2'],
      ['pubnet1', 'test_net1'],
      ['multi', 'test_net1'],
      ['n1', 'noicc'],
      ['n2', 'noicc'],
      ['nm1', 'nomasq'],
      ['pub', 'bridge'],
    ] as const)
      address.set(name, await host().addressOf(name, network));
    const ip = (name: string): string => address.get(name) as string;
    const [net2, masqueraded, isolated] = [at('bridge', 'test_net2'), at('bridge', 'nomasq'), at('bridge', 'noicc')];
    await host().sh(
      [
        // So that FORWARD's isolation is what web3 is kept apart by.
        `iptables -t raw -D PREROUTING -d ${ip('web3')}/32 ! -i ${net2} -j DROP`,
        `iptables -I DOCKER-USER -d ${NOWHERE}/32 -j DROP`,
        `iptables -I INPUT -s ${ip('web1')}/32 -p icmp -j DROP`,
        `sysctl -qw net.ipv4.conf.${masqueraded}.forwarding=0 net.ipv4.conf.${isolated}.rp_filter=1`,
      ].join(' && '),
    );
    const pid = (await host().sh("docker inspect -f '{{.State.Pid}}' pubnet1")).trim();
    await host().sh(`nsenter -t ${pid} -n iptables -A INPUT -p icmp -j DROP`);
    const n1 = (await host().sh("docker inspect -f '{{.State.Pid}}' n1")).trim();
    await host().sh(`nsenter -t ${n1} -n ip address add ${FOREIGN}/32 dev eth0`);
    // Who has no neighbour's address yet would have to ask for it from an address that is not answered.
    await ping('n1', OUTSIDE);
    before = await readCounters(host());

    const wanted = ['web1', 'web2', 'web3', 'pubnet1', 'multi', 'n1', 'n2', 'nm1', 'pub'];
    const everywhere = points.filter(({ kind, container, network }) => {
      if (kind === 'uplink') return true;
      if (kind === 'bridge') return ['test_net1', 'test_net2', 'noicc', 'nomasq', 'bridge'].includes(network ?? '');
      return (kind === 'veth' || kind === 'container') && wanted.includes(container ?? '');
    });
    const program = new Program(
      [
        '--engine',
        'tcpdump',
        'capture',
        ...everywhere.map(({ id }) => id),
        '--json',
        '-w',
        file,
        '--',
        'icmp or tcp port 8080 or tcp port 80',
      ],
      host().wrap,
    );
    await program.remark(/listening on/, everywhere.length);
    await Promise.all([
      ping('web1', ip('web2')),
      ping('web1', ip('web3')),
      ping('web1', NOWHERE),
      ping('web1', OUTSIDE),
      ping('web1', (await host().sh(`ip -4 -o address show dev ${at('bridge', 'test_net1')}`)).replace(/^.*inet ([\d.]+).*$/s, '$1')),
      ping('web1', ip('pubnet1')),
      ping('web1', ip('multi')),
      ping('n1', ip('n2')),
      ping('n1', OUTSIDE, `-I ${FOREIGN}`),
      ping('nm1', OUTSIDE),
      host().outside(`timeout 3 bash -c 'exec 3<>/dev/tcp/${HOST}/8080 && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3 >/dev/null'`),
    ]);
    after = await readCounters(host());
    const finished = await program.interrupt();
    expect(finished.code, finished.stderr).toBe(0);
    const newest = new Map<unknown, TrailFlow>();
    for (const object of program.objects) if (object['type'] === 'flow') newest.set(object['id'], object as unknown as TrailFlow);
    flows = [...newest.values()];
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  const from = (name: string): [string, string] => [at('container', name), at('veth', name)];

  it('ends before the bridge where raw drops, and counts each conversation once', () => {
    const flow = flowBetween(address.get('web1') as string, address.get('web2') as string);
    expect(seen(flow.trail)).toEqual(from('web1'));
    expect(flow).toMatchObject({ packets: [PINGS, 0], lastSeen: at('veth', 'web1'), agrees: true, replyTrail: null });
    expect(flow.verdict).toMatchObject({ outcome: 'drop', decidedBy: { table: 'raw' } });
    expect(counted(`raw ${flow.verdict.decidedBy.text}`)).toBe(PINGS);
    expect(flow.trail.find(({ point }) => point === at('container', 'web2'))).toMatchObject({ expected: false, sight: 'not-seen' });
  });

  it('ends at the bridge where FORWARD keeps networks apart, and names the bridge that would be next', () => {
    const flow = flowBetween(address.get('web1') as string, address.get('web3') as string);
    expect(seen(flow.trail)).toEqual([...from('web1'), at('bridge', 'test_net1')]);
    expect(flow).toMatchObject({ lastSeen: at('bridge', 'test_net1'), nextExpected: at('bridge', 'test_net2'), agrees: true });
    expect(counted(`filter ${flow.verdict.decidedBy.text}`)).toBe(PINGS);
    expect(flow.words).toMatch(/Last seen at br-\w+ \(bridge of test_net1\), next would be br-\w+ \(bridge of test_net2\).*FORWARD/);
  });

  it('ends at the bridge where DOCKER-USER drops, and at the gateway where INPUT does', () => {
    const user = flowBetween(address.get('web1') as string, NOWHERE);
    expect(user).toMatchObject({ lastSeen: at('bridge', 'test_net1'), nextExpected: uplink(), agrees: true });
    expect(counted(`filter -A DOCKER-USER -d ${NOWHERE}/32 -j DROP`)).toBe(PINGS);
    const input = flows.find(({ a, verdict }) => a.address === address.get('web1') && verdict?.decidedBy.text.startsWith('-A INPUT -s '));
    expect(input).toMatchObject({ lastSeen: at('bridge', 'test_net1'), nextExpected: null, agrees: true });
    expect(counted(`filter -A INPUT -s ${address.get('web1')}/32 -p icmp -j DROP`)).toBe(PINGS);
  });

  it('ends at the bridge where forwarding is off, and where the source is none of its link', () => {
    for (const [name, source, network] of [
      ['nm1', address.get('nm1') as string, 'nomasq'],
      ['n1', FOREIGN, 'noicc'],
    ] as const) {
      const flow = flowBetween(source, OUTSIDE);
      expect(seen(flow.trail)).toEqual([
        ...(name === 'nm1' ? from(name) : [at('container', name), at('veth', name)]),
        at('bridge', network),
      ]);
      expect(flow.verdict.outcome).toBe('drop');
      expect(flow.lastSeen).toBe(at('bridge', network));
      expect(flow.agrees).not.toBe(false);
    }
  });

  it('reaches the container that drops it inside, and none where the bridge does', () => {
    const inside = flowBetween(address.get('web1') as string, address.get('pubnet1') as string);
    expect(inside).toMatchObject({ lastSeen: at('container', 'pubnet1'), nextExpected: null, agrees: true, replyTrail: null });
    expect(inside.verdict).toMatchObject({ outcome: 'drop', decidedBy: { text: '-A INPUT -p icmp -j DROP' } });
    const apart = flowBetween(address.get('n1') as string, address.get('n2') as string);
    expect(apart.lastSeen).not.toBe(at('veth', 'n2'));
    expect(seen(apart.trail)).not.toContain(at('veth', 'n2'));
    expect(apart).toMatchObject({ agrees: true, verdict: { outcome: 'drop' } });
  });

  it('goes all the way and back within a network', () => {
    const flow = flowBetween(address.get('web1') as string, address.get('multi') as string);
    expect(seen(flow.trail)).toEqual([...from('web1'), at('bridge', 'test_net1'), at('veth', 'multi'), at('container', 'multi')]);
    expect(flow).toMatchObject({ packets: [PINGS, PINGS], agrees: true, replyTrail: { agrees: true } });
    expect(flow.trail.map(({ packets }) => packets)).toEqual([PINGS, PINGS, PINGS, PINGS, PINGS]);
  });

  it('recognises packets behind a masquerade and behind a published port', () => {
    const out = flowBetween(address.get('web1') as string, OUTSIDE);
    expect(seen(out.trail)).toEqual([...from('web1'), at('bridge', 'test_net1'), uplink()]);
    expect(out.trail.at(-1)?.as?.[0]?.a.address).toBe(HOST);
    expect(out).toMatchObject({ agrees: true, replyTrail: { agrees: true } });
    // Stamps of the kernel never run backwards along the way.
    const times = out.trail.map(({ afterMicros }) => afterMicros ?? Number.NaN);
    expect(times).toEqual([...times].sort((x, y) => x - y));
    const published = flows.find((flow) => flow.proto === 'tcp' && flow.b.port === 8080);
    expect(published?.interface).toBe('eth0');
    expect(seen(published?.trail ?? [])).toEqual([uplink(), at('bridge', 'bridge'), at('veth', 'pub'), at('container', 'pub')]);
    expect(published).toMatchObject({ agrees: true });
    expect(flows.filter((flow) => flow.proto === 'tcp')).toHaveLength(1);
  });

  const readAgain = async (...options: string[]): Promise<TrailFlow[]> => {
    const { code, stdout, stderr } = await run([...options, 'read', file, '--json']);
    expect(code, stderr).toBe(0);
    const objects = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as TrailFlow);
    return objects.filter((object) => object.type === 'flow' && object.proto !== 'arp');
  };

  it('reads the same trails from the saved session', async () => {
    const again = await readAgain();
    const ends = (of: readonly TrailFlow[]) =>
      of.map(({ a, b, lastSeen, packets }) => `${a.address} ${b.address} ${lastSeen} ${packets}`).sort();
    expect(ends(again)).toEqual(ends(flows));
  });

  it('calls a prediction wrong that rests on rules of before', async () => {
    const stale = await readAgain('--host', oldFacts);
    // Dropped in raw, said the rules of before; it was FORWARD.
    const beyond = flowBetween(address.get('web1') as string, address.get('web3') as string, stale);
    expect(beyond).toMatchObject({ agrees: false, contradiction: { kind: 'seen-beyond' } });
    expect(beyond.contradiction?.text).toMatch(
      /^The prediction is wrong: DROP by raw PREROUTING #\d+ was predicted, yet .* br-\w+ \(bridge of test_net1\)/,
    );
    // Let out, said the rules of before; DOCKER-USER dropped it.
    const short = flowBetween(address.get('web1') as string, NOWHERE, stale);
    expect(short).toMatchObject({ agrees: false, contradiction: { kind: 'not-seen' } });
    expect(short.words).toMatch(
      /ACCEPT .* was predicted, yet .* seen at br-\w+ \(bridge of test_net1\).* eth0 \(uplink\), where nothing was lost/,
    );
    expect(flowBetween(address.get('web1') as string, OUTSIDE, stale).agrees).toBe(true);
  });

  it('captures at every place between two ends, and says first what is predicted, also where no device shows a packet', async () => {
    await host().container('web1', 'iptables -A OUTPUT -p icmp -j DROP');
    try {
      const { code, stderr } = await run(['capture', 'web1', 'icmp', '--to', 'web2', '--duration', '1'], host().wrap);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain('predicted for a ping: DROP by filter OUTPUT #1 in web1\n');
      for (const place of [
        'eth0 (inside web1',
        at('veth', 'web1'),
        at('bridge', 'test_net1'),
        at('bridge', 'test_net2'),
        at('veth', 'web2'),
      ])
        expect(stderr).toContain(place);
      expect(stderr).toMatch(/^0 packets/m);
    } finally {
      await host().container('web1', 'iptables -D OUTPUT -p icmp -j DROP');
    }
  });
});
