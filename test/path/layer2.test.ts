/** Children of one parent as drivers/net/macvlan.c and drivers/net/ipvlan have it: hosts made by hand, every pair of modes. */
import { describe, expect, it } from 'vitest';
import type { HostFacts, Link, NamespaceFacts, Neighbour, OtherNamespace } from '../../src/host/facts.ts';
import { judgeBoth } from '../../src/path/judge.ts';
import { compileHost } from '../../src/path/model.ts';
import type { PacketSpec, Verdict } from '../../src/path/verdict.ts';
import { ip } from '../addresses.ts';
import { address, container, link, loopback, namespace, namespaceFacts, route } from '../topology/facts.ts';

const HOST_MAC = '02:00:00:00:00:01';
const MACS = { a: '02:00:00:00:00:0a', b: '02:00:00:00:00:0b' } as const;
const IPS = { a: '198.19.5.10', b: '198.19.5.11', host: '198.19.5.1' } as const;

type Modes = { readonly a: string; readonly b?: string; readonly kind?: 'macvlan' | 'ipvlan'; readonly flag?: 'private' | 'vepa' };

interface Extra {
  readonly self?: Partial<NamespaceFacts>;
  readonly links?: readonly Link[];
  readonly neighbours?: readonly Neighbour[];
  readonly parent?: string;
}

/** A host with eth0 (number 2), two containers on it, and whatever else a test wants. */
const hostOf = ({ a, b = a, kind = 'macvlan', flag }: Modes, extra: Extra = {}): HostFacts => {
  const { parent = 'eth0' } = extra;
  const eth0 = link(2, 'eth0', null, { mac: HOST_MAC });
  const links = [loopback, eth0, ...(extra.links ?? [])];
  const parentIndex = links.find(({ name }) => name === parent)?.ifindex ?? 2;
  const inside = (name: 'a' | 'b', mode: string) =>
    namespace(
      name === 'a' ? '1001' : '1002',
      name === 'a' ? 1 : 2,
      {
        links: [
          loopback,
          link(50, 'eth0', kind, {
            linkIndex: parentIndex,
            linkNetnsid: 0,
            mac: kind === 'ipvlan' ? HOST_MAC : MACS[name],
            data: { mode, ...(flag === undefined ? {} : { [flag]: true }) },
          }),
        ],
        addresses: [address('eth0', `${IPS[name]}/24`)],
        routes: [route('198.19.5.0/24 dev eth0'), route('default via 198.19.5.254 dev eth0')],
        neighbours: name === 'a' ? (extra.neighbours ?? []) : [],
      },
      { owners: [container(name).id] },
    );
  return {
    takenAt: '0',
    hostName: 'host',
    netns: '1000',
    self: namespaceFacts({
      links,
      addresses: [address('eth0', `${IPS.host}/24`)],
      routes: [route('198.19.5.0/24 dev eth0'), route('default via 198.19.5.254 dev eth0')],
      fdb: Object.values(MACS).map((mac) => ({
        mac,
        dev: parent,
        master: null,
        vlan: null,
        remote: null,
        flags: ['self'],
        state: 'permanent',
      })),
      ...extra.self,
    }),
    namespaces: [inside('a', a), inside('b', b)],
    containers: [container('a', { netns: '1001' }), container('b', { netns: '1002' })],
    networks: [],
    dockerVersion: null,
    dockerError: null,
  };
};

const ask = (
  facts: HostFacts,
  dst: string,
  more: Partial<PacketSpec> = {},
): { readonly verdict: Verdict; readonly reply: Verdict | null } => {
  const sender = facts.namespaces[0]?.facts.links?.find(({ name }) => name === 'eth0');
  return judgeBoth(compileHost(facts), {
    in: more.in ?? 'eth0',
    src: IPS.a,
    dst,
    proto: 'icmp',
    ...(sender?.mac == null ? {} : { srcMac: sender.mac }),
    ...more,
  });
};

const onParent = (namespace: OtherNamespace, linkIndex: number): OtherNamespace => {
  const links = namespace.facts.links ?? [];
  const moved = links.map((each) => (each.kind === 'macvlan' ? { ...each, linkIndex } : each));
  return { ...namespace, facts: { ...namespace.facts, links: moved } };
};

