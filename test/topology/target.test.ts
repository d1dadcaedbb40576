/** What may be named on the command line, and the answers to what may not. */
import { describe, expect, it } from 'vitest';
import { VethscopeError } from '../../src/base/errors.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { nearestNames } from '../../src/topology/nearest-names.ts';
import { pointName, pointsOfContainer } from '../../src/topology/points.ts';
import { resolveTarget } from '../../src/topology/target.ts';
import { container, endpoint, hostFacts, link, loopback, network } from './facts.ts';
import { scene } from './scene.ts';

const topology = buildTopology(scene);
const ids = (target: string): string[] => resolveTarget(topology, target).map((point) => point.id);

const errorOf = (target: string, of = topology): VethscopeError => {
  try {
    resolveTarget(of, target);
  } catch (error) {
    if (error instanceof VethscopeError) return error;
    throw error;
  }
  throw new Error(`${target} was accepted`);
};

describe('resolveTarget', () => {
  it.each([
    ['web1', ['veth12']],
    ['/web1', ['veth12']],
    ['ab12', ['veth12']],
    ['multi', ['veth42', 'veth44']],
    ['multi:test_net2', ['veth44']],
    ['multi:eth1', ['veth44']],
    ['sidecar', ['veth12']],
    ['hostmode', ['eth0']],
    ['mv1', ['eth0']],
    ['eth0', ['eth0']],
    ['lo', ['lo']],
    ['veth22', ['veth22']],
    ['1011/eth0', ['1011/eth0']],
    ['bridge:br-net1', ['br-net1']],
    ['bridge:test_net1', ['br-net1']],
  ])('%s is %j', (target, expected) => {
    expect(ids(target)).toEqual(expected);
  });

  it.each([
    ['veth12', 'veth12'],
    ['eth0', 'eth0'],
    ['1011/eth0', 'eth0 in web1'],
    ['1011/lo', 'lo in web1'],
  ])('%s is called %s', (target, expected) => {
    expect(resolveTarget(topology, target).map(pointName)).toEqual([expected]);
  });

  it('calls a port in the hidden namespace of an overlay by its network', () => {
    const at = { interface: 'veth0', netns: '4026', sees: '', container: 'left', network: 'ov', filter: null };
    expect(pointName({ ...at, id: '4026/veth0', kind: 'veth' })).toBe('veth0 of ov');
    expect(pointName({ ...at, id: '4026/br0', interface: 'br0', kind: 'bridge', container: null })).toBe('br0 of ov');
    expect(pointName({ ...at, id: '4026/x', interface: 'x', kind: 'device', container: null, network: null })).toBe('4026/x');
  });

  it('adds a filter where others use the same parent', () => {
    expect(resolveTarget(topology, 'mv1')[0]).toMatchObject({
      kind: 'parent',
      filter: 'ether host 02:00:00:00:00:50 or arp host 198.19.5.2',
      container: 'mv1',
      network: 'mv',
    });
    expect(resolveTarget(topology, 'eth0')[0]).toMatchObject({ kind: 'uplink', filter: null });
  });

  it.each([
    ['wbe1', 'usage', 'no container and no interface is called wbe1', 'did you mean web1'],
    ['test_net1', 'usage', 'test_net1 is a network, not a container or an interface', 'bridge:test_net1 for all of it, '],
    ['zzzzz', 'usage', 'no container and no interface is called zzzzz', 'there is web1, web2'],
    ['web1:test_net2', 'usage', 'web1 is not joined to test_net2', 'it is joined to web1:test_net1'],
    ['bridge:test_net', 'usage', 'no bridge and no bridge network is called test_net', 'bridge:test_net1'],
    ['old', 'failure', 'old is not running (exited)', 'docker start old'],
    ['nonemode', 'failure', 'nonemode: ', null],
    ['ab', 'usage', 'no container and no interface is called ab', null],
    ['', 'usage', 'which container or interface?', null],
  ])('%j is refused with what is near', (target, kind, message, hint) => {
    const error = errorOf(target);
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(message);
    if (hint !== null) expect(error.hint).toContain(hint);
  });

  it('refuses the start of an id that several share', () => {
    const twins = buildTopology(
      hostFacts({ containers: [container('x', { id: 'abcd1'.padEnd(64, '0') }), container('y', { id: 'abcd2'.padEnd(64, '0') })] }),
    );
    expect(errorOf('abcd', twins)).toMatchObject({ kind: 'usage', message: expect.stringContaining('x, y') });
  });

  it('refuses a name that is a container and an interface, and takes what the hint says', () => {
    const both = buildTopology(
      hostFacts({ self: { links: [loopback, link(2, 'eth0', null)] }, containers: [container('eth0', { id: 'c'.repeat(64) })] }),
    );
    expect(errorOf('eth0', both).hint).toBe('say cccccccccccc for the container, host/eth0 for the interface');
    expect(resolveTarget(both, 'host/eth0')[0]?.id).toBe('eth0');
  });

  it('says that a privilege is missing where the namespace could not be read', () => {
    const net = network('n');
    const blind = buildTopology(
      hostFacts({ networks: [net], containers: [container('web1', { mode: 'n', endpoints: [endpoint(net, '172.18.0.2')] })] }),
    );
    expect(errorOf('web1', blind)).toMatchObject({ kind: 'missing', hint: expect.stringContaining('root') });
  });

  it('lets no escape sequence of a name through', () => {
    expect(errorOf('\u001b[31mweb').message).not.toContain('\u001b');
  });
});

describe('pointsOfContainer', () => {
  const offered = (name: string): string[] => {
    const node = topology.containers.find((candidate) => candidate.name === name);
    return node === undefined ? [] : pointsOfContainer(topology, node).map((point) => `${point.id}: ${point.sees}`);
  };

  it('offers the cable first, then the device inside, the bridge, the way out and the loopback', () => {
    expect(offered('web1')).toEqual([
      'veth12: all of web1 (shared by sidecar)',
      '1011/eth0: inside web1 (shared by sidecar)',
      'br-net1: all of test_net1',
      'eth0: after translation',
      '1011/lo: web1 (shared by sidecar) with itself',
    ]);
    expect(offered('sidecar')).toEqual(offered('web1'));
  });

  it('names the network where the container has several', () => {
    expect(offered('multi')).toContain('veth44: multi on test_net2');
  });

  it('offers the host to a container that uses it', () => {
    expect(offered('hostmode').slice(0, 2)).toEqual(['eth0: after translation', 'lo: the host with itself']);
  });

  it('offers nothing where there is nothing', () => {
    expect(offered('nonemode')).toEqual([]);
    expect(offered('old')).toEqual([]);
  });
});

describe('nearestNames', () => {
  it('finds swapped, missing and further letters, and parts of names', () => {
    const known = ['web1', 'web2', 'database', 'proxy'];
    expect(nearestNames('wbe1', known)).toEqual(['web1']);
    expect(nearestNames('databse', known)).toEqual(['database']);
    expect(nearestNames('we', known)).toEqual(['web1', 'web2']);
    expect(nearestNames('mail', known)).toEqual([]);
  });
});
