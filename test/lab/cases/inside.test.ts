/**
 * What a container's own namespace does to packets, on a real host: rules, sockets, routes and Docker's resolver inside it. The kernel's own
 * counters in that namespace are the witness.
 */
import { afterEach, expect, it } from 'vitest';
import { describeLab } from '../root.ts';
import { get, NEIGHBOUR, ping, STRANGER, useWorld, WEB, type World } from './world.ts';

/** The packets that the lines of iptables-save with `text` have counted in the container. */
const counted = async (world: World, container: string, text: string): Promise<number> => {
  const saved = await world.host.container(container, 'iptables-nft-save -c');
  const line = saved.split('\n').find((each) => each.includes(text)) ?? '';
  return Number(/\[(\d+):/.exec(line)?.[1] ?? Number.NaN);
};

const CONTAINERS = ['web', 'near', 'far'] as const;

/** As Docker had them: the rules of its resolver stand in nat. */
const clear = 'iptables -P INPUT ACCEPT; iptables -P OUTPUT ACCEPT; iptables -P FORWARD ACCEPT; iptables -F; iptables -t mangle -F';

const listen = (address: string, port: number): string =>
  `python3 -c 'import socket
s = socket.create_server(("${address}", ${port}))
print(1, flush=True)
while True: s.accept()[0].close()' >/dev/null 2>&1 & echo $!`;

describeLab("a container's own namespace", () => {
  const world = useWorld();
  const processes: string[] = [];
  const started = async (container: string, command: string): Promise<void> => {
    processes.push((await world().host.container(container, command)).trim());
  };
  afterEach(async () => {
    for (const name of CONTAINERS) await world().host.container(name, clear);
    for (const pid of processes.splice(0)) await world().host.sh(`kill ${pid} 2>/dev/null; true`);
  });

  it('tells the devices and the namespaces on the way, there and back', async () => {
    const { verdict, reply } = await both(world(), 'near', WEB, 'tcp:80');
    expect(verdict.outcome).toBe('accept');
    const places = [...new Set(verdict.steps.map(({ namespace }) => namespace ?? 'host'))];
    expect(places).toEqual(['near', 'host', 'web']);
    expect([...new Set(reply?.steps.map(({ namespace }) => namespace ?? 'host'))]).toEqual(['web', 'host', 'near']);
    expect(await world().succeeds('near', get(WEB, 80))).toBe(true);
  });

  it('a rule at INPUT of the receiver drops, and counts', async () => {
    await world().host.container('web', 'iptables -A INPUT -p tcp --dport 80 -j DROP');
    const verdict = await world().explain('near', 'web', 'tcp:80');
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', chain: 'INPUT', rule: 1, namespace: 'web' } });
    expect(verdict.why.join(' ')).toContain('Rules inside web stop the packet');
    expect(await world().fails('near', get(WEB, 80))).toBe(true);
    expect(await counted(world(), 'web', '--dport 80 -j DROP')).toBeGreaterThan(0);
    expect(await world().explain('near', 'web', 'icmp')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('near', ping(WEB))).toBe(true);
  });

  it("a rule at OUTPUT of the receiver drops the answer, and one at the asker's INPUT", async () => {
    await world().host.container('web', 'iptables -A OUTPUT -p icmp --icmp-type echo-reply -j DROP');
    expect(await world().explain('near', 'web', 'icmp')).toMatchObject({
      outcome: 'accept',
      reply: { outcome: 'drop', decidedBy: { chain: 'OUTPUT', namespace: 'web' } },
    });
    expect(await world().fails('near', ping(WEB))).toBe(true);
    expect(await counted(world(), 'web', '-j DROP')).toBeGreaterThan(0);
    await world().host.container('web', clear);
    await world().host.container('near', 'iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j DROP');
    expect(await world().explain('near', 'web', 'icmp')).toMatchObject({
      outcome: 'accept',
      reply: { outcome: 'drop', decidedBy: { chain: 'INPUT', namespace: 'near' } },
    });
    expect(await world().fails('near', ping(WEB))).toBe(true);
    expect(await counted(world(), 'near', 'ESTABLISHED -j DROP')).toBeGreaterThan(0);
  });

  it('a kill-switch stops what is sent before the host sees it, and its mending shows', async () => {
    await world().host.container('web', 'iptables -A OUTPUT -o lo -j ACCEPT; iptables -P OUTPUT DROP');
    const verdict = await world().explain('web', 'near', 'icmp');
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'policy', chain: 'OUTPUT', namespace: 'web' } });
    expect(verdict.why.join(' ')).toContain('kill-switch');
    const before = await counted(world(), 'web', ':OUTPUT DROP');
    const onHost = await world().counted(async () => expect(await world().fails('web', ping(NEIGHBOUR))).toBe(true));
    expect([...onHost.keys()].filter((rule) => rule.includes(WEB))).toEqual([]);
    expect(await counted(world(), 'web', ':OUTPUT DROP')).toBeGreaterThan(before);
    await world().host.container('web', `iptables -I OUTPUT -d ${NEIGHBOUR} -j ACCEPT`);
    expect(await world().explain('web', 'near', 'icmp')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('web', ping(NEIGHBOUR))).toBe(true);
  });

  it('nobody listens, or on 127.0.0.1 only: delivered, and refused by the container', async () => {
    const closed = await world().explain('web', 'near', 'tcp:81');
    expect(closed).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'near' } });
    expect(closed.why.join(' ')).toContain('nobody listens on tcp port 81');
    await started('near', listen('127.0.0.1', 81));
    await expect.poll(() => world().host.container('near', 'ss -Hltn'), { timeout: 15_000 }).toContain('127.0.0.1:81');
    const bound = await world().explain('web', 'near', 'tcp:81');
    expect(bound.why.join(' ')).toContain('listens on 127.0.0.1 only');
    expect(bound.steps.find(({ namespace, text }) => namespace === 'near' && text.startsWith('nothing listens'))?.note).toContain('reset');
    expect(await world().fails('web', get(NEIGHBOUR, 81))).toBe(true);
    expect(await world().explain('near', '127.0.0.1', 'tcp:81')).toMatchObject({
      outcome: 'accept',
      decidedBy: { reason: 'container-itself' },
      reply: { outcome: 'accept' },
    });
  });

  it("Docker's resolver is reached by a translation inside, and names fail where that is flushed", async () => {
    const whole = await world().explain('web', '127.0.0.11', 'udp:53');
    expect(whole).toMatchObject({ outcome: 'accept', nat: [{ kind: 'dnat', namespace: 'web' }], reply: { outcome: 'accept' } });
    expect(whole.steps.some(({ text }) => text.includes('listens on udp 127.0.0.11:'))).toBe(true);
    const saved = await world().host.container('web', 'iptables-save -t nat');
    try {
      await world().host.container('web', 'iptables -t nat -F');
      const flushed = await world().explain('web', '127.0.0.11', 'udp:53');
      expect(flushed).toMatchObject({ outcome: 'accept', nat: [] });
      expect(flushed.why.join(' ')).toContain("Docker's rules for its resolver are gone inside web");
      expect(flushed.why.join(' ')).toContain('docker restart web');
    } finally {
      await world().host.container(
        'web',
        `iptables-restore <<'RULES'\n${saved.replaceAll(/--to-source :53/g, '--to-source 127.0.0.11:53')}\nRULES`,
      );
    }
  });

  it('a redirect of the sender itself, as meshes set it, keeps the packet inside', async () => {
    await started('web', listen('0.0.0.0', 15001));
    await expect.poll(() => world().host.container('web', 'ss -Hltn'), { timeout: 15_000 }).toContain(':15001');
    const rule = 'OUTPUT -p tcp -d 10.21.0.0/24 --dport 82 -j REDIRECT --to-ports 15001';
    await world().host.container('web', `iptables -t nat -A ${rule}`);
    try {
      const verdict = await world().explain('web', 'near', 'tcp:82');
      expect(verdict).toMatchObject({
        outcome: 'accept',
        out: null,
        nat: [{ kind: 'redirect', to: '127.0.0.1:15001', namespace: 'web' }],
        reply: { outcome: 'accept' },
      });
      expect(verdict.steps.some(({ text }) => /listens on tcp 127\.0\.0\.1:15001/.test(text))).toBe(true);
      expect(await world().succeeds('web', `timeout $WAIT bash -c 'exec 3<>/dev/tcp/${NEIGHBOUR}/82'`)).toBe(true);
      expect(await counted(world(), 'web', '--to-ports 15001')).toBeGreaterThan(0);
    } finally {
      await world().host.container('web', `iptables -t nat -D ${rule}`);
    }
  });

  it('a container that routes between two networks is followed through, and its own FORWARD', async () => {
    const { host } = world();
    await host.sh('docker network connect netb near');
    try {
      const via = (await host.container('near', "ip -j -4 addr show | grep -o '10[.]22[.]0[.][0-9]*' | head -1")).trim();
      await host.container('near', 'sysctl -qw net.ipv4.ip_forward=1');
      await host.container('web', `ip route add 10.22.0.0/24 via ${NEIGHBOUR}`);
      await host.container('far', `ip route add 10.21.0.0/24 via ${via}`);
      // Docker 28 takes nothing for a container that does not come by its own bridge.
      const direct = await world().explain('web', 'far', 'icmp');
      expect(direct).toMatchObject({ outcome: 'drop', decidedBy: { table: 'raw', chain: 'PREROUTING' } });
      const moved = await world().counted(async () => expect(await world().fails('web', ping(STRANGER))).toBe(true));
      expect([...moved.keys()].some((rule) => rule.includes(`-d ${STRANGER}`) && rule.includes('-j DROP'))).toBe(true);
      await host.sh('iptables -t raw -F');
      const open = await world().explain('web', 'far', 'icmp');
      expect(open).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'far' }, reply: { outcome: 'accept' } });
      const way = [...new Set(open.steps.map(({ namespace }) => namespace ?? 'host'))];
      expect(way).toEqual(['web', 'host', 'near', 'far']);
      expect(await world().succeeds('web', ping(STRANGER))).toBe(true);
      await host.container('near', 'iptables -A FORWARD -p icmp -j DROP');
      expect(await world().explain('web', 'far', 'icmp')).toMatchObject({
        outcome: 'drop',
        decidedBy: { chain: 'FORWARD', namespace: 'near' },
      });
      expect(await world().fails('web', ping(STRANGER))).toBe(true);
      expect(await counted(world(), 'near', '-p icmp -j DROP')).toBeGreaterThan(0);
    } finally {
      await host.container('web', 'ip route del 10.22.0.0/24; true');
      await host.container('far', 'ip route del 10.21.0.0/24; true');
      await host.sh('docker network disconnect netb near');
    }
  });
});

const both = async (world: World, src: string, dst: string, proto: string) => {
  const verdict = await world.explain(src, dst, proto);
  return { verdict, reply: verdict.reply };
};