const shim = (mode = 'bridge'): Link =>
  link(9, 'shim', 'macvlan', { linkName: 'eth0', linkIndex: 2, mac: '02:00:00:00:00:99', data: { mode } });

describe('macvlan siblings', () => {
  it('in mode bridge are joined inside the parent, both ways', () => {
    const { verdict, reply } = ask(hostOf({ a: 'bridge' }), IPS.b);
    expect(verdict).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'b' }, nat: [] });
    expect(reply).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'a' } });
    expect(verdict.way?.map(({ owner, device, direction }) => `${owner ?? 'host'}/${device} ${direction}`)).toEqual([
      'host/eth0 in',
      'b/eth0 in',
    ]);
  });

  it.each([
    ['private', 'private', 'drop', 'private-children'],
    ['bridge', 'private', 'drop', 'private-children'],
    ['private', 'bridge', 'drop', 'private-children'],
    ['vepa', 'private', 'drop', 'private-children'],
    ['vepa', 'vepa', 'undetermined', 'reflecting-switch'],
    ['vepa', 'bridge', 'undetermined', 'reflecting-switch'],
    ['bridge', 'vepa', 'undetermined', 'reflecting-switch'],
    ['bridge', 'source', 'undetermined', 'reflecting-switch'],
  ])('%s to %s: %s', (a, b, outcome, reason) => {
    expect(ask(hostOf({ a, b }), IPS.b).verdict).toMatchObject({ outcome, decidedBy: { kind: 'bridge', reason } });
  });

  it('in mode private with a fixed neighbour entry pass where the switch sends frames back', () => {
    const told = { ip: ip(IPS.b), dev: 'eth0', mac: MACS.b, state: ['PERMANENT'], proxy: false };
    expect(ask(hostOf({ a: 'private' }, { neighbours: [told] }), IPS.b).verdict).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { reason: 'reflecting-switch' },
    });
  });

  it('say that a mode that was not read leaves it open', () => {
    expect(ask(hostOf({ a: 'later-kernel' }), IPS.b).verdict).toMatchObject({
      outcome: 'undetermined',
      unknowns: expect.arrayContaining([expect.stringContaining('mode')]),
    });
  });
});

describe('a macvlan child and its own host', () => {
  it('cannot talk over their parent, in either direction', () => {
    const facts = hostOf({ a: 'bridge' });
    expect(ask(facts, IPS.host).verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { reason: 'parent-and-child', about: { container: 'a', device: 'eth0' } },
      unknowns: expect.arrayContaining([expect.stringContaining('does not send frames back')]),
    });
    expect(judgeBoth(compileHost(facts), { in: null, src: IPS.host, dst: IPS.a, proto: 'icmp' }).verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { reason: 'parent-and-child' },
    });
  });

  it('leave it to the switch in mode vepa', () => {
    expect(ask(hostOf({ a: 'vepa' }), IPS.host).verdict).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { reason: 'parent-and-child' },
    });
  });

  it('talk by a child of the host’s own, both ways', () => {
    const routes = [route('198.19.5.10/32 dev shim'), route('198.19.5.0/24 dev eth0')];
    const facts = hostOf(
      { a: 'bridge' },
      { links: [shim()], self: { routes, sysctls: new Map([['net.ipv4.conf.shim.arp_ignore', '0']]) } },
    );
    const there = judgeBoth(compileHost(facts), { in: null, src: IPS.host, dst: IPS.a, proto: 'icmp' });
    expect(there).toMatchObject({
      verdict: { outcome: 'accept', out: 'shim', deliveredTo: { container: 'a' } },
      reply: { outcome: 'accept', out: 'local' },
    });
    expect(ask(facts, IPS.host).verdict).toMatchObject({ outcome: 'accept', out: 'local' });
  });

  it('do not where the shim answers for its own addresses only, or is of another mode', () => {
    const strict = new Map([['net.ipv4.conf.shim.arp_ignore', '1']]);
    const open = new Map([['net.ipv4.conf.shim.arp_ignore', '0']]);
    expect(ask(hostOf({ a: 'bridge' }, { links: [shim()], self: { sysctls: strict } }), IPS.host).verdict.outcome).toBe('drop');
    expect(ask(hostOf({ a: 'bridge' }, { links: [shim('private')], self: { sysctls: open } }), IPS.host).verdict.outcome).toBe('drop');
  });
});

