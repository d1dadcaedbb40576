/**
 * Overlay networks over two real hosts of one swarm: found, captured in the hidden namespace and on the underlay, foretold on both hosts;
 * then broken, each time with the kernel's own counters as witnesses of where the packet was last.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isAlive } from '../processes.ts';
import { type LabHost, startSwarm, useSwarm } from './lab.ts';
import { Program, run } from './program.ts';
import { describeLab } from './root.ts';

const RIGHT_MAC = '02:42:0a:14:00:15';
const PING = 'ping -c1 -W1 10.20.0.21';

/** Far longer than it takes: the machine may be busy. */
const PATIENCE_MS = 120_000;

interface VerdictJson {
  readonly outcome: string;
  readonly decidedBy: Readonly<Record<string, unknown>>;
  readonly deliveredTo?: unknown;
  readonly unknowns: readonly string[];
  readonly reply: { readonly outcome: string; readonly decidedBy: Readonly<Record<string, unknown>> } | null;
  readonly why: readonly string[];
}

describeLab('an overlay network over two hosts', () => {
  const swarm = useSwarm({ engine: '28.5' });
  let folder = '';
  let hidden = '';
  /** The second host as it is when nothing is broken there. */
  let there = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vethscope-overlay-'));
    const networks = await swarm().first.sh("docker network inspect -f '{{.Id}}' net");
    hidden = `1-${networks.slice(0, 10)}`;
    there = await snapshotOf('whole');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** In the hidden namespace of `net`, which only dockerd's own mount namespace knows by name. */
  const inHidden = async (host: LabHost, command: string): Promise<string> => {
    const daemon = (await host.sh(`cat ${host.dir}/dockerd.pid`)).trim();
    return host.sh(`nsenter --net=/proc/${daemon}/root${host.dir}/exec/netns/${hidden} ${command}`);
  };
  const sentAway = async (host: LabHost): Promise<{ readonly sent: number; readonly dropped: number }> => {
    const [link] = JSON.parse(await inHidden(host, 'ip -j -s link show vxlan0')) as {
      stats64: { tx: { packets: number; dropped: number } };
    }[];
    return { sent: link?.stats64.tx.packets ?? -1, dropped: link?.stats64.tx.dropped ?? -1 };
  };
  const cameOut = async (host: LabHost): Promise<number> => {
    const [link] = JSON.parse(await inHidden(host, 'ip -j -s link show vxlan0')) as { stats64: { rx: { packets: number } } }[];
    return link?.stats64.rx.packets ?? -1;
  };
  const lost = async (): Promise<boolean> => {
    const said = await swarm().first.container('left', `${PING} || true`);
    return said.includes('100% packet loss');
  };
  const snapshotOf = async (name: string): Promise<string> => {
    const path = join(folder, `${name}.json`);
    const { code, stderr } = await run(['snapshot', '-o', path], swarm().second.wrap);
    if (code !== 0) throw new Error(stderr);
    return path;
  };
  const explain = async (src: string, dst: string, ...peers: readonly string[]): Promise<VerdictJson> => {
    const given = peers.flatMap((peer) => ['--peer', peer]);
    const { stdout, stderr } = await run(['explain', ...given, src, dst, 'icmp', '--json'], swarm().first.wrap);
    expect(stderr).toBe('');
    return JSON.parse(stdout) as VerdictJson;
  };

  it('is found: the cable into the hidden namespace, and the other one to docker_gwbridge', { timeout: PATIENCE_MS }, async () => {
    const listed = JSON.parse((await run(['list', '--json'], swarm().first.wrap)).stdout) as {
      name: string;
      endpoints: { network: string; host: unknown }[];
    }[];
    const left = listed.find(({ name }) => name === 'left');
    expect(left?.endpoints).toMatchObject([
      { network: 'net', host: { kind: 'overlay', bridge: 'br0', interface: expect.stringMatching(/^veth\d+$/), namespace: hidden } },
      { network: 'docker_gwbridge', host: { kind: 'veth', bridge: 'docker_gwbridge', namespace: null } },
    ]);
  });

  it('is captured in the hidden namespace and on the underlay, where the inner flow has its tunnel', { timeout: PATIENCE_MS }, async () => {
    const { first } = swarm();
    const inside = new Program(['capture', 'left:net', '--json', '--packets'], first.wrap);
    const outside = new Program(['capture', 'eth0', '--json', '--packets', '--', 'udp port 4789'], first.wrap);
    await Promise.all([inside.remark(/listening on/), outside.remark(/listening on/)]);
    await first.container('left', PING);
    const echo = (object: Record<string, unknown>): boolean => object['proto'] === 'icmp' && object['dst'] === '10.20.0.21';
    await Promise.all([inside.object(echo, 'the ping inside'), outside.object(({ type }) => type === 'packet', 'its packet outside')]);
    const [within, without] = [await inside.interrupt(), await outside.interrupt()].map(({ stdout }) =>
      stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
    const flows = (objects: typeof within): Record<string, unknown>[] => (objects ?? []).filter(({ type }) => type === 'flow');
    expect(flows(within).findLast(({ proto }) => proto === 'icmp')).toMatchObject({
      state: '1/1',
      verdict: { outcome: 'accept', out: 'eth0' },
    });
    const ping = flows(without).find(({ proto }) => proto === 'icmp');
    expect(ping).toMatchObject({
      a: { address: '10.20.0.11', name: expect.stringContaining('left') },
      b: { address: '10.20.0.21' },
      tunnel: { vni: 4097, src: '203.0.113.1', dst: '203.0.113.3' },
    });
    const carrier = flows(without).findLast(({ id }) => id === (ping?.['tunnel'] as { flow: number } | undefined)?.flow);
    expect(carrier).toMatchObject({
      proto: 'udp',
      b: { address: '203.0.113.3', port: 4789 },
      carries: { vni: 4097, flows: [ping?.['id']] },
    });
    expect(carrier?.['verdict']).toMatchObject({
      outcome: 'accept',
      out: 'eth0',
      steps: expect.arrayContaining([expect.objectContaining({ hook: 'output' })]),
    });
  });

  it('is foretold: on this host up to the wire, with the other one’s snapshot to the container and back', {
    timeout: PATIENCE_MS,
  }, async () => {
    await expect.poll(lost).toBe(false);
    const whole = await explain('left', 'right', there);
    expect(whole).toMatchObject({
      outcome: 'accept',
      deliveredTo: { container: 'right', network: 'net' },
      unknowns: [],
      reply: { outcome: 'accept' },
    });
    const half = await explain('left', '10.20.0.21');
    expect(half).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(half.unknowns).toEqual([expect.stringContaining('left the host to 203.0.113.3 for VNI 4097')]);
    expect(await explain('left', 'near')).toMatchObject({
      outcome: 'accept',
      deliveredTo: { container: 'near', network: 'net' },
      reply: { outcome: 'accept' },
    });
  });

  it('names the rule of the other host that drops UDP 4789, behind whose tunnel nothing comes out', { timeout: PATIENCE_MS }, async () => {
    const { first, second } = swarm();
    await second.sh('iptables -I INPUT -p udp --dport 4789 -j DROP');
    try {
      const verdict = await explain('left', 'right', await snapshotOf('shut'));
      expect(verdict).toMatchObject({
        outcome: 'drop',
        decidedBy: {
          kind: 'rule',
          table: 'filter',
          chain: 'INPUT',
          rule: 1,
          text: '-A INPUT -p udp -m udp --dport 4789 -j DROP',
          namespace: 'host 203.0.113.3',
          tunnel: { src: '203.0.113.1', dst: '203.0.113.3', vni: 4097, proto: 'udp', dport: 4789 },
        },
      });
      expect(verdict.why.join('\n')).toContain(
        'On host 203.0.113.3, to let them in: iptables -I INPUT -s 203.0.113.1 -p udp --dport 4789 -j ACCEPT',
      );
      // The last place that saw it is the other host's INPUT: sent by the tunnel here, counted by the rule there, not out of the tunnel there.
      const before = [(await sentAway(first)).sent, await cameOut(second)] as const;
      expect(await lost()).toBe(true);
      expect(await second.sh('iptables -nvxL INPUT 1')).toMatch(/^\s*1\s+134\s+DROP/);
      expect([(await sentAway(first)).sent - before[0], (await cameOut(second)) - before[1]]).toEqual([1, 0]);
    } finally {
      await second.sh('iptables -D INPUT 1');
    }
    await expect.poll(lost).toBe(false);
  });

  it('names the forwarding entry that is missing, or leads to a wrong host, and what the tunnel’s device then does', {
    timeout: PATIENCE_MS,
  }, async () => {
    const { first } = swarm();
    const entry = `${RIGHT_MAC} dev vxlan0 dst`;
    await inHidden(first, `bridge fdb del ${entry} 203.0.113.3 self`);
    try {
      const missing = await explain('left', 'right', there);
      expect(missing).toMatchObject({
        outcome: 'drop',
        decidedBy: { reason: 'vtep-missing', text: `vxlan0: no forwarding entry for ${RIGHT_MAC}`, namespace: 'net' },
      });
      expect(missing.why[0]).toContain('no entry says behind which host');
      // The last place that saw it is the tunnel's device, which counts what it drops.
      const before = await sentAway(first);
      expect(await lost()).toBe(true);
      const after = await sentAway(first);
      expect([after.sent - before.sent, after.dropped - before.dropped]).toEqual([0, 1]);

      await inHidden(first, `bridge fdb add ${entry} 203.0.113.99 self permanent`);
      expect(await explain('left', '10.20.0.21')).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'vtep-wrong', namespace: 'net' } });
    } finally {
      await inHidden(first, `bridge fdb replace ${entry} 203.0.113.3 self permanent`);
    }
    await expect.poll(lost).toBe(false);
  });

  it('names the neighbour entry that is missing, where nobody else answers', { timeout: PATIENCE_MS }, async () => {
    const { first } = swarm();
    await inHidden(first, 'ip neigh del 10.20.0.21 dev vxlan0');
    try {
      await first.container('left', 'ip neigh flush dev eth0');
      expect(await explain('left', 'right', there)).toMatchObject({
        outcome: 'drop',
        decidedBy: { reason: 'vtep-neighbour', text: 'vxlan0: no neighbour entry for 10.20.0.21', namespace: 'net' },
      });
      expect(await lost()).toBe(true);
      expect(await explain('left', 'right', there)).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'vtep-neighbour' } });
    } finally {
      await inHidden(first, `ip neigh replace 10.20.0.21 lladdr ${RIGHT_MAC} dev vxlan0 nud permanent`);
    }
    await expect.poll(lost).toBe(false);
  });

  it('names what an encrypted network’s IPsec lacks, as the kernel counts it', { timeout: PATIENCE_MS }, async (context) => {
    const { first } = swarm();
    const states = await first.sh('ip xfrm state list nokeys');
    // Where the kernel has ESP the network works.
    if (states.trim() !== '') return context.skip();
    expect(await explain('eleft', 'eright', there)).toMatchObject({
      outcome: 'drop',
      decidedBy: { reason: 'ipsec-state', tunnel: { vni: 4098 } },
    });
    const counted = async (): Promise<number> => Number((await first.sh("awk '/XfrmOutNoStates/ {print $2}' /proc/net/xfrm_stat")).trim());
    const before = await counted();
    await first.container('eleft', 'ping -c1 -W1 10.21.0.21 || true');
    expect((await counted()) - before).toBe(1);
  });
});

describeLab('two hosts of a swarm', () => {
  it('leave nothing behind', { timeout: PATIENCE_MS }, async () => {
    const { first, second } = await startSwarm('28.5');
    await Promise.all([second.stop(), first.stop()]);
    for (const host of [first, second]) {
      expect(existsSync(host.dir)).toBe(false);
      await expect.poll(() => isAlive(host.anchorPid)).toBe(false);
      expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toContain(host.netns);
    }
  });
});
