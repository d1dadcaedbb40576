/** The line that is drawn from a container outwards. */
import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../src/host/facts.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { wayOut } from '../../src/topology/way-out.ts';
import { scene } from './scene.ts';

const lineOf = (name: string, at = 0, facts: HostFacts = scene): string => {
  const topology = buildTopology(facts);
  const node = topology.containers.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no container ${name}`);
  return wayOut(topology, facts, node, at)
    .map((hop) =>
      [hop.label, hop.address, hop.point === null ? null : '*', hop.link === null ? null : `──${hop.link}──`]
        .filter((part) => part !== null)
        .join(' '),
    )
    .join(' ');
};

describe('wayOut', () => {
  it('leads through veth, bridge and route to the outside, with a capture point at each', () => {
    expect(lineOf('web1')).toBe(
      'web1 eth0 172.18.0.2 * ──veth── veth12 * ──port── br-net1 172.18.0.1 * ──route── eth0 203.0.113.1 * ──── outside',
    );
  });

  it('is that of the container whose network is shared', () => {
    expect(lineOf('sidecar')).toBe(lineOf('web1').replace('web1', 'sidecar'));
  });

  it('ends at the bridge of an internal network', () => {
    expect(lineOf('i1')).toBe(
      'i1 eth0 172.20.0.2 * ──veth── veth32 * ──port── br-int 172.20.0.1 * ──── no way out: the network is --internal',
    );
  });

  it('ends at the bridge where the default route is by another interface', () => {
    expect(lineOf('multi', 1)).toContain('br-net2 198.18.20.1 * ──── no way out here: its default route is by eth0');
  });

  it('goes to the parent of a macvlan', () => {
    expect(lineOf('mv1')).toBe('mv1 eth0 198.19.5.2 * ──macvlan── eth0 * ──── outside');
  });

  it('starts at the host for a container that uses it', () => {
    expect(lineOf('hostmode')).toBe("hostmode (the host's own network) ──route── eth0 203.0.113.1 * ──── outside");
  });

  it('says why it cannot go on', () => {
    expect(lineOf('old')).toContain('old ──?── not running');
    expect(lineOf('web1', 0, { ...scene, self: { ...scene.self, routes: [] } })).toContain('no way out: the host has no default route');
    expect(lineOf('web1', 0, { ...scene, self: { ...scene.self, routes: null } })).toContain("the host's routes could not be read");
    expect(lineOf('nonemode')).toBe('');
  });
});