describe('a parent’s cable', () => {
  it('carries what is for others, and its answers come past the host’s rules', () => {
    const { verdict, reply } = ask(hostOf({ a: 'private' }), '198.19.5.77');
    expect(verdict).toMatchObject({ outcome: 'accept', out: 'eth0' });
    expect(reply).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'a' } });
    expect(verdict.steps.map(({ table }) => table).every((table) => table === null)).toBe(true);
  });

  it('brings frames to the child whose MAC address they have', () => {
    const facts = hostOf({ a: 'bridge' });
    const spec = { in: 'eth0', src: '198.19.5.77', dst: IPS.b, proto: 'icmp', srcMac: '02:00:00:00:00:77' } as const;
    const model = compileHost(facts);
    expect(judgeBoth(model, { ...spec, dstMac: MACS.b }).verdict.deliveredTo?.container).toBe('b');
    expect(judgeBoth(model, spec).verdict.deliveredTo?.container).toBe('b');
    expect(judgeBoth(model, { ...spec, dst: IPS.host, dstMac: HOST_MAC }).verdict.out).toBe('local');
  });

  it('brings what is not seen to have a MAC address to whom its sender would address it', () => {
    const outcome = (gateway: string, src: string, neighbours: readonly Neighbour[] = [], kind: 'macvlan' | 'ipvlan' = 'macvlan') => {
      const routes = [route('203.0.113.0/24 dev eth0'), route(`default via ${gateway} dev eth0`)];
      const self = { addresses: [address('eth0', '203.0.113.1/24')], routes };
      const facts = hostOf({ a: kind === 'ipvlan' ? 'l2' : 'bridge', kind }, { self, neighbours });
      const { verdict } = judgeBoth(compileHost(facts), { in: 'eth0', src, dst: IPS.a, proto: 'icmp' });
      return verdict.deliveredTo?.container ?? 'host';
    };
    const answers = (state: string): Neighbour => ({
      ip: ip('198.19.5.254'),
      dev: 'eth0',
      mac: state === 'FAILED' ? null : '02:00:00:00:00:fe',
      state: [state],
      proxy: false,
    });
    expect(outcome('203.0.113.2', '203.0.113.2')).toBe('host');
    expect(outcome('203.0.113.2', '192.0.2.1')).toBe('host');
    expect(outcome('203.0.113.2', '192.0.2.1', [answers('FAILED')])).toBe('host');
    expect(outcome('203.0.113.2', '192.0.2.1', [answers('STALE')])).toBe('a');
    expect(outcome('203.0.113.2', '198.19.5.77')).toBe('a');
    expect(outcome('198.19.5.254', '192.0.2.1')).toBe('a');
    expect(outcome('203.0.113.2', '203.0.113.2', [], 'ipvlan')).toBe('a');
  });

  it('leaves open what is for a gateway that nobody has answered for, unless the host uses it too', () => {
    const other = { addresses: [address('eth0', '203.0.113.1/24')], routes: [route('default via 203.0.113.2 dev eth0')] };
    expect(ask(hostOf({ a: 'bridge' }), '192.0.2.1').verdict).toMatchObject({ outcome: 'accept', out: 'eth0' });
    expect(ask(hostOf({ a: 'bridge' }, { self: other }), '198.19.5.77').verdict.outcome).toBe('accept');
    expect(ask(hostOf({ a: 'bridge' }, { self: other }), '192.0.2.1')).toMatchObject({
      verdict: { outcome: 'undetermined', unknowns: expect.arrayContaining([expect.stringContaining('nobody has answered for it yet')]) },
      reply: null,
    });
    const known: Neighbour = { ip: ip('198.19.5.254'), dev: 'eth0', mac: '02:00:00:00:00:fe', state: ['REACHABLE'], proxy: false };
    expect(ask(hostOf({ a: 'bridge' }, { self: { ...other, neighbours: [known] } }), '192.0.2.1')).toMatchObject({
      verdict: { outcome: 'accept', out: 'eth0' },
      reply: { outcome: 'accept', deliveredTo: { container: 'a' } },
    });
  });

  it('belongs to a passthru child alone', () => {
    const facts = hostOf({ a: 'passthru', b: 'passthru' });
    const one: HostFacts = { ...facts, namespaces: facts.namespaces.slice(0, 1) };
    const spec = { in: 'eth0', src: '198.19.5.77', proto: 'icmp', srcMac: '02:00:00:00:00:77' } as const;
    expect(judgeBoth(compileHost(one), { ...spec, dst: IPS.host }).verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { reason: 'passthru-parent', about: { container: 'a' } },
    });
    expect(judgeBoth(compileHost(one), { ...spec, dst: IPS.a, dstMac: MACS.a }).verdict.deliveredTo?.container).toBe('a');
  });

  it('leaves by the trunk under a VLAN device, whose siblings are those of the same VLAN alone', () => {
    const vlan = link(7, 'eth0.10', 'vlan', { linkName: 'eth0', linkIndex: 2, mac: HOST_MAC, data: { protocol: '802.1Q', id: 10 } });
    const facts = hostOf({ a: 'bridge' }, { links: [vlan], parent: 'eth0.10' });
    const { verdict } = ask(facts, '198.19.5.77', { in: 'eth0.10' });
    expect(verdict).toMatchObject({ outcome: 'accept', out: 'eth0.10', decidedBy: { text: expect.stringContaining('by eth0, VLAN 10') } });
    expect(verdict.way?.map(({ device }) => device).slice(-2)).toEqual(['eth0.10', 'eth0']);
    const untagged = { mac: MACS.b, dev: 'eth0', master: null, vlan: null, remote: null, flags: ['self'], state: 'permanent' };
    const namespaces = facts.namespaces.map((each, at) => (at === 0 ? each : onParent(each, 2)));
    const apart = {
      ...facts,
      namespaces,
      self: { ...facts.self, fdb: [...(facts.self.fdb ?? []).filter(({ mac }) => mac === MACS.a), untagged] },
    };
    expect(ask(apart, IPS.b, { in: 'eth0.10' }).verdict).toMatchObject({ outcome: 'accept', out: 'eth0.10' });
  });
});

