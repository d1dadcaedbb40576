/** Collecting and watching on real Docker hosts. The agent runs inside the host, so a small main does too, and prints what it got. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AgentNews } from '../../src/agent/client.ts';
import type { CollectRequest } from '../../src/agent/protocol.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../src/host/snapshot.ts';
import { type LabHost, useLab } from '../lab/lab.ts';
import { describeLab } from '../lab/root.ts';

vi.setConfig({ testTimeout: 90_000 });

const CLIENT = JSON.stringify(join(process.cwd(), 'dist/agent/client.js'));
const LINKS: CollectRequest = { firewall: true, conntrack: true, namespaces: 'links', docker: true };
/** Far more than it takes: the machine may be busy with other tests. */
const WITHIN = { timeout: 30_000, interval: 100 };

const collectIn = (host: LabHost, what: CollectRequest, dockerHost: string | null = null): SnapshotDocument => {
  const script = `
    import { startAgent } from ${CLIENT};
    const agent = await startAgent(${JSON.stringify({ dockerHost })});
    const snapshot = await agent.collect(${JSON.stringify(what)});
    await agent.close();
    process.stdout.write(JSON.stringify(snapshot));`;
  const [file, ...args] = host.wrap([process.execPath, '--input-type=module', '-e', script]);
  const result = spawnSync(file as string, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status !== 0) throw new Error(result.stderr);
  return JSON.parse(result.stdout) as SnapshotDocument;
};

const json = (text: string | undefined): Record<string, unknown>[] => JSON.parse(text ?? 'null') as Record<string, unknown>[];

describeLab('collecting on a Docker host', () => {
  const host = useLab({ engine: 'local', shared: true });

  it('reads every fact, and misses none', () => {
    const snapshot = collectIn(host(), LINKS);
    expect(snapshot.missing).toBeUndefined();
    const { iptables, ip6tables, conntrackProc, nftChains, ...always } = SNAPSHOT_COMMANDS;
    expect(Object.keys(snapshot.raw).sort()).toEqual(Object.values(always).sort());
    expect(snapshot.raw[iptables] ?? snapshot.raw[ip6tables] ?? snapshot.raw[conntrackProc] ?? snapshot.raw[nftChains]).toBeUndefined();
    expect(snapshot.raw[SNAPSHOT_COMMANDS.iptablesNft]).toContain('-A DOCKER');
    expect(snapshot.raw[SNAPSHOT_COMMANDS.sysctl]).toContain('net.ipv4.ip_forward = 1\n');
    expect(snapshot.takenAt).toMatch(/^\d+\.\d{9}$/);
  });

  it('reads what sysctl prints, word for word', async () => {
    const printed = new Set((await host().sh('sysctl net.ipv4 net.ipv6 net.netfilter net.bridge 2>/dev/null || true')).split('\n'));
    const told = (collectIn(host(), LINKS).raw[SNAPSHOT_COMMANDS.sysctl] ?? '').split('\n').filter((line) => !/_count/.test(line));
    expect(told.length).toBeGreaterThan(100);
    expect(told.filter((line) => !printed.has(line))).toEqual([]);
  });

  it('knows the namespace of every container with a process', async () => {
    const { docker, namespaces, netns } = collectIn(host(), LINKS);
    const byName = new Map(docker.containers.map((container) => [container.Name.slice(1), container]));
    expect(byName.size).toBe(15);
    const pid = (await host().sh("docker inspect -f '{{.State.Pid}}' web1")).trim();
    const web1 = String((await host().sh(`readlink /proc/${pid}/ns/net`)).replace(/\D/g, ''));
    expect(String(byName.get('web1')?.NetNs)).toBe(web1);
    expect(namespaces[web1]?.owners.toSorted()).toEqual([byName.get('web1')?.Id, byName.get('sidecar')?.Id].toSorted());
    expect(String(byName.get('hostmode')?.NetNs)).toBe(netns);
    expect(namespaces[String(netns)]).toBeUndefined();
    const owned = Object.values(namespaces).filter((namespace) => namespace.owners.length > 0);
    // 15 containers: hostmode has none of its own, sidecar has web1's
    expect(owned).toHaveLength(13);
  });

  it("joins a container's device with the host's by both numbers and the namespace's id", () => {
    const { docker, namespaces, raw } = collectIn(host(), LINKS);
    const web2 = docker.containers.find((container) => container.Name === '/web2');
    const inside = namespaces[String(web2?.NetNs)];
    const eth0 = json(inside?.raw[SNAPSHOT_COMMANDS.link]).find((link) => link['ifname'] === 'eth0');
    const outer = json(raw[SNAPSHOT_COMMANDS.link]).filter(
      (link) =>
        link['ifindex'] === eth0?.['link_index'] && link['link_index'] === eth0?.['ifindex'] && link['link_netnsid'] === inside?.nsid,
    );
    expect(outer).toHaveLength(1);
    expect(inside?.raw[SNAPSHOT_COMMANDS.address]).toContain('198.18.20.2');
    expect(inside?.startTime).toMatch(/^\d+$/);
  });

  it('reads whole namespaces where asked to', () => {
    const { namespaces, docker } = collectIn(host(), { ...LINKS, namespaces: 'full' });
    const web1 = namespaces[String(docker.containers.find((container) => container.Name === '/web1')?.NetNs)];
    expect(web1?.missing).toBeUndefined();
    // Docker's name server is reached by translation inside the namespace
    expect(web1?.raw[SNAPSHOT_COMMANDS.iptablesNft]).toContain('127.0.0.11');
    expect(web1?.raw[SNAPSHOT_COMMANDS.sysctl]).toContain('net.ipv4.conf.eth0.');
    expect(web1?.raw[SNAPSHOT_COMMANDS.sysctl]).not.toContain('docker0');
  });

  it('says where no daemon is, and keeps the rest', () => {
    const snapshot = collectIn(host(), LINKS, 'unix:///nowhere.sock');
    expect(snapshot.docker.error).toContain('no Docker daemon: unix:///nowhere.sock is not there');
    expect(snapshot.raw[SNAPSHOT_COMMANDS.link]).toContain('docker0');
  });

  it('changes nothing on the host', async () => {
    const look =
      'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names; nft list ruleset | sed "s/packets [0-9]* bytes [0-9]*//"; ip link; lsmod 2>/dev/null | cut -d" " -f1';
    const before = await host().sh(look);
    collectIn(host(), { ...LINKS, namespaces: 'full' });
    expect(await host().sh(look)).toBe(before);
  });
});

