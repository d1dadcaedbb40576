/** Rules inside containers and chains of family arp are not evaluated: where they could stop a packet, that is said. */
import { describe, expect, it } from 'vitest';
import { answerBetween } from '../../src/path/question.ts';
import { type Scene, scene } from './scene.ts';

const ask = (on: Scene, src: string, dst: string, proto: string) => answerBetween(on.model, on.topology, src, dst, proto);

/** The scene with `rules` as what iptables-nft-save prints in a container. */
const inside = (name: string, rules: string): Scene =>
  scene('28.5', {
    document: (document) => {
      const id = document.docker.containers.find((container) => container.Name === `/${name}`)?.Id ?? '';
      document.namespaces = Object.fromEntries(
        Object.entries(document.namespaces).map(([inode, namespace]) => [
          inode,
          namespace.owners.includes(id) ? { ...namespace, raw: { ...namespace.raw, 'iptables-nft-save -c': rules } } : namespace,
        ]),
      );
    },
  });

const table = (name: string, chain: string, rules: string, policy = 'ACCEPT'): string =>
  `*${name}\n:${chain} ${policy} [0:0]\n${rules === '' ? '' : `${rules}\n`}COMMIT\n`;

const INPUT = '[0:0] -A INPUT -p tcp -m tcp --dport 80 -j DROP';
const OUTPUT = '[0:0] -A OUTPUT -p icmp -j DROP';

describe('rules of a container', () => {
  it('change nothing where there are none', () => {
    const { verdict, reply } = ask(scene('28.5'), 'host', 'web1', 'icmp');
    expect([verdict.outcome, reply?.outcome]).toEqual(['accept', 'accept']);
  });

  it('leave a packet undetermined that they could drop on its arrival', () => {
    const { verdict, reply } = ask(inside('web1', table('filter', 'INPUT', INPUT)), 'host', 'web1', 'tcp:80');
    expect(verdict.outcome).toBe('undetermined');
    expect(verdict.unknowns).toContain("rules of web1's own namespace (filter INPUT: 1 rule) are not evaluated");
    expect(reply).toBeNull();
  });

  it('leave the answer undetermined that they could drop when it is sent', () => {
    const { verdict, reply } = ask(inside('web1', table('filter', 'OUTPUT', OUTPUT)), 'host', 'web1', 'icmp');
    expect([verdict.outcome, reply?.outcome]).toEqual(['accept', 'undetermined']);
    expect(reply?.unknowns).toContain("rules of web1's own namespace (filter OUTPUT: 1 rule) are not evaluated");
  });

  it('leave what the container itself sends undetermined', () => {
    const { verdict } = ask(inside('web1', table('filter', 'OUTPUT', OUTPUT)), 'web1', 'host', 'icmp');
    expect(verdict.outcome).toBe('undetermined');
    expect(verdict.unknowns).toContain("rules of web1's own namespace (filter OUTPUT: 1 rule) are not evaluated");
  });

  it('count by a policy that drops', () => {
    const { verdict } = ask(inside('web1', table('filter', 'INPUT', '', 'DROP')), 'host', 'web1', 'icmp');
    expect(verdict.unknowns).toContain("rules of web1's own namespace (filter INPUT: policy DROP) are not evaluated");
  });

  it("are no obstacle where they are Docker's for its resolver, or can only accept", () => {
    const dns = `*nat\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:DOCKER_OUTPUT - [0:0]\n:DOCKER_POSTROUTING - [0:0]
[0:0] -A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
[0:0] -A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING
[0:0] -A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:40001
[0:0] -A DOCKER_POSTROUTING -s 127.0.0.11/32 -p udp -m udp --sport 40001 -j SNAT --to-source :53\nCOMMIT\n`;
    const on = inside('web1', dns + table('filter', 'OUTPUT', '[0:0] -A OUTPUT -p icmp -j ACCEPT'));
    const { verdict, reply } = ask(on, 'host', 'web1', 'icmp');
    expect([verdict.outcome, reply?.outcome]).toEqual(['accept', 'accept']);
  });
});

const ARP = {
  nftables: [
    { table: { family: 'arp', name: 'z', handle: 1 } },
    { chain: { family: 'arp', table: 'z', name: 'i', handle: 1, type: 'filter', hook: 'input', prio: 0, policy: 'drop' } },
  ],
};

const withArp = (neighbours: readonly object[]): Scene =>
  scene('28.5', {
    raw: {
      'nft -j list ruleset': (text) =>
        JSON.stringify({ nftables: [...((JSON.parse(text || '{"nftables":[]}') as typeof ARP).nftables ?? []), ...ARP.nftables] }),
      'ip -j neigh': JSON.stringify(neighbours),
    },
  });

describe('chains of family arp', () => {
  const bridge = scene('28.5').bridge('test_net1');
  const dst = scene('28.5').ip('web1');
  const lladdr = scene('28.5').facts.containers.find(({ name }) => name === 'web1')?.endpoints[0]?.mac;

  it('leave a packet undetermined for which a neighbour must be asked', () => {
    const { verdict } = ask(withArp([]), 'host', 'web1', 'icmp');
    expect(verdict.outcome).toBe('undetermined');
    expect(verdict.unknowns.join()).toContain('chains of family arp (arp z i: policy drop) are not evaluated');
  });

  it('are noted where the neighbour is known, and nothing where it is fixed', () => {
    const reachable = ask(withArp([{ dst, dev: bridge, lladdr, state: ['REACHABLE'] }]), 'host', 'web1', 'icmp').verdict;
    expect(reachable.outcome).toBe('accept');
    expect(reachable.unknowns.join()).toContain('it is known for now');
    const fixed = ask(withArp([{ dst, dev: bridge, lladdr, state: ['PERMANENT'] }]), 'host', 'web1', 'icmp').verdict;
    expect([fixed.outcome, fixed.unknowns.join().includes('family arp')]).toEqual(['accept', false]);
  });
});

describe('a bridge with ARP off', () => {
  const off = scene('28.5', {
    raw: {
      'ip -j -d link': (text) =>
        JSON.stringify(
          (JSON.parse(text) as { ifname: string; flags: string[] }[]).map((link) =>
            link.ifname === scene('28.5').bridge('test_net1') ? { ...link, flags: [...link.flags, 'NOARP'] } : link,
          ),
        ),
      'ip -j neigh': '[]',
    },
  });

  it('loses what the host sends there, and what a container asks to send to the host', () => {
    const there = ask(off, 'host', 'web1', 'icmp').verdict;
    expect([there.outcome, there.decidedBy.kind]).toEqual(['drop', 'neighbour']);
    expect(there.decidedBy.text).toContain('ARP is off on');
    expect(ask(off, 'web1', 'host', 'icmp').verdict.outcome).not.toBe('accept');
  });
});
