/** Chains of family arp are not evaluated: where they could lose a question or its answer, that is said. */
import { describe, expect, it } from 'vitest';
import { answerBetween } from '../../src/path/question.ts';
import { type Scene, scene } from './scene.ts';

const ask = (on: Scene, src: string, dst: string, proto: string) => answerBetween(on.model, on.topology, src, dst, proto);

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