/** A main that watches, inside the host. */
class Watcher {
  readonly news: AgentNews[] = [];
  readonly #child: ChildProcess;

  constructor(host: LabHost) {
    const script = `
      import { startAgent } from ${CLIENT};
      const agent = await startAgent();
      const what = ${JSON.stringify(LINKS)};
      await agent.collect(what);
      agent.onMessage((news) => process.connected && process.send({ ...news, snapshot: undefined, raw: news.raw }));
      agent.watch(1000, what);
      process.on('disconnect', () => agent.close());`;
    const [file, ...args] = host.wrap([process.execPath, '--input-type=module', '-e', script]);
    this.#child = spawn(file as string, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (news) => this.news.push(news as AgentNews));
  }

  /** From the last `counters` on, nothing is under way. */
  async settle(): Promise<void> {
    const at = this.news.length;
    await vi.waitUntil(() => this.news.slice(at).filter((news) => news.type === 'counters').length > 1, { timeout: 60_000, interval: 100 });
    this.news.length = 0;
  }

  get reasons(): string {
    return this.news.flatMap((news) => (news.type === 'changed' ? [news.reason] : [])).join('\n');
  }

  async end(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await closed;
  }
}

describeLab('watching a Docker host', () => {
  const host = useLab({ engine: 'local' });

  let watcher: Watcher;

  beforeAll(async () => {
    watcher = new Watcher(host());
    await watcher.settle();
  }, 120_000);

  afterAll(async () => {
    await watcher.end();
  });

  describe('tells soon of', () => {
    it.each([
      ['a rule', 'iptables -I FORWARD -s 10.1.2.3 -j DROP', 'iptables rules changed: 1 added (-A FORWARD -s 10.1.2.3/32 -j DROP)'],
      [
        'a legacy rule',
        'iptables-legacy -I FORWARD -s 10.1.2.3 -j DROP',
        'legacy iptables rules changed: 1 added (-A FORWARD -s 10.1.2.3/32 -j DROP)',
      ],
      ['an IPv6 rule', 'ip6tables -I FORWARD -s fd00::9 -j DROP', 'ip6tables rules changed: 1 added (-A FORWARD -s fd00::9/128 -j DROP)'],
      ['a native nftables rule', 'nft add table inet mine', 'nftables rules changed'],
      ['a set', 'ipset create mine hash:ip', 'sets changed: 1 added (create mine hash:ip'],
      ['a sysctl', 'sysctl -qw net.ipv4.conf.eth0.rp_filter=2', 'net.ipv4.conf.eth0.rp_filter is now 2'],
      ['an interface', 'ip link add mine0 type veth peer name mine1', 'interface mine0 appeared'],
      ['a route', 'ip route add 10.9.0.0/16 via 203.0.113.2', 'routes changed'],
      // Docker's word, or where the host was read before it came, what was found there
      ['a container that stops', 'docker stop -t 0 web3', /container web3 (stopped|is exited)/],
      ['a container that starts', 'docker start web3', /container web3 (started|is running)/],
      [
        'a network that a container leaves',
        'docker network disconnect test_net1 multi',
        /container multi (disconnected from network test_net1|changed)/,
      ],
    ])('%s', async (_, command, words) => {
      await host().sh(command);
      const expected = typeof words === 'string' ? expect.stringContaining(words) : expect.stringMatching(words);
      await expect.poll(() => watcher.reasons, WITHIN).toEqual(expected);
    });
  });

  it('tells of an interface at once, by name', async () => {
    await host().sh('ip link add other0 type veth peer name other1; ip link set other0 up');
    await expect.poll(() => watcher.news, WITHIN).toContainEqual(expect.objectContaining({ type: 'link', interface: 'other0', up: true }));
    await host().sh('ip link del other0');
    await expect
      .poll(() => watcher.news, WITHIN)
      .toContainEqual(expect.objectContaining({ type: 'link', interface: 'other0', present: false }));
  });

  it('tells only counters while only counters move', async () => {
    await host().container('web1', 'ping -c3 -W2 203.0.113.2');
    await watcher.settle();
    await host().container('web1', 'ping -c3 -W2 203.0.113.2');
    await expect.poll(() => watcher.news.length, WITHIN).toBeGreaterThan(1);
    expect(watcher.reasons).not.toContain('rules');
    const counters = watcher.news.filter((news) => news.type === 'counters').at(-1);
    expect(counters?.raw[SNAPSHOT_COMMANDS.iptablesNft]).toContain('-A DOCKER');
  });

  it('lives through a restart of the daemon', async () => {
    await host().stopDocker();
    await expect.poll(() => watcher.news, WITHIN).toContainEqual(expect.objectContaining({ type: 'dockerState', up: false }));
    await host().startDocker();
    await expect.poll(() => watcher.news, WITHIN).toContainEqual(expect.objectContaining({ type: 'dockerState', up: true }));
    await host().sh('docker start n1');
    await expect.poll(() => watcher.reasons, WITHIN).toMatch(/container n1 (started|is running)/);
  });
});
