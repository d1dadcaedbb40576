/** A capture outlives what happens to its containers, to their networks, to the daemon and to the rules, and says what it missed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { useLab } from './lab.ts';
import { Program, run } from './program.ts';
import { describeLab } from './root.ts';

const OUTSIDE = '203.0.113.2';
const MISSED = /listening again on .+ \(engine \w+\); nothing was captured there from [\d:.]+ to [\d:.]+ \(/;

interface EndPoint {
  readonly interface: string;
  readonly container: string | null;
  readonly network: string | null;
  readonly packets: number;
  readonly gaps: readonly (readonly [string, string])[];
}

describeLab('a capture while its host changes', () => {
  const host = useLab({ engine: '28.5' });
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-follow-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const ping = (container: string, to = OUTSIDE) => host().container(container, `ping -c 1 -W 1 ${to} || true`);
  const sleeper = (options: string) => host().sh(`docker run -d ${options} lab/busybox /bin/sleep 1000000`);
  const packetsOf = (program: Program, address: string): number =>
    program.objects.filter((object) => object['type'] === 'packet' && (object['src'] === address || object['dst'] === address)).length;
  /** Pings until so many more packets of this address have been captured: an engine that has just begun may miss the first. */
  const seen = async (program: Program, container: string, address: string, to = OUTSIDE): Promise<void> => {
    const before = packetsOf(program, address);
    await expect
      .poll(
        async () => {
          await ping(container, to);
          return packetsOf(program, address);
        },
        { timeout: 30_000 },
      )
      .toBeGreaterThan(before);
  };

  it('follows containers through stop, start, recreation, renaming and new namespaces, in one file', { timeout: 120_000 }, async () => {
    await sleeper('--name app-web-1 --network test_net1 --label com.docker.compose.project=app --label com.docker.compose.service=web');
    // Somebody on mv1's network who answers: its host never does.
    await host().outside('ip addr add 198.19.5.1/24 dev eth0');
    const pid = (await host().sh("docker inspect -f '{{.State.Pid}}' nm1")).trim();
    const inside = `${/\d+/.exec(await host().sh(`readlink /proc/${pid}/ns/net`))?.[0]}/eth0`;
    const file = join(folder, 'followed.pcapng');
    const program = new Program(
      ['capture', 'web3', 'sidecar', 'mv1', 'app-web-1', inside, '--json', '--packets', '-w', file, '--', 'icmp'],
      host().wrap,
    );
    await program.remark(/listening on/, 5);
    await ping('web3');
    const web3 = await host().addressOf('web3', 'test_net2');
    await program.object(() => packetsOf(program, web3) >= 2, 'the first ping and its answer');

    await Promise.all([
      (async () => {
        await host().sh('docker stop -t 0 web3');
        await program.remark(/the interface veth\w+ is gone; waiting for it to return|web3 has left/);
        await host().sh('docker start web3');
        await program.remark(/web3 is back on veth\w+ \(was veth\w+\)/);
        await seen(program, 'web3', web3);
        await host().sh('docker rm -f web3');
        await sleeper(`--name web3 --network test_net2 --ip ${web3}`);
        await program.remark(/web3 was made anew: it is container [0-9a-f]{12} now/);
        await seen(program, 'web3', web3);
      })(),
      (async () => {
        await host().sh('docker restart -t 0 web1');
        await program.remark(/sidecar was started with an earlier run of web1/);
        await program.remark(/web1 is back on veth/);
        await seen(program, 'web1', await host().addressOf('web1', 'test_net1'));
      })(),
      (async () => {
        await host().sh('docker rm -f mv1');
        await sleeper('--name mv1 --network mv');
        await program.remark(/mv1 is back on eth0, where it is known by ether host \S+ or arp host \S+ now/);
        const address = await host().addressOf('mv1', 'mv');
        await seen(program, 'mv1', address, '198.19.5.1');
      })(),
      (async () => {
        await host().sh('docker rm -f app-web-1');
        await sleeper(
          '--name 0a1b2c_app-web-2 --network test_net1 --label com.docker.compose.project=app --label com.docker.compose.service=web',
        );
        await program.remark(/app-web-1 was replaced by 0a1b2c_app-web-2/);
        await host().sh('docker rename 0a1b2c_app-web-2 app-web-2');
        await program.remark(/0a1b2c_app-web-2 is called app-web-2 now/);
        await seen(program, 'app-web-2', await host().addressOf('app-web-2', 'test_net1'));
      })(),
      (async () => {
        await host().sh('docker restart -t 0 nm1');
        await program.remark(/nm1 is back on eth0, in a new namespace/);
        await seen(program, 'nm1', await host().addressOf('nm1', 'nomasq'));
      })(),
    ]);
    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(MISSED);
    const end = program.objects.at(-1) as { readonly points: readonly EndPoint[]; readonly packets: number };
    expect(end.points).toMatchObject(
      ['web3', 'web1', 'mv1', '0a1b2c_app-web-2', 'nm1'].map((container) => ({
        container: expect.stringMatching(`${container}|app-web-2`),
        status: 'stopped',
      })),
    );
    for (const { gaps, container } of end.points) expect(gaps.length, container ?? '').toBeGreaterThanOrEqual(container === 'web3' ? 2 : 1);

    // The file says the same: one interface for each stretch, five places.
    const read = await run(['read', file, '--json']);
    const again = read.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const last = again.at(-1) as unknown as typeof end;
    expect(last.packets).toBe(end.packets);
    const stretches = ({ points }: typeof end): string[] => points.map(({ packets, gaps }) => JSON.stringify({ packets, gaps })).sort();
    expect(stretches(last)).toEqual(stretches(end));
  });

  it('captures a network that the container joins, and says when it leaves one', { timeout: 60_000 }, async () => {
    const program = new Program(['capture', 'n1', '--json', '--packets', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await host().sh('docker network connect test_net2 n1');
    await program.remark(/n1 has joined the network test_net2/);
    await program.remark(/listening on veth/, 2);
    const web2 = await host().addressOf('web2', 'test_net2');
    await host().container('n1', `ping -c 1 -W 1 ${web2}`);
    const own = await host().addressOf('n1', 'test_net2');
    await program.object(() => packetsOf(program, own) >= 2, 'the ping on the new network');

    await host().sh('docker network disconnect noicc n1');
    await program.remark(/n1 has left the network noicc; waiting for it to return/);
    await host().sh('docker pause n1');
    await program.remark(/container n1 paused/);
    await host().sh('docker unpause n1; docker network connect noicc n1');
    await program.remark(/n1 is back on veth/);
    await program.remark(/listening again on veth/);
    // The cable gets another name: it is the same container's.
    const link = /listening again on (veth\w+)/.exec(program.stderr)?.[1] ?? '';
    await host().sh(`ip link set ${link} down; ip link set ${link} name cable9; ip link set cable9 up`);
    await program.remark(/is called cable9 now/);
    await program.remark(/listening again on cable9/);
    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(0);
    const end = program.objects.at(-1) as { readonly points: readonly EndPoint[] };
    expect(end.points.map(({ interface: name, network }) => [name === 'cable9', network])).toEqual([
      [true, 'noicc'],
      [false, 'test_net2'],
    ]);
  });

  it('tells when and why a verdict changed, and leaves what has passed its verdict', { timeout: 60_000 }, async () => {
    const web2 = await host().addressOf('web2', 'test_net2');
    const web3 = await host().addressOf('web3', 'test_net2');
    const program = new Program(['capture', 'web2', '--json', '--packets', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await ping('web2');
    await program.object(() => packetsOf(program, OUTSIDE) >= 2, 'the ping that passes and its answer');
    const flag = join(folder, 'pinging');
    const pinging = host().container('web2', `touch ${flag}; ping -i 0.2 ${web3} & while [ -e ${flag} ]; do sleep 0.1; done; kill $!`);
    await program.object(() => packetsOf(program, web3) >= 1, 'the first packet');
    await host().sh('iptables -I DOCKER-USER -p icmp -j DROP');
    const outcomeOf = (object: Record<string, unknown>): string => (object['verdict'] as { outcome: string }).outcome;
    const dropped = await program.object((object) => object['type'] === 'flow' && outcomeOf(object) === 'drop', 'the flow dropped');
    rmSync(flag);
    expect(dropped['verdict']).toMatchObject({ decidedBy: { chain: 'DOCKER-USER', rule: 1, text: '-A DOCKER-USER -p icmp -j DROP' } });
    await program.remark(/iptables rules changed/);
    await ping('web2');
    await program.object(() => packetsOf(program, OUTSIDE) >= 3, 'the ping that is dropped');
    await host().sh('iptables -D DOCKER-USER 1');
    await pinging;
    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(0);
    const outside = program.objects.filter(
      (object) => object['type'] === 'flow' && (object['b'] as { address: string }).address === OUTSIDE,
    );
    expect(outside.map((flow) => [(flow['a'] as { address: string }).address, flow['packets'], outcomeOf(flow)])).toEqual([
      [web2, [1, 1], 'accept'],
      [web2, [1, 0], 'drop'],
    ]);
  });

  it('fails where the file could not be written, and captures all the same', { timeout: 60_000 }, async () => {
    const program = new Program(['capture', 'web2', '-w', '/dev/full', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await ping('web2');
    await program.remark(/saving has stopped/);
    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(1);
    expect(stderr).not.toMatch(/saved \d/);
  });

  it('goes on while the Docker daemon restarts, with its containers and without', { timeout: 90_000 }, async () => {
    // A daemon gives each container ten seconds to end; those that sleep take them all.
    await host().sh('docker rm -f $(docker ps -aq) >/dev/null');
    await sleeper('--name lasting --stop-timeout 0 --network test_net2');
    const lasting = await host().addressOf('lasting', 'test_net2');
    const reload = (settings: string) =>
      host().sh(`echo '${settings}' >${host().dir}/daemon.json; kill -HUP $(cat ${host().dir}/dockerd.pid)`);
    await reload('{"live-restore":true}');
    await expect.poll(() => host().sh("docker info -f '{{.LiveRestoreEnabled}}'"), { timeout: 15_000 }).toContain('true');
    const program = new Program(['capture', 'lasting', '--json', '--packets', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await host().stopDocker();
    await program.remark(/Docker|daemon/);
    await host().startDocker();
    await program.remark(/daemon answers again|daemon is back/);
    await seen(program, 'lasting', lasting);
    expect(program.stderr).not.toMatch(/waiting for it|listening again/);

    await reload('{"live-restore":false}');
    await expect.poll(() => host().sh("docker info -f '{{.LiveRestoreEnabled}}'"), { timeout: 15_000 }).toContain('false');
    await host().stopDocker();
    await program.remark(/waiting for it to return/);
    await host().startDocker();
    await host().sh('docker start lasting');
    await program.remark(/lasting is back on veth/);
    await program.remark(/listening again on/);
    await seen(program, 'lasting', lasting);
    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(0);
  });
});
