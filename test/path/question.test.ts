/** From names on the command line to the packet that is asked about, and the answers that need no host at all. */
import { describe, expect, it } from 'vitest';
import { answerBetween, questionBetween } from '../../src/path/question.ts';
import { IPTABLES, insertRules, type Scene, SYSCTL, scene } from './scene.ts';

const world = scene('28.5');
const ask = (src: string, dst: string, proto = 'icmp', on: Scene = world) => answerBetween(on.model, on.topology, src, dst, proto);

describe('who is meant', () => {
  it('takes names, the start of an id, and a container on one of its networks', () => {
    const id = world.facts.containers.find((container) => container.name === 'web1')?.id ?? '';
    expect(ask(id.slice(0, 12), 'web2').spec.src).toBe('172.18.0.2');
    expect(ask('web2', 'multi:test_net2').spec.dst).toBe('198.18.20.4');
    expect(ask('multi:test_net2', 'web2').spec).toMatchObject({ in: world.bridge('test_net2'), src: '198.18.20.4' });
  });

  it('takes an address for the container that has it, and any other for its route', () => {
    expect(ask('172.18.0.2', '198.18.20.2').spec.in).toBe(world.bridge('test_net1'));
    expect(ask('192.0.2.7', '203.0.113.1', 'tcp:8080').spec.in).toBe('eth0');
    expect(ask('203.0.113.1', '172.17.0.2').spec.in).toBeNull();
  });

  it('gives the host the address that the kernel would', () => {
    expect(ask('host', 'pub').spec).toMatchObject({ in: null, src: '172.17.0.1' });
    expect(ask('host', 'outside').spec.src).toBe('203.0.113.1');
    expect(ask('web1', 'host').spec.dst).toBe('172.18.0.1');
    expect(ask('outside', 'host').spec.dst).toBe('203.0.113.1');
  });

  it('names what may have been meant by a mistyped name', () => {
    expect(() => ask('wbe1', 'web2')).toThrow(expect.objectContaining({ kind: 'usage', hint: expect.stringContaining('web1') }));
    expect(() => ask('web1', 'web2', 'tpc:80')).toThrow('"tpc:80" is no protocol');
    expect(() => ask('web1:nonet', 'web2')).toThrow('web1 is not on the network "nonet"');
    expect(() => ask('web1', 'web2', 'icmp:80')).toThrow('is no protocol');
  });

  it('does not ask about a container that does not run', () => {
    const stopped = scene('28.5', {
      document: (document) => {
        const containers = document.docker.containers.map((container) =>
          container.Name === '/web1'
            ? { ...container, State: { ...container.State, Status: 'exited', Running: false, Pid: 0 } }
            : container,
        );
        document.docker = { ...document.docker, containers };
      },
    });
    expect(() => ask('web1', 'web2', 'icmp', stopped)).toThrow('web1 is not running');
  });
});

