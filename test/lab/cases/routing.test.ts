/** Routes, sysctls and links: the switch, route or neighbour at fault is named in the direction where it lies, and its mending shows. */
import { expect, it } from 'vitest';
import type { PacketSpec } from '../../../src/path/verdict.ts';
import { describeLab } from '../root.ts';
import { get, HOST, OUTSIDE, ping, STRANGER, useWorld, WEB, type World } from './world.ts';

const nstat = async (world: World, name: string): Promise<number> =>
  Number(/\s(\d+)\s/.exec(await world.host.sh(`nstat -asz ${name} | tail -1`))?.[1] ?? Number.NaN);

/** A machine behind the outside one, 192.0.2.2, by a link that takes 1400 bytes that way. Its namespace lives as long as a process in it. */
const openFurther = async (world: World): Promise<{ run(command: string): Promise<string>; close(): Promise<void> }> => {
  const pid = (
    await world.host.outside(
      'timeout 60 unshare --net sleep 50 >/dev/null 2>&1 & p=$!; until [ "$(readlink /proc/$(pgrep -P $p)/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done; pgrep -P $p',
    )
  ).trim();
  const inside = (command: string): string => `nsenter -t ${pid} -n sh -c '${command.replaceAll("'", `'\\''`)}'`;
  await world.host.outside(
    `sysctl -qw net.ipv4.ip_forward=1; ip link add hop0 type veth peer name hop1 netns ${pid}; ip addr add 192.0.2.1/24 dev hop0; ip link set hop0 mtu 1400 up; ${inside('ip addr add 192.0.2.2/24 dev hop1; ip link set hop1 up; ip route add default via 192.0.2.1')}`,
  );
  return {
    run: (command) => world.host.outside(inside(command)),
    close: async () => {
      await world.host.outside(`kill ${pid}; ip link del hop0 2>/dev/null; true`);
    },
  };
};

/** Sends a datagram of 1500 bytes with DF, and prints the MTU that the kernel has learnt of it (IP_MTU_DISCOVER, IP_MTU; ip(7)). */
const LEARNT_MTU = `python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(0, 10, 2)
s.connect(("${OUTSIDE}", 9))
s.send(bytes(1472))
time.sleep(0.2)
print(s.getsockopt(0, 14))
'`;

describeLab('routes, sysctls and links', () => {
  const world = useWorld();

  it('forwarding off everywhere stops what is translated before it is forwarded, and not docker-proxy', async () => {
    await world().host.sh('sysctl -qw net.ipv4.ip_forward=0');
    const verdict = await world().explain('outside', HOST, 'tcp:8080');
    expect(verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'sysctl', text: 'net.ipv4.ip_forward = 0' },
      nat: [{ kind: 'dnat', to: `${WEB}:80` }],
    });
    expect(verdict.why.join(' ')).toContain('ip_forward');
    const before = await nstat(world(), 'IpInAddrErrors');
    const counted = await world().counted(async () => expect(await world().fails('outside', get(HOST, 8080))).toBe(true));
    expect([...counted.keys()].some((rule) => rule.includes('--dport 8080 -j DNAT'))).toBe(true);
    expect([...counted.keys()].filter((rule) => rule.includes('-A FORWARD'))).toEqual([]);
    expect(await nstat(world(), 'IpInAddrErrors')).toBeGreaterThan(before);
    expect(await world().explain('host', '127.0.0.1', 'tcp:8080')).toMatchObject({ outcome: 'accept', proxiedTo: { container: 'web' } });
    expect(await world().succeeds('host', get('127.0.0.1', 8080))).toBe(true);
    await world().host.sh('sysctl -qw net.ipv4.ip_forward=1');
    expect(await world().explain('outside', HOST, 'tcp:8080')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('outside', get(HOST, 8080))).toBe(true);
  });

  it('forwarding off at one interface stops what comes in by it: the request of the bridge, the answer of the uplink', async () => {
    const bridge = `net.ipv4.conf.${world().bridgeB}.forwarding`;
    await world().host.sh(`sysctl -qw ${bridge}=0`);
    expect(await world().explain('far', 'outside', 'icmp')).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'sysctl', text: `${bridge} = 0` },
    });
    expect(await world().fails('far', ping(OUTSIDE))).toBe(true);
    await world().host.sh(`sysctl -qw ${bridge}=1 net.ipv4.conf.eth0.forwarding=0`);
    expect(await world().explain('far', 'outside', 'icmp')).toMatchObject({
      outcome: 'accept',
      nat: [{ kind: 'masquerade' }],
      reply: { outcome: 'drop', decidedBy: { kind: 'sysctl', text: 'net.ipv4.conf.eth0.forwarding = 0' } },
    });
    expect(await world().fails('far', ping(OUTSIDE))).toBe(true);
    expect(await world().host.sh('conntrack -L -p icmp 2>/dev/null')).not.toContain('UNREPLIED');
    await world().host.sh('sysctl -qw net.ipv4.conf.eth0.forwarding=1');
    expect(await world().explain('far', 'outside', 'icmp')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('far', ping(OUTSIDE))).toBe(true);
  });

  it('strict rp_filter drops the answer of a container that has two networks and answers by the other one', async () => {
    await world().host.sh(
      `docker run -d --name both --network neta --ip 10.21.0.9 lab/busybox /bin/httpd -f -p 80 && docker network connect --ip 10.22.0.9 netb both && iptables -t nat -I PREROUTING -d ${HOST} -p tcp --dport 8095 -j DNAT --to-destination 10.22.0.9:80 && iptables -I DOCKER-USER -d 10.22.0.9 -j ACCEPT`,
    );
    expect(await world().host.container('both', `ip route get ${OUTSIDE} from 10.22.0.9`)).toContain('via 10.21.0.1');
    expect(await world().explain('outside', HOST, 'tcp:8095')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('outside', get(HOST, 8095))).toBe(true);
    const own = `net.ipv4.conf.${world().bridgeA}.rp_filter`;
    await world().host.sh(`sysctl -qw ${own}=1`);
    const verdict = await world().explain('outside', HOST, 'tcp:8095');
    expect(verdict).toMatchObject({ outcome: 'accept', reply: { outcome: 'drop', decidedBy: { kind: 'sysctl', text: `${own} = 1` } } });
    expect(verdict.why.join(' ')).toContain('both is in several networks');
    const before = await nstat(world(), 'TcpExtIPReversePathFilter');
    expect(await world().fails('outside', get(HOST, 8095))).toBe(true);
    expect(await nstat(world(), 'TcpExtIPReversePathFilter')).toBeGreaterThan(before);
    await world().host.sh(`sysctl -qw ${own}=2`);
    expect(await world().explain('outside', HOST, 'tcp:8095')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('outside', get(HOST, 8095))).toBe(true);
    await world().host.sh('docker rm -f both');
  });

  it('a second network moves the default route of a container, and so the way of all it sends', async () => {
    const wayOf = async (): Promise<string> => (await world().explain('far', 'outside', 'icmp')).phases?.[0]?.text ?? '';
    expect(await wayOf()).toContain('default via 10.22.0.1');
    await world().host.sh('docker network create --subnet 10.26.0.0/24 a_first && docker network connect a_first far');
    const moved = await world().explain('far', 'outside', 'icmp');
    expect(moved.phases?.[0]?.text).toContain('default via 10.26.0.1');
    expect(moved.nat[0]?.from).toBe('10.26.0.2');
    expect(await world().host.container('far', `ip route get ${OUTSIDE}`)).toContain('via 10.26.0.1');
    const counted = await world().counted(() => world().succeeds('far', ping(OUTSIDE)));
    expect([...counted.keys()].some((rule) => rule.includes('-s 10.26.0.0/24') && rule.includes('MASQUERADE'))).toBe(true);
    await world().host.container('far', `ip rule add from ${STRANGER} table 100 && ip route add default via 10.22.0.1 table 100`);
    expect(await world().host.container('far', `ip route get ${OUTSIDE} from ${STRANGER}`)).toContain('via 10.22.0.1');
    await world().host.sh('docker network disconnect a_first far && docker network rm a_first');
    expect(await wayOf()).toContain('default via 10.22.0.1');
    await world().host.container('far', `ip rule del from ${STRANGER} table 100`);
  });

  it('a smaller link on the host: whoever forbids fragments is told its size', async () => {
    await world().host.sh('ip link set eth0 mtu 1400');
    const large = { in: world().bridgeB, src: STRANGER, dst: OUTSIDE, proto: 'icmp', length: 1500, dontFragment: true } as const;
    const verdict = await world().judge(large);
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'route', text: '1500 bytes exceed mtu 1400 of eth0' } });
    expect(verdict.steps.at(-1)?.note).toBe(`${STRANGER} is told: fragmentation needed, mtu 1400`);
    expect((await world().host.container('far', LEARNT_MTU)).trim()).toBe('1400');
    expect(await world().judge({ ...large, dontFragment: false })).toMatchObject({ outcome: 'accept', out: 'eth0' });
    await world().host.sh('ip link set eth0 mtu 1500');
    expect(await world().judge(large)).toMatchObject({ outcome: 'accept', out: 'eth0' });
    await world().host.container('far', 'ip route flush cache');
  });

  it('a smaller link further on: large answers die where the error about them is dropped', async () => {
    const rule = '-A FORWARD -p icmp -m icmp --icmp-type 3/4 -j DROP';
    await world().host.sh("head -c 300000 /dev/zero >/proc/$(docker inspect -f '{{.State.Pid}}' web)/root/big");
    const further = await openFurther(world());
    try {
      const fetch = `timeout 2 bash -c 'exec 3<>/dev/tcp/${HOST}/8080; printf "GET /big HTTP/1.0\\r\\n\\r\\n" >&3; wc -c <&3' || echo 0`;
      await world().host.sh(`iptables ${rule.replace('-A', '-I')}; conntrack -F 2>/dev/null`);
      const counted = await world().counted(async () => expect(Number(await further.run(fetch))).toBe(0));
      expect(counted.get(`filter ${rule}`)).toBeGreaterThan(0);
      expect(await world().explain('outside', HOST, 'tcp:8080')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
      const dport = Number(
        /src=192\.0\.2\.2 dst=\S+ sport=(\d+) dport=8080/.exec(await world().host.sh('conntrack -L -p tcp 2>/dev/null'))?.[1],
      );
      const error: PacketSpec = {
        in: 'eth0',
        src: OUTSIDE,
        dst: HOST,
        proto: 'icmp',
        icmpType: 3,
        icmpCode: 4,
        about: { src: HOST, dst: '192.0.2.2', proto: 'tcp', sport: 8080, dport },
      };
      const verdict = await world().judge(error);
      expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', text: rule }, nat: [{ from: HOST, to: WEB }] });
      await world().host.sh(`iptables ${rule.replace('-A', '-D')}`);
      expect(await world().judge(error)).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'web' } });
      expect(Number(await further.run(fetch))).toBeGreaterThan(300_000);
      expect(await world().host.container('web', 'ip route get 192.0.2.2')).toContain('mtu 1400');
    } finally {
      await further.close();
    }
  });

  it('IPv6 of the link of the uplink: nobody answers for the container until the host is told to', async () => {
    await world().host.sh('ip -6 addr add 2001:db8:203::1/64 dev eth0 nodad');
    await world().host.outside('ip -6 addr add 2001:db8:203::2/64 dev eth0 nodad');
    await world().host.sh(
      'docker network create --ipv6 --subnet 10.27.0.0/24 --subnet 2001:db8:203:0:ff::/80 -o com.docker.network.bridge.gateway_mode_ipv6=routed six && docker run -d --name c6 --network six --ip6 2001:db8:203:0:ff::2 lab/busybox /bin/sleep 1000000',
    );
    const probe = ping('2001:db8:203::2');
    const off = await world().explain('c6', '2001:db8:203::2', 'icmpv6');
    expect(off).toMatchObject({
      outcome: 'accept',
      reply: { outcome: 'drop', decidedBy: { kind: 'sysctl', text: 'net.ipv6.conf.eth0.proxy_ndp = 0' } },
    });
    expect(off.why.join(' ')).toContain('proxy_ndp');
    expect(await world().fails('c6', probe)).toBe(true);
    await world().host.sh('sysctl -qw net.ipv6.conf.eth0.proxy_ndp=1');
    const entry = await world().explain('c6', '2001:db8:203::2', 'icmpv6');
    expect(entry.reply).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'neighbour', text: 'proxy 2001:db8:203:0:ff::2 dev eth0' } });
    expect(await world().fails('c6', probe)).toBe(true);
    await world().host.sh('ip -6 neigh add proxy 2001:db8:203:0:ff::2 dev eth0');
    await world().host.outside('ip -6 neigh flush dev eth0');
    expect(await world().explain('c6', '2001:db8:203::2', 'icmpv6')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('c6', probe)).toBe(true);
    await world().host.sh('docker rm -f c6 && docker network rm six && ip -6 neigh del proxy 2001:db8:203:0:ff::2 dev eth0');
  });
});
