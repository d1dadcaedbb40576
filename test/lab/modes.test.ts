/**
 * Every mode of container networking on a real host (Docker 28.5): what the program finds, captures and foretells there, beside what pings
 * and connections really do; and for each mode a fault that people make, with what decided and why.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { get, ping } from './cases/world.ts';
import { HOST, type Modes, OUTSIDE, OUTSIDE_1, OUTSIDE_2, OUTSIDE_V6, openModes } from './modes-world.ts';
import { Program, run } from './program.ts';
import { describeLab } from './root.ts';

const ping6 = (address: string): string => `timeout $WAIT ping -6 -c1 -W3 ${address} >/dev/null`;

interface Listed {
  readonly name: string;
  readonly sharesWith: string | null;
  readonly remark: string | null;
  readonly endpoints: readonly {
    readonly network: string | null;
    readonly interface: string | null;
    readonly host: {
      readonly kind: string;
      readonly interface: string | null;
      readonly bridge: string | null;
      readonly parent: string | null;
    } | null;
  }[];
}

describeLab('every mode of container networking', () => {
  vi.setConfig({ testTimeout: 180_000 });
  let modes: Modes;
  beforeAll(async () => {
    modes = await openModes();
  }, 300_000);
  afterAll(() => modes?.stop());

  /** Foretold and true: the question and the answer pass. */
  const passes = async (src: string, dst: string, proto: string, where: string, command: string): Promise<void> => {
    const verdict = await modes.explain(src, dst, proto);
    expect(verdict, `${src} → ${dst} ${proto}: ${verdict.why.join(' ')}`).toMatchObject({
      outcome: 'accept',
      reply: { outcome: 'accept' },
    });
    expect(await modes.works(where, command), `${where}: ${command}`).toBe(true);
  };

  /** Foretold and true: it fails, by this and for this reason. */
  const isLost = async (
    src: string,
    dst: string,
    proto: string,
    where: string,
    command: string,
    expected: object,
    why: RegExp,
  ): Promise<void> => {
    const verdict = await modes.explain(src, dst, proto);
    expect(verdict, `${src} → ${dst} ${proto}`).toMatchObject(expected);
    expect(verdict.why.join(' ')).toMatch(why);
    expect(await modes.fails(where, command), `${where}: ${command}`).toBe(true);
  };

  it('are all resolved', async () => {
    const { stdout } = await run(['list', '--json'], modes.host.wrap);
    const listed = new Map((JSON.parse(stdout) as Listed[]).map((container) => [container.name, container]));
    const on = (name: string) =>
      listed.get(name)?.endpoints.map(({ network, host }) => `${network}: ${host?.kind} ${host?.bridge ?? host?.parent}`);
    expect(on('plain')).toEqual(['bridge: veth docker0']);
    for (const [name, network] of Object.entries({
      u1: 'user',
      in1: 'closed',
      ic1: 'noicc',
      nm1: 'nomasq',
      ro1: 'routed',
      is1: 'isolated',
      un1: 'open',
      s1: 'six',
    }))
      expect(on(name)).toEqual([`${network}: veth ${await modes.bridgeOf(network)}`]);
    expect(on('both')).toEqual([`user: veth ${await modes.bridgeOf('user')}`, `nomasq: veth ${await modes.bridgeOf('nomasq')}`]);
    expect(on('mb1')).toEqual(['mvb: macvlan eth0']);
    expect(on('mp1')).toEqual(['mvp: macvlan eth1']);
    expect(on('pipe')).toEqual(['null: veth br0']);
    expect(listed.get('guest')?.sharesWith).toBe('u1');
    expect(listed.get('hosted')?.remark).toContain("the host's own network");
    expect(listed.get('alone')?.remark).toContain('no network');
  });

  it('are all captured, with the verdicts that are foretold', async () => {
    const targets = ['plain', 'u2', 'in1', 'ic1', 'nm1', 'ro1', 'is1', 'un1', 'guest', 'mb1', 'mp1', 's1', 'pipe'];
    const program = new Program(['capture', ...targets, '--json', 'icmp or icmp6 or tcp'], modes.host.wrap);
    await program.remark(/listening on/, targets.length);
    const wait = 'WAIT=10; ';
    await Promise.all([
      modes.host.container('plain', wait + ping(OUTSIDE)),
      modes.host.container('u2', wait + ping('10.31.0.2')),
      modes.host.container('in1', wait + ping('10.32.0.3')),
      modes.fails('ic1', ping('10.33.0.3')),
      modes.fails('nm1', ping(OUTSIDE)),
      modes.host.outside(wait + get('10.35.0.2', 80)),
      modes.host.container('is1', wait + ping('10.36.0.2')),
      modes.host.outside(wait + get('10.37.0.2', 80)),
      modes.host.container('guest', wait + ping(OUTSIDE)),
      modes.host.container('mb1', wait + ping(OUTSIDE)),
      modes.host.container('mp1', wait + ping(OUTSIDE_1)),
      modes.host.container('s1', wait + ping6(OUTSIDE_V6)),
      modes.fails('pipe', ping(OUTSIDE_2)),
    ]);
    const seen: readonly (readonly [a: string, b: string, outcome: string])[] = [
      ['plain', OUTSIDE, 'accept'],
      ['u2', '10.31.0.2', 'accept'],
      ['in1', '10.32.0.3', 'accept'],
      ['ic1', '10.33.0.3', 'drop'],
      ['nm1', OUTSIDE, 'accept'],
      [OUTSIDE, '10.35.0.2', 'accept'],
      ['is1', '10.36.0.2', 'accept'],
      [OUTSIDE, '10.37.0.2', 'accept'],
      ['u1', OUTSIDE, 'accept'],
      ['mb1', OUTSIDE, 'accept'],
      ['mp1', OUTSIDE_1, 'accept'],
      ['s1', OUTSIDE_V6, 'accept'],
      ['pipe', OUTSIDE_2, 'drop'],
    ];
    const flows = (): Map<string, string> => {
      const found = new Map<string, string>();
      for (const object of program.objects) {
        const { type, a, b, verdict } = object as {
          type: string;
          a: { address: string; name?: string };
          b: { address: string };
          verdict: { outcome: string } | null;
        };
        if (type === 'flow')
          found.set(
            `${a.name !== undefined && !a.name.startsWith('host') ? a.name.replace(/ \(.*/, '') : a.address} → ${b.address}`,
            verdict?.outcome ?? 'none',
          );
      }
      return found;
    };
    await program.interrupt();
    const told = flows();
    for (const [a, b, outcome] of seen) expect(told.get(`${a} → ${b}`), `${a} → ${b} among ${[...told.keys()].join('; ')}`).toBe(outcome);
  });

  it('the host’s own network is captured where it leads out', async () => {
    const program = new Program(['capture', 'hosted', '--json', 'tcp port 8088'], modes.host.wrap);
    await program.remark(/listening on eth0/);
    expect(await modes.works('outside', get(HOST, 8088))).toBe(true);
    await program.object(
      ({ type, b, verdict }) => type === 'flow' && (b as { port?: number }).port === 8088 && verdict !== null,
      'the connection',
    );
    await program.interrupt();
    expect(program.objects.filter(({ type }) => type === 'flow').at(-1)).toMatchObject({ verdict: { outcome: 'accept', out: 'local' } });
  });

  it('default bridge', async () => {
    await passes('plain', 'outside', 'icmp', 'plain', ping(OUTSIDE));
    const rule = 'POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE';
    await modes.broken([`iptables -t nat -D ${rule}`, 'conntrack -F 2>/dev/null'], [`iptables -t nat -A ${rule}`], () =>
      isLost(
        'plain',
        'outside',
        'icmp',
        'plain',
        ping(OUTSIDE),
        { outcome: 'accept', nat: [], reply: { outcome: expect.stringMatching(/drop|undetermined/) } },
        /own address 172\.17\.0\.\d/,
      ),
    );
  });

  it('user bridge, and what is published there', async () => {
    await passes('u2', 'u1', 'tcp:80', 'u2', get('10.31.0.2', 80));
    await passes('outside', HOST, 'tcp:8080', 'outside', get(HOST, 8080));
    const rule = 'DOCKER-USER -i eth0 -j DROP';
    await modes.broken([`iptables -I ${rule}`], [`iptables -D ${rule}`], () =>
      isLost(
        'outside',
        HOST,
        'tcp:8080',
        'outside',
        get(HOST, 8080),
        { outcome: 'drop', decidedBy: { kind: 'rule', text: `-A ${rule}` } },
        /DOCKER-USER/,
      ),
    );
    await modes.broken(['sysctl -qw net.ipv4.conf.eth0.forwarding=0'], ['sysctl -qw net.ipv4.conf.eth0.forwarding=1'], () =>
      isLost(
        'outside',
        HOST,
        'tcp:8080',
        'outside',
        get(HOST, 8080),
        { outcome: 'drop', decidedBy: { kind: 'sysctl', reason: 'forwarding-off' } },
        /forward/,
      ),
    );
    await modes.broken(
      ['iptables-save -t nat >$DOCKER_CONFIG/nat; iptables -t nat -F'],
      ['iptables-restore -T nat <$DOCKER_CONFIG/nat'],
      async () => {
        const verdict = await modes.explain('outside', HOST, 'tcp:8080');
        expect(verdict).toMatchObject({ outcome: 'accept', nat: [], proxiedTo: { container: 'u1' } });
        expect((await modes.explain('u2', 'outside', 'icmp')).why.join(' ')).toMatch(/own address|rules are gone/);
        expect(await modes.fails('u2', ping(OUTSIDE))).toBe(true);
      },
    );
  });

  it('internal network', async () => {
    await passes('in1', 'in2', 'icmp', 'in1', ping('10.32.0.3'));
    await isLost(
      'in1',
      'outside',
      'icmp',
      'in1',
      ping(OUTSIDE),
      { outcome: 'drop', decidedBy: { reason: 'container-no-route' } },
      /internal/,
    );
    await modes.broken(['in1: ip route add default via 10.32.0.1'], ['in1: ip route del default'], () =>
      isLost(
        'in1',
        'outside',
        'icmp',
        'in1',
        ping(OUTSIDE),
        { outcome: 'drop', decidedBy: { kind: 'rule', table: 'filter' } },
        /--internal/,
      ),
    );
  });

  it('icc=false', async () => {
    await isLost('ic1', 'ic2', 'icmp', 'ic1', ping('10.33.0.3'), { outcome: 'drop', decidedBy: { kind: 'rule' } }, /icc=false/);
    await passes('ic1', 'outside', 'icmp', 'ic1', ping(OUTSIDE));
    const nf = (value: 0 | 1): string => `sysctl -qw net.bridge.bridge-nf-call-iptables=${value}`;
    await modes.broken([nf(0)], [nf(1)], async () => {
      await passes('ic1', 'ic2', 'icmp', 'ic1', ping('10.33.0.3'));
      expect((await modes.explain('ic1', 'ic2', 'icmp')).why.join(' ')).toContain('bridge-nf-call-iptables');
    });
  });

  it('masquerade off', async () => {
    await isLost(
      'nm1',
      'outside',
      'icmp',
      'nm1',
      ping(OUTSIDE),
      { outcome: 'accept', nat: [], reply: { outcome: expect.stringMatching(/drop|undetermined/) } },
      /Network nomasq is set not to hide/,
    );
    await passes('nm1', 'host', 'icmp', 'nm1', ping('10.34.0.1'));
  });

  it('routed gateway', async () => {
    await passes('outside', 'ro1', 'icmp', 'outside', ping('10.35.0.2'));
    await passes('outside', 'ro1', 'tcp:80', 'outside', get('10.35.0.2', 80));
    await isLost(
      'outside',
      'ro1',
      'tcp:81',
      'outside',
      get('10.35.0.2', 81),
      { outcome: 'drop', decidedBy: { kind: 'rule', table: 'filter', chain: 'DOCKER' } },
      /not published|publish/,
    );
    const bridge = await modes.bridgeOf('routed');
    const entry = (verb: string): string => `ip neigh ${verb} 10.35.0.2 dev ${bridge}`;
    await modes.broken([`${entry('replace')} lladdr 02:00:00:00:00:99 nud permanent`], [entry('del')], () =>
      isLost(
        'outside',
        'ro1',
        'tcp:80',
        'outside',
        get('10.35.0.2', 80),
        { outcome: 'drop', decidedBy: { kind: 'neighbour', reason: 'neighbour-wrong' } },
        /MAC address/,
      ),
    );
  });

  it('isolated gateway', async () => {
    await passes('is1', 'is2', 'icmp', 'is1', ping('10.36.0.2'));
    await isLost('is1', 'host', 'icmp', 'is1', ping(HOST), { outcome: 'drop', decidedBy: { reason: 'container-no-route' } }, /isolated/);
    const ports = [await modes.portOf('is1'), await modes.portOf('is2')];
    const isolated = (value: string): string[] => ports.map((port) => `bridge link set dev ${port} isolated ${value}`);
    await modes.broken(isolated('on'), isolated('off'), () =>
      isLost(
        'is1',
        'is2',
        'icmp',
        'is1',
        ping('10.36.0.2'),
        { outcome: 'drop', decidedBy: { kind: 'bridge', reason: 'port-isolated' } },
        /isolated/,
      ),
    );
  });

  it('nat-unprotected gateway', async () => {
    await passes('outside', 'un1', 'tcp:80', 'outside', get('10.37.0.2', 80));
    await modes.broken(['un1: iptables -P OUTPUT DROP'], ['un1: iptables -P OUTPUT ACCEPT'], () =>
      isLost(
        'outside',
        'un1',
        'tcp:80',
        'outside',
        get('10.37.0.2', 80),
        { outcome: 'accept', reply: { outcome: 'drop', decidedBy: { kind: 'policy', chain: 'OUTPUT', namespace: 'un1' } } },
        /inside un1/,
      ),
    );
  });

  it('host', async () => {
    await passes('outside', 'hosted', 'tcp:8088', 'outside', get(HOST, 8088));
    const rule = 'INPUT -p tcp -m tcp --dport 8088 -j DROP';
    await modes.broken([`iptables -I ${rule}`], [`iptables -D ${rule}`], () =>
      isLost(
        'outside',
        'hosted',
        'tcp:8088',
        'outside',
        get(HOST, 8088),
        { outcome: 'drop', decidedBy: { kind: 'rule', text: `-A ${rule}` } },
        /INPUT/,
      ),
    );
  });

  it('none', async () => {
    await isLost(
      'alone',
      'u1',
      'icmp',
      'alone',
      ping('10.31.0.2'),
      { outcome: 'drop', decidedBy: { reason: 'container-no-network' } },
      /no network/,
    );
    const { code, stderr } = await run(['capture', 'alone'], modes.host.wrap);
    expect(code).toBe(1);
    expect(stderr).toContain('no network: nothing to capture');
  });

  it('container:', async () => {
    await passes('guest', 'outside', 'icmp', 'guest', ping(OUTSIDE));
    const rule = 'OUTPUT -o eth0 -j DROP';
    await modes.broken([`u1: iptables -A ${rule}`], [`u1: iptables -D ${rule}`], () =>
      isLost(
        'guest',
        'outside',
        'icmp',
        'guest',
        ping(OUTSIDE),
        { outcome: 'drop', decidedBy: { kind: 'rule', text: `-A ${rule}`, namespace: 'u1' } },
        /inside u1/,
      ),
    );
  });

  it('macvlan in mode bridge', async () => {
    await passes('mb1', 'mb2', 'icmp', 'mb1', ping('203.0.113.130'));
    await passes('mb1', 'outside', 'icmp', 'mb1', ping(OUTSIDE));
    await passes('outside', 'mb1', 'icmp', 'outside', ping('203.0.113.129'));
    const apart = { outcome: 'drop', decidedBy: { kind: 'bridge', reason: 'parent-and-child' } };
    await isLost('mb1', 'host', 'icmp', 'mb1', ping(HOST), apart, /never passes packets between such a child and its own host/);
    await isLost('host', 'mb1', 'icmp', 'host', ping('203.0.113.129'), apart, /never passes packets between such a child and its own host/);
    const shim = [
      'mb1: ip neigh flush all',
      'ip link add shim link eth0 type macvlan mode bridge',
      'ip link set shim up',
      'ip route add 203.0.113.129 dev shim',
    ];
    // All stations have heard the shim ask as the host: they would go on sending to its hardware address.
    const gone = ['ip link del shim', 'outside: ip neigh flush all', 'mb1: ip neigh flush all', 'mb2: ip neigh flush all'];
    await modes.broken(shim, gone, () => passes('host', 'mb1', 'icmp', 'host', ping('203.0.113.129')));
    await modes.broken(['mb2: iptables -A INPUT -p icmp -j DROP'], ['mb2: iptables -F INPUT'], () =>
      isLost(
        'mb1',
        'mb2',
        'icmp',
        'mb1',
        ping('203.0.113.130'),
        { outcome: 'drop', decidedBy: { kind: 'rule', namespace: 'mb2' } },
        /inside mb2/,
      ),
    );
  });

  it('macvlan in mode private', async () => {
    await passes('mp1', OUTSIDE_1, 'icmp', 'mp1', ping(OUTSIDE_1));
    await isLost(
      'mp1',
      'mp2',
      'icmp',
      'mp1',
      ping('198.19.6.3'),
      { outcome: 'drop', decidedBy: { kind: 'bridge', reason: 'private-children' } },
      /private/,
    );
  });

  it('two networks', async () => {
    await passes('both', 'u1', 'icmp', 'both', ping('10.31.0.2'));
    // Of equal priority the network whose name sorts first has the default route, and nomasq does not masquerade.
    await isLost(
      'both',
      'outside',
      'icmp',
      'both',
      ping(OUTSIDE),
      { outcome: 'accept', nat: [], reply: { outcome: expect.stringMatching(/drop|undetermined/) } },
      /Network nomasq is set not to hide/,
    );
    await modes.broken(['both: ip route replace default via 10.31.0.1'], ['both: ip route replace default via 10.34.0.1'], () =>
      passes('both', 'outside', 'icmp', 'both', ping(OUTSIDE)),
    );
  });

  it('a veth by hand on a bridge with an uplink', async () => {
    // Docker's policy of FORWARD meets bridged frames of every bridge where br_netfilter shows them.
    await isLost(
      'pipe',
      OUTSIDE_2,
      'icmp',
      'pipe',
      ping(OUTSIDE_2),
      { outcome: 'drop', decidedBy: { kind: 'policy', chain: 'FORWARD' } },
      /FORWARD/,
    );
    await passes('pipe', '198.19.7.2', 'icmp', 'pipe', ping('198.19.7.2'));
    const rule = 'DOCKER-USER -i br0 -o br0 -j ACCEPT';
    await modes.broken([`iptables -I ${rule}`], [`iptables -D ${rule}`], () => passes('pipe', OUTSIDE_2, 'icmp', 'pipe', ping(OUTSIDE_2)));
  });

  it('IPv6', async () => {
    await passes('s1', OUTSIDE_V6, 'icmpv6', 's1', ping6(OUTSIDE_V6));
    await passes('s1', 'fd00:39::3', 'tcp:80', 's1', get('fd00:39::3', 80));
    const rule = `POSTROUTING -s fd00:39::/64 ! -o ${await modes.bridgeOf('six')} -j MASQUERADE`;
    await modes.broken(
      [`ip6tables -t nat -D ${rule}`, 'conntrack -F 2>/dev/null; conntrack -F -f ipv6 2>/dev/null; true'],
      [`ip6tables -t nat -A ${rule}`],
      () =>
        isLost(
          's1',
          OUTSIDE_V6,
          'icmpv6',
          's1',
          ping6(OUTSIDE_V6),
          { outcome: 'accept', nat: [], reply: { outcome: expect.stringMatching(/drop|undetermined/) } },
          /own address fd00:39::/,
        ),
    );
  });
});