describe('answers before the host', () => {
  it('finds no route inside an internal network’s container', () => {
    expect(ask('i1', 'outside')).toMatchObject({
      settled: { outcome: 'drop', decidedBy: { kind: 'route', text: 'no route in i1 to 203.0.113.2' } },
      reply: null,
    });
  });

  it('names the route of a container that refuses', () => {
    const routes = 'ip -j -4 route show table all';
    const refusing = scene('28.5', {
      document: (document) => {
        document.namespaces = Object.fromEntries(
          Object.entries(document.namespaces).map(([id, namespace]) => {
            const listed = JSON.parse(namespace.raw[routes] ?? '[]');
            const raw = { ...namespace.raw, [routes]: JSON.stringify([{ type: 'blackhole', dst: '203.0.113.0/24' }, ...listed]) };
            return [id, { ...namespace, raw }];
          }),
        );
      },
    });
    expect(ask('web1', 'outside', 'icmp', refusing).verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'route', text: 'blackhole 203.0.113.0/24 (in web1)' },
    });
  });

  it('knows it of internal networks even where the container’s routes were not read', () => {
    const blind = scene('28.5', {
      document: (document) => {
        document.namespaces = {};
      },
    });
    expect(ask('i1', 'outside', 'icmp', blind).verdict.decidedBy.text).toContain('internal networks have no default route');
    expect(ask('web1', 'outside', 'icmp', blind).words).toContain('the routes inside web1 were not read');
    expect(ask('web1', 'outside', 'icmp', blind).verdict.outcome).toBe('accept');
  });

  it('explains containers without a network, and those that share the host’s', () => {
    expect(ask('nonemode', 'web1').verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'route' } });
    expect(ask('web1', 'nonemode').verdict.decidedBy.text).toBe('nonemode has no network');
    expect(ask('hostmode', 'outside').words).toContain("shares the host's network");
  });

  it('sends what a macvlan child sends to the wire, past the host and its rules', () => {
    const answered = scene('28.5', {
      document: (document) => {
        document.namespaces = Object.fromEntries(
          Object.entries(document.namespaces).map(([id, namespace]) => {
            const gateway = { dst: '198.19.5.1', dev: 'eth0', lladdr: '02:00:00:00:00:fe', state: ['STALE'] };
            return [id, { ...namespace, raw: { ...namespace.raw, 'ip -j neigh': JSON.stringify([gateway]) } }];
          }),
        );
      },
    });
    expect(ask('mv1', 'outside', 'icmp', answered)).toMatchObject({
      verdict: { outcome: 'accept', out: 'eth0', nat: [], decidedBy: { kind: 'bridge', reason: 'beside-host-rules' } },
      reply: { outcome: 'accept', deliveredTo: { container: 'mv1', network: 'mv' } },
    });
    expect(ask('outside', 'mv1', 'icmp', answered).verdict).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'mv1' } });
    expect(ask('mv1', 'host').verdict).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { reason: 'parent-and-child' },
      unknowns: [expect.stringContaining('only if the gateway sends it back')],
    });
  });

  it('leaves it open where nobody has answered for a macvlan child’s gateway, and takes who is not on its network to route by the host', () => {
    expect(ask('mv1', 'outside')).toMatchObject({
      verdict: {
        outcome: 'undetermined',
        unknowns: [expect.stringContaining('gateway 198.19.5.1: whether anybody there has that address')],
      },
      reply: null,
    });
    expect(ask('outside', 'mv1').verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'policy', chain: 'FORWARD' },
      unknowns: expect.arrayContaining([expect.stringContaining('203.0.113.2 is not on the network of mv1 at eth0')]),
    });
  });

  it('says that a container talks to itself', () => {
    expect(ask('web1', 'web1').verdict).toMatchObject({
      outcome: 'accept',
      decidedBy: { kind: 'route', text: 'the packet never leaves web1' },
    });
  });

  it('leaves all else to the path', () => {
    expect(questionBetween(world.model, world.topology, 'web1', 'web2', 'icmp').settled).toBeNull();
  });
});

describe('a container on two networks', () => {
  it('answers by its own default route, and strict rp_filter drops that answer', () => {
    // Published by its second network; its default route leads by the first.
    const rules = (text: string): string =>
      insertRules(
        'filter',
        '-A FORWARD -d 198.18.20.4/32 -j ACCEPT',
      )(insertRules('nat', '-A PREROUTING -p tcp -m tcp --dport 9090 -j DNAT --to-destination 198.18.20.4:80')(text));
    const strict = (text: string): string => text.replace(/^(net\.ipv4\.conf\.br-\w+\.rp_filter) = 0$/gm, '$1 = 1');
    const loose = scene('20.10', { raw: { [IPTABLES]: rules } });
    const request = ask('outside', '203.0.113.1', 'tcp:9090', loose);
    expect(request.verdict).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'multi', network: 'test_net2' } });
    expect(request.reply).toMatchObject({ outcome: 'accept', out: 'eth0', nat: [{ kind: 'dnat', to: '203.0.113.1:9090' }] });
    const dropped = ask('outside', '203.0.113.1', 'tcp:9090', scene('20.10', { raw: { [IPTABLES]: rules, [SYSCTL]: strict } }));
    expect(dropped.verdict.outcome).toBe('accept');
    expect(dropped.reply).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'sysctl', text: `net.ipv4.conf.${loose.bridge('test_net1')}.rp_filter = 1` },
    });
  });
});
