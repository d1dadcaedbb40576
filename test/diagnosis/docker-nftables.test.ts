/** The causes on a host whose dockerd writes native nftables: nft itself reads the tables, and each cause knows their rules by shape. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { parseNftables } from '../../src/netfilter/nft/parse.ts';
import type { NftTable } from '../../src/netfilter/nft/ruleset.ts';
import { describeLab } from '../lab/root.ts';
import { dockerTables, firewalldTable, type Network } from '../netfilter/nft/hosts.ts';
import { ask, asked, bridgeNetwork, type HostChange, makeHost, NET_B } from './host.ts';

const NO_RULES = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n';
const A: Network = {
  bridge: 'br-a',
  subnet: '172.18.0.0/16',
  icc: true,
  endpoints: ['172.18.0.2', '172.18.0.3'],
  published: [{ address: '172.18.0.2', port: 80, hostPort: 8080 }],
};
const B: Network = { bridge: 'br-b', subnet: '172.19.0.0/16', icc: true, published: [] };

/** In a network namespace of its own, which is gone with the command. */
const tablesOf = (text: string): readonly NftTable[] => {
  const json = execFileSync('unshare', ['-n', 'sh', '-c', 'nft -f - && nft -j list ruleset'], { input: text, encoding: 'utf8' });
  const parsed = parseNftables(json);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.tables;
};

const host = (networks: readonly Network[], change: HostChange = {}, more = '') =>
  makeHost({ rules: NO_RULES, ...change, self: { nftables: tablesOf(`${dockerTables(networks)}\n${more}`), ...change.self } });

describeLab('a host with Docker’s nftables backend', () => {
  it('says nothing of what it allows', () => {
    expect(asked(host([A, B]), ask('outside', '203.0.113.1', 8080)).ids).toEqual([]);
    expect(asked(host([A, B]), ask('web', '203.0.113.2')).ids).toEqual([]);
  });

  it('network-isolation', () => {
    const { found, verdict } = asked(host([A, B]), ask('cli', '172.18.0.2'));
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { backend: 'nftables', table: 'docker-bridges' } });
    expect(found[0]).toMatchObject({ id: 'network-isolation', fix: 'docker network connect neta cli' });
    expect(found.map(({ id }) => id)).not.toContain('native-nftables');
  });

  it('network-isolation: by the chain of the bridge that it would leave by', () => {
    expect(asked(host([{ ...A, endpoints: [], published: [] }, B]), ask('cli', '172.18.0.3')).found[0]?.id).toBe('network-isolation');
  });

  it('icc-off', () => {
    expect(asked(host([{ ...A, icc: false }, B]), ask('cli2', '172.18.0.2')).found[0]).toMatchObject({
      id: 'icc-off',
      sentence: 'Containers in network neta may not talk to each other (icc=false), and cli2 and web are both in it.',
    });
  });

  it('direct-access', () => {
    expect(asked(host([A, B]), ask('outside', '172.18.0.2', 80)).found[0]).toMatchObject({
      id: 'direct-access',
      fix: expect.stringContaining('trusted_host_interfaces=eth0'),
    });
  });

  it('unpublished-direct', () => {
    expect(asked(host([{ ...A, endpoints: [] }, B]), ask('outside', '172.18.0.2', 81)).found[0]?.id).toBe('unpublished-direct');
  });

  it('internal-network', () => {
    const inner = bridgeNetwork('neta', 'br-a', '172.18.0.0/16', '172.18.0.1', { internal: true });
    const networks = [{ ...A, internal: true as const, published: [], endpoints: [] }, B];
    expect(asked(host(networks, { networks: [inner, NET_B] }), ask('web', '203.0.113.2')).found[0]?.id).toBe('internal-network');
  });

  it('native-nftables: a table of the administrator’s own beside it', () => {
    const own = 'table inet own {\n chain mine {\n type filter hook forward priority 10; policy drop;\n }\n}';
    const { found } = asked(host([A, B], {}, own), ask('web', '203.0.113.2'));
    expect(found[0]).toMatchObject({ id: 'native-nftables', fix: 'nft add rule inet own mine iifname br-a accept' });
    expect(found.map(({ id }) => id)).not.toContain('docker-rules-gone');
  });

  it('docker-rules-gone: nftables’ own start has flushed them', () => {
    const flushed = makeHost({
      rules: '',
      self: { nftables: tablesOf('table inet filter {\n chain forward {\n type filter hook forward priority 0; policy drop;\n }\n}') },
    });
    expect(asked(flushed, ask('web', '203.0.113.2')).found[0]).toMatchObject({ id: 'docker-rules-gone', fix: 'systemctl restart docker' });
  });

  it('firewalld: a bridge that is in none of its zones', () => {
    const { found } = asked(makeHost({ self: { nftables: tablesOf(firewalldTable([], 'eth0')) } }), ask('web', '203.0.113.2'));
    expect(found[0]).toMatchObject({ id: 'firewalld', fix: 'firewall-cmd --zone=docker --add-interface=br-a' });
  });

  it('firewalld: a published port where it is strict about forwarded ports', () => {
    const strict = firewalldTable([], 'eth0').replace(/^.*ct status dnat accept.*$/gm, '');
    const { found } = asked(makeHost({ self: { nftables: tablesOf(strict) } }), ask('outside', '203.0.113.1', 8080));
    expect(found[0]).toMatchObject({ id: 'firewalld', sentence: expect.stringContaining('StrictForwardPorts') });
    expect(found[0]?.fix).toBe('firewall-cmd --add-forward-port=port=8080:proto=tcp:toport=80:toaddr=172.18.0.2');
  });
});
