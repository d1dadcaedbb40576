/** What flows call the addresses in them. */
import { describe, expect, it } from 'vitest';
import { buildTopology } from '../../src/topology/build.ts';
import { NameIndex } from '../../src/topology/names.ts';
import { ip } from '../addresses.ts';
import { address, container, endpoint, hostFacts, link, loopback, namespace, network } from './facts.ts';
import { scene } from './scene.ts';

const names = new NameIndex(buildTopology(scene), scene);

describe('nameOf', () => {
  it.each([
    ['172.18.0.2', 'web1'],
    ['172.18.0.4', 'multi (test_net1)'],
    ['198.18.20.4', 'multi (test_net2)'],
    ['172.18.0.1', 'host (test_net1 gateway)'],
    ['203.0.113.1', 'host'],
    ['127.0.0.1', 'host'],
    ['127.0.0.11', 'localhost'],
    ['198.19.5.1', 'mv gateway'],
    ['203.0.113.2', null],
    ['::1', 'localhost'],
  ])('%s is %s', (text, expected) => {
    expect(names.nameOf(ip(text))).toBe(expected);
  });

  const net = network('a');
  const other = network('b');
  const named = (...containers: ReturnType<typeof container>[]): string | null => {
    const facts = hostFacts({ networks: [net, other], containers });
    return new NameIndex(buildTopology(facts), facts).nameOf(ip('10.0.0.2'));
  };

  it('prefers a running container to a stopped one that had the address before', () => {
    expect(
      named(
        container('gone', { state: 'exited', endpoints: [endpoint(net, '10.0.0.2')] }),
        container('here', { endpoints: [endpoint(net, '10.0.0.2')] }),
      ),
    ).toBe('here');
  });

  it('names both, with their networks, where two have the same address', () => {
    expect(
      named(container('x', { endpoints: [endpoint(net, '10.0.0.2')] }), container('y', { endpoints: [endpoint(other, '10.0.0.2')] })),
    ).toBe('x (a) or y (b)');
  });

  it('knows addresses that were added by hand', () => {
    const facts = hostFacts({
      namespaces: [
        namespace('1001', 1, {
          links: [loopback, link(5, 'eth0', 'veth', { linkIndex: 6, linkNetnsid: 0 })],
          addresses: [address('eth0', '10.0.0.2/24'), address('eth0', '10.9.9.9/24')],
        }),
      ],
      networks: [net],
      containers: [container('web', { netns: '1001', endpoints: [endpoint(net, '10.0.0.2')] })],
    });
    expect(new NameIndex(buildTopology(facts), facts).nameOf(ip('10.9.9.9'))).toBe('web');
  });
});
