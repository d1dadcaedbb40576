/** Rules inside containers are evaluated as the host's are, in the order in which a packet meets them, and only those that it meets. */
import { describe, expect, it } from 'vitest';
import { formatMac } from '../../src/base/ip-address.ts';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import { TH_SYN } from '../../src/packet/packet.ts';
import { judge } from '../../src/path/judge.ts';
import { answerBetween } from '../../src/path/question.ts';
import type { Verdict } from '../../src/path/verdict.ts';
import { packetOf } from './frames.ts';
import { type Scene, scene } from './scene.ts';
import { Asker, pointAt } from './sharing/asking.ts';

const ask = (on: Scene, src: string, dst: string, proto: string) =>
  answerBetween(on.model, on.topology, src, dst, proto, { explain: true });

/** The scene with `rules` as what iptables-nft-save prints in a container, and `sockets` as what ss prints there. */
const inside = (
  rules: Readonly<Record<string, string>>,
  sockets: Readonly<Record<string, string>> = {},
  change: (raw: Readonly<Record<string, string>>) => Record<string, string> = (raw) => ({ ...raw }),
): Scene =>
  scene('28.5', {
    document: (document) => {
      const names = new Map(document.docker.containers.map((container) => [container.Id, container.Name.slice(1)]));
      document.namespaces = Object.fromEntries(
        Object.entries(document.namespaces).map(([inode, namespace]) => {
          const owners = namespace.owners.map((id) => names.get(id) ?? '');
          const own = owners.map((name) => rules[name]).find((text) => text !== undefined);
          if (own === undefined) return [inode, namespace];
          const heard = owners.map((name) => sockets[name]).find((text) => text !== undefined) ?? '';
          const raw = {
            ...namespace.raw,
            'iptables-nft-save -c': own,
            'ip6tables-nft-save -c': '',
            'nft -j list ruleset': '{"nftables": []}',
            'cat /proc/net/ip_tables_names': '',
            'cat /proc/net/ip6_tables_names': '',
            'sysctl net': 'net.ipv4.ip_forward = 0\nnet.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.eth0.rp_filter = 0\n',
            'ss -Hltunp': heard,
          };
          return [inode, { ...namespace, raw: change(raw) }];
        }),
      );
    },
  });

const table = (name: string, chain: string, rules: string, policy = 'ACCEPT'): string =>
  `*${name}\n:${chain} ${policy} [0:0]\n${rules === '' ? '' : `${rules}\n`}COMMIT\n`;

const NO_RULES = table('filter', 'INPUT', '');
const INPUT = '[0:0] -A INPUT -p tcp -m tcp --dport 80 -j DROP';

const way = ({ way: points }: Verdict): string =>
  (points ?? [])
    .map(({ owner, device, direction }) => `${owner ?? 'host'} ${device.replace(/^(veth|br-).*/, '$1')} ${direction}`)
    .join(', ');

describe('rules of a container', () => {
  it('drop what they are about on its arrival, and nothing else', () => {
    const on = inside({ web1: table('filter', 'INPUT', INPUT) });
    const dropped = ask(on, 'host', 'web1', 'tcp:80');
    expect(dropped.verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', chain: 'INPUT', rule: 1, namespace: 'web1' } });
    expect(dropped.reply).toBeNull();
    expect(ask(on, 'host', 'web1', 'tcp:81').verdict).toMatchObject({ outcome: 'accept', unknowns: [] });
    expect(ask(on, 'host', 'web1', 'icmp')).toMatchObject({ verdict: { outcome: 'accept' }, reply: { outcome: 'accept' } });
  });

  it('drop the answer where it is sent, and what the container itself sends', () => {
    const on = inside({ web1: table('filter', 'OUTPUT', '[0:0] -A OUTPUT -p icmp -j DROP') });
    const { verdict, reply } = ask(on, 'host', 'web1', 'icmp');
    expect([verdict.outcome, reply?.outcome, reply?.decidedBy.namespace]).toEqual(['accept', 'drop', 'web1']);
    const sent = ask(on, 'web1', 'host', 'icmp').verdict;
    expect(sent).toMatchObject({ outcome: 'drop', decidedBy: { chain: 'OUTPUT', namespace: 'web1' } });
    expect(sent.steps.every(({ namespace }) => namespace === 'web1')).toBe(true);
    expect(sent.way).toEqual([]);
  });

  it('count by a policy that drops', () => {
    const on = inside({ web1: table('filter', 'INPUT', '', 'DROP') });
    expect(ask(on, 'host', 'web1', 'icmp').verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'policy', namespace: 'web1' } });
  });

  it('know the connections that they have let begin', () => {
    const stateful = '[0:0] -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n[0:0] -A INPUT -j DROP';
    const on = inside({ web1: table('filter', 'INPUT', stateful) });
    expect(ask(on, 'web1', 'host', 'icmp')).toMatchObject({ verdict: { outcome: 'accept' }, reply: { outcome: 'accept' } });
    expect(ask(on, 'host', 'web1', 'icmp').verdict).toMatchObject({ outcome: 'drop', decidedBy: { rule: 2, namespace: 'web1' } });
  });

  it('are not asked again by its sender about a packet that was seen behind it, while those of the receiver are', () => {
    const on = inside({ web1: table('filter', 'OUTPUT', '[0:0] -A OUTPUT -j DROP') });
    const { spec } = ask(on, 'web1', 'outside', 'tcp:80');
    const { sender: _sender, ...seen } = spec;
    expect(judge(on.model, seen)).toMatchObject({ outcome: 'accept', out: 'eth0' });
    expect(judge(on.model, spec)).toMatchObject({ outcome: 'drop', decidedBy: { namespace: 'web1' } });
  });
});