describe('ipvlan', () => {
  it('in mode l2 finds siblings by address, and the host not at all', () => {
    const facts = hostOf({ kind: 'ipvlan', a: 'l2' });
    expect(ask(facts, IPS.b).verdict).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'b' } });
    expect(ask(facts, IPS.host).verdict).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'parent-and-child' } });
    expect(ask(facts, '198.19.5.77').verdict).toMatchObject({ outcome: 'accept', out: 'eth0' });
  });

  it('keeps siblings apart with the flag private, and leaves them to the switch with vepa', () => {
    expect(ask(hostOf({ kind: 'ipvlan', a: 'l2', flag: 'private' }), IPS.b).verdict.outcome).toBe('drop');
    expect(ask(hostOf({ kind: 'ipvlan', a: 'l2', flag: 'vepa' }), IPS.b).verdict.outcome).toBe('undetermined');
  });

  it.each(['l3', 'l3s'])('in mode %s is routed by the host, through its OUTPUT and POSTROUTING', (mode) => {
    const facts = hostOf({ kind: 'ipvlan', a: mode });
    const { verdict } = ask(facts, '203.0.113.9');
    expect(verdict).toMatchObject({ outcome: 'accept', out: 'eth0' });
    expect(verdict.steps.map(({ text }) => text)).toContain('default via 198.19.5.254 dev eth0');
    expect(ask(facts, IPS.b).verdict).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'b' } });
    expect(ask(facts, '224.0.0.251').verdict).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'not-unicast-frame' } });
  });
});
