/** A container that has joined a second network: by which it leaves and answers, and why. */
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/path/verdict.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { address, ask, asked, container, endpoint, inside, link, makeHost, NET_A, NET_B, namespace, route, told, WEB } from './host.ts';

/** web on neta, and since then on netb too; its default route is by neta, whose name sorts first, unless `leaves` says otherwise. */
const withTwo = (leaves: 'eth0' | 'eth1', priorities: readonly [number, number] | null) => {
  const ends = [endpoint(NET_A, '172.18.0.2'), endpoint(NET_B, '172.19.0.9')].map((end, at) =>
    priorities === null ? end : { ...end, gwPriority: priorities[at] as number },
  );
  return makeHost({
    containers: [
      { ...WEB, endpoints: ends },
      container('cli', { mode: 'netb', netns: '1031', endpoints: [endpoint(NET_B, '172.19.0.2')] }),
    ],
    namespaces: [
      namespace('1011', 11, {
        links: [link(11, 'eth0', 'veth', { linkIndex: 12, linkNetnsid: 0 }), link(31, 'eth1', 'veth', { linkIndex: 32, linkNetnsid: 0 })],
        addresses: [address('eth0', '172.18.0.2/16'), address('eth1', '172.19.0.9/16')],
        routes: [
          route(`default via ${leaves === 'eth0' ? '172.18.0.1' : '172.19.0.1'} dev ${leaves}`),
          route('172.18.0.0/16 dev eth0'),
          route('172.19.0.0/16 dev eth1'),
        ],
      }),
      inside(21, '1031', '172.19.0.2/16', '172.19.0.1'),
    ],
  });
};

describe('default-route', () => {
  it('is a note beside what a container in two networks sends outside', () => {
    const { found } = asked(withTwo('eth0', [0, 0]), ask('web', '203.0.113.2'));
    expect(found.find(({ id }) => id === 'default-route')).toEqual({
      id: 'default-route',
      weight: 'note',
      sentence: 'web is in 2 networks and leaves by neta: its name sorts before netb, and gw-priority says nothing else.',
      evidence: ['default route by eth0 (in web)', 'GwPriority of its networks: neta 0, netb 0'],
      fix: null,
      fixFor: null,
    });
  });

  it('is the cause where the answer to one network goes out by the other', () => {
    const facts = withTwo('eth1', [0, 5]);
    const { spec } = asked(facts, ask('outside', '172.18.0.2', 80)).input;
    const judged = asked(facts, spec).verdict;
    const accept: Verdict = { ...judged, outcome: 'accept' };
    const reply: Verdict = {
      ...judged,
      outcome: 'drop',
      steps: [],
      decidedBy: { kind: 'sysctl', text: 'net.ipv4.conf.br-b.rp_filter = 1', reason: 'rp-filter' },
    };
    const { found } = told({ spec, verdict: accept, reply, flow: null, facts, topology: buildTopology(facts) });
    expect(found.find(({ id }) => id === 'default-route')).toMatchObject({
      weight: 'cause',
      sentence:
        'web was asked in neta and answers by netb, where its default route is: its gw-priority is 5, that of neta 0. Joining a network can move it.',
      evidence: ['default route by eth1 (in web)', 'GwPriority of its networks: neta 0, netb 5'],
      fix: 'docker network disconnect neta web && docker network connect --gw-priority 1 neta web',
    });
  });

  it('is no matter inside a network, and has no command where the engine knows no gw-priority', () => {
    expect(asked(withTwo('eth0', null), ask('web', '172.18.0.3')).ids).not.toContain('default-route');
    const { found } = asked(withTwo('eth0', null), ask('web', '203.0.113.2'));
    expect(found.find(({ id }) => id === 'default-route')).toMatchObject({
      fix: null,
      evidence: [expect.anything(), 'GwPriority of its networks: neta without, netb without'],
    });
  });
});