describe('the way of a packet', () => {
  const on = inside({ web1: NO_RULES, web2: NO_RULES, web3: NO_RULES });

  it('leads from device to device, over all namespaces', () => {
    expect(way(ask(on, 'web1', 'outside', 'icmp').verdict)).toBe('web1 eth0 out, host veth in, host br- in, host eth0 out');
    expect(way(ask(on, 'host', 'web1', 'icmp').verdict)).toBe('host br- out, host veth out, web1 eth0 in');
    expect(way(ask(on, 'web2', 'web3', 'icmp').verdict)).toBe('web2 eth0 out, host veth in, host veth out, web3 eth0 in');
  });

  it('ends at the last device that a dropped packet has reached', () => {
    expect(way(ask(on, 'web1', 'web2', 'icmp').verdict)).toBe('web1 eth0 out, host veth in');
  });

  it('shows the packet as it is there', () => {
    const points = ask(on, 'web1', 'outside', 'tcp:80').verdict.way ?? [];
    expect(points.map(({ src, sport }) => `${src}:${sport}`)).toEqual([...Array(3).fill('172.18.0.2:40000'), '203.0.113.1:40000']);
  });
});

describe('one namespace', () => {
  const dns = `*nat\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:DOCKER_OUTPUT - [0:0]
[0:0] -A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
[0:0] -A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:40001\nCOMMIT\n`;
  const on = inside({ web1: dns }, { web1: 'udp UNCONN 0 0 127.0.0.11:40001 0.0.0.0:* users:(("dockerd"))\n' });

  it("asks Docker's resolver inside", () => {
    const { verdict, reply } = ask(on, 'web1', '127.0.0.11', 'udp:53');
    expect(verdict).toMatchObject({ outcome: 'accept', out: null, nat: [{ kind: 'dnat', to: '127.0.0.11:40001', namespace: 'web1' }] });
    expect(verdict.steps.find(({ socket }) => socket !== undefined)).toMatchObject({ socket: 'open', namespace: 'web1' });
    expect(reply).toMatchObject({ outcome: 'accept' });
    expect(way(verdict)).toBe('web1 lo out, web1 lo in');
  });

  it('has an address of its own, and nobody who listens there', () => {
    const { verdict } = ask(on, 'web1', 'web1', 'tcp:80');
    expect(verdict).toMatchObject({ outcome: 'accept', decidedBy: { reason: 'container-itself' } });
    expect(verdict.steps.find(({ socket }) => socket === 'closed')?.note).toBe('web1 answers with a reset');
  });
});

describe('an answer that its sender sends elsewhere', () => {
  it('is not taken as one that the asker gets: into a tunnel that takes all traffic', () => {
    const routes = 'ip -j -4 route show table all';
    const plain = inside({ pub: NO_RULES }, { pub: 'tcp LISTEN 0 9 0.0.0.0:80 0.0.0.0:*\n' });
    expect(ask(plain, 'outside', '203.0.113.1', 'tcp:8080').reply).toMatchObject({ outcome: 'accept' });
    const tunnelled = inside({ pub: NO_RULES }, {}, (raw) => ({
      ...raw,
      [routes]: JSON.stringify(
        (JSON.parse(raw[routes] ?? '[]') as { dst: string }[]).map((route) =>
          route.dst === 'default' ? { dst: 'default', dev: 'tun0', flags: [] } : route,
        ),
      ),
      'ip -j -d link': JSON.stringify([
        ...(JSON.parse(raw['ip -j -d link'] ?? '[]') as object[]),
        {
          ifindex: 99,
          ifname: 'tun0',
          flags: ['POINTOPOINT', 'NOARP', 'UP'],
          mtu: 1500,
          operstate: 'UNKNOWN',
          linkinfo: { info_kind: 'tun' },
        },
      ]),
    }));
    const { spec, verdict, reply } = ask(tunnelled, 'outside', '203.0.113.1', 'tcp:8080');
    expect(verdict.outcome).toBe('accept');
    expect(reply).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { reason: 'answer-astray', namespace: 'pub', about: { device: 'tun0' } },
    });
    const [cause] = diagnose({ spec, verdict, reply, flow: null, facts: tunnelled.facts, topology: tunnelled.topology });
    expect(cause).toMatchObject({ id: 'answer-astray', fix: expect.stringContaining('ip rule add to 203.0.113.2 lookup main') });
  });
});

describe('shared answers', () => {
  it('are kept apart by ports that a rule inside a container tells apart', () => {
    const on = inside({ web1: table('filter', 'INPUT', '[0:0] -A INPUT -p tcp -m tcp --sport 40000 -j DROP') });
    const asker = new Asker(on.model);
    const bridge = on.bridge('test_net1');
    const outcome = (sport: number): string => {
      const mac = on.model.places.all.find(({ container }) => container.name === 'web1')?.mac ?? 0;
      const frame = { srcMac: on.model.links?.get(bridge)?.mac ?? '', dstMac: formatMac(mac), src: '172.18.0.1', dst: on.ip('web1') };
      return asker.ask(packetOf({ ...frame, tcp: { sport, dport: 80, flags: TH_SYN } }), pointAt(on.topology, bridge)).verdict.outcome;
    };
    expect([39999, 40000, 40001, 39998].map(outcome)).toEqual(['accept', 'drop', 'accept', 'accept']);
  });
});
