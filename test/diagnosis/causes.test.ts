/** Each cause on a host that has it: found by what rules and facts say, told with names, with a command that would mend it. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CAUSES } from '../../src/diagnosis/causes.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { parseNftables } from '../../src/netfilter/nft/parse.ts';
import type { NftTable } from '../../src/netfilter/nft/ruleset.ts';
import type { Verdict } from '../../src/path/verdict.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { aFlow } from '../flow/a-flow.ts';
import {
  address,
  ask,
  asked,
  bridgeNetwork,
  container,
  endpoint,
  inside,
  ip,
  link,
  listener,
  makeHost,
  NET_A,
  NET_B,
  namespace,
  network,
  RULES_20,
  RULES_28,
  route,
  told,
  WEB,
} from './host.ts';

const insertAfter = (rules: string, after: string, rule: string): string => {
  if (!rules.includes(`${after}\n`)) throw new Error(`no line ${after}`);
  return rules.replace(`${after}\n`, `${after}\n${rule}\n`);
};

const insertBefore = (rules: string, line: string, rule: string): string => {
  if (!rules.includes(`${line}\n`)) throw new Error(`no line ${line}`);
  return rules.replace(`${line}\n`, `${rule}\n${line}\n`);
};

const without = (rules: string, pattern: RegExp): string =>
  rules
    .split('\n')
    .filter((line) => !pattern.test(line))
    .join('\n');

const flowOf = (more: Partial<Flow>): Flow =>
  aFlow({ a: ip('203.0.113.2'), b: ip('203.0.113.1'), aPort: 40000, bPort: 8080, bytes: [74, 0], ...more });

describe('nothing stands out', () => {
  it('on a host as Docker leaves it, for traffic that it allows', () => {
    for (const rules of [RULES_20, RULES_28]) {
      const host = makeHost({ rules });
      expect(asked(host, ask('web', '203.0.113.2')).ids).toEqual([]);
      expect(asked(host, ask('cli2', '172.18.0.2')).ids).toEqual([]);
      expect(asked(host, ask('outside', '203.0.113.1', 8080)).ids).toEqual([]);
    }
  });
});

describe('routing and sysctls', () => {
  it('forwarding-off: at all', () => {
    const { found, why } = asked(
      makeHost({ sysctls: { 'net.ipv4.ip_forward': '0', 'net.ipv4.conf.br-a.forwarding': '0' } }),
      ask('web', '203.0.113.2'),
    );
    expect(found[0]).toMatchObject({ id: 'forwarding-off', evidence: ['net.ipv4.ip_forward = 0'], fix: 'sysctl -w net.ipv4.ip_forward=1' });
    expect(why[0]).toBe('The host is not allowed to route packets, so nothing gets past it to or from web.');
  });

  it('forwarding-off: from the interface that the answer comes in by', () => {
    const { found } = asked(makeHost({ sysctls: { 'net.ipv4.conf.eth0.forwarding': '0' } }), ask('web', '203.0.113.2'));
    expect(found[0]).toMatchObject({ id: 'forwarding-off', fix: 'sysctl -w net.ipv4.conf.eth0.forwarding=1' });
    expect(found[0]?.sentence).toContain('what comes in by eth0: the answer does');
  });

  it('reverse-path: the way back leads elsewhere', () => {
    const host = makeHost({ sysctls: { 'net.ipv4.conf.eth0.rp_filter': '1' } });
    const { found } = asked(host, { in: 'eth0', src: '172.19.0.9', dst: '172.18.0.2', proto: 'icmp', icmpType: 8, icmpCode: 0 });
    expect(found[0]).toMatchObject({ id: 'reverse-path', fix: 'sysctl -w net.ipv4.conf.eth0.rp_filter=2' });
  });

  it('route-localnet: a packet from 127.0.0.1 that is translated to a container', () => {
    const rules = RULES_20.replace('-A OUTPUT ! -d 127.0.0.0/8 -m', '-A OUTPUT -m');
    const { found } = asked(makeHost({ rules }), ask('loopback', '127.0.0.1', 8080));
    expect(found[0]).toMatchObject({ id: 'route-localnet', fix: 'sysctl -w net.ipv4.conf.br-a.route_localnet=1' });
  });

  it('no-route', () => {
    const facts = makeHost();
    const host = { ...facts, self: { ...facts.self, routes: (facts.self.routes ?? []).filter((one) => one.prefix.length !== 0) } };
    const { found } = asked(host, ask('web', '192.0.2.1'));
    expect(found[0]).toMatchObject({ id: 'no-route', sentence: 'The host has no route to 192.0.2.1.' });
  });

  it('stolen-route: another route covers the network', () => {
    const facts = makeHost();
    const host = {
      ...facts,
      self: {
        ...facts.self,
        links: [...(facts.self.links ?? []), link(50, 'tun0', 'tun')],
        routes: [route('172.18.0.0/24 dev tun0'), ...(facts.self.routes ?? [])],
      },
    };
    const { found } = asked(host, ask('host', '172.18.0.2', 80));
    expect(found[0]).toMatchObject({ id: 'stolen-route', evidence: ['172.18.0.0/24 dev tun0'] });
    expect(found[0]?.sentence).toContain("web's address lives behind tun0");
  });

  it('conntrack-full', () => {
    const { found } = asked(
      makeHost({ sysctls: { 'net.netfilter.nf_conntrack_count': '262144', 'net.netfilter.nf_conntrack_max': '262144' } }),
      ask('web', '203.0.113.2'),
    );
    expect(found[0]).toMatchObject({ id: 'conntrack-full', fix: 'sysctl -w net.netfilter.nf_conntrack_max=524288' });
  });

  it('too-big: larger than the next link takes', () => {
    const verdict: Verdict = {
      ...dropped({ kind: 'route', text: 'too long', reason: 'too-big', about: { device: 'tun0', mtu: 1400 } }),
      out: null,
    };
    expect(decided(verdict, ask('web', '192.0.2.1', 443)).found[0]).toMatchObject({
      id: 'too-big',
      sentence: expect.stringContaining('larger than what tun0 takes'),
      evidence: ['too long'],
    });
  });
});

describe('Docker keeps apart', () => {
  it.each([
    ['the chains of 20.10', RULES_20, 'rule 2 of DOCKER-ISOLATION-STAGE-2 drops it:  -A DOCKER-ISOLATION-STAGE-2 -o br-a -j DROP'],
    ['table raw of 28', RULES_28, 'rule 1 of PREROUTING in table raw drops it:  -A PREROUTING -d 172.18.0.2/32 ! -i br-a -j DROP'],
    [
      'the default of 28 and later',
      without(RULES_28, /PREROUTING -d 172/),
      'rule 2 of DOCKER drops it:  -A DOCKER ! -i br-a -o br-a -j DROP',
    ],
    [
      'a pair of bridges, as in 1.12',
      RULES_20.replaceAll(/DOCKER-ISOLATION-STAGE-1/g, 'DOCKER-ISOLATION').replace(
        '-A DOCKER-ISOLATION -i br-b ! -o br-b -j DOCKER-ISOLATION-STAGE-2',
        '-A DOCKER-ISOLATION -i br-b -o br-a -j DROP',
      ),
      'rule 1 of DOCKER-ISOLATION drops it:  -A DOCKER-ISOLATION -i br-b -o br-a -j DROP',
    ],
  ])('network-isolation by %s', (_name, rules, evidence) => {
    const { found } = asked(makeHost({ rules }), ask('cli', '172.18.0.2'));
    expect(found[0]).toMatchObject({
      id: 'network-isolation',
      sentence: 'cli and web are in different Docker networks (netb, neta), which Docker keeps apart.',
      fix: 'docker network connect neta cli',
    });
    expect(found[0]?.evidence[0]).toContain(evidence);
  });

  it('network-isolation of a published port that is asked for by a network without masquerade', () => {
    const rules = without(RULES_20, /-A DOCKER -i br-b -j RETURN/);
    const { found } = asked(makeHost({ rules }), ask('cli', '203.0.113.1', 8080));
    expect(found[0]?.id).toBe('network-isolation');
    expect(found[0]?.sentence).toMatch(/^web's port is published, but asked from another network: cli and web/);
  });

  it('icc-off', () => {
    const rules = RULES_20.replace('-A FORWARD -i br-a -o br-a -j ACCEPT', '-A FORWARD -i br-a -o br-a -j DROP');
    const { found } = asked(makeHost({ rules }), ask('cli2', '172.18.0.2'));
    expect(found[0]).toMatchObject({
      id: 'icc-off',
      sentence: 'Containers in network neta may not talk to each other (icc=false), and cli2 and web are both in it.',
    });
  });

  it.each([['0'], [null]])('icc-no-effect with bridge-nf-call-iptables %s', (value) => {
    const rules = RULES_20.replace('-A FORWARD -i br-a -o br-a -j ACCEPT', '-A FORWARD -i br-a -o br-a -j DROP');
    const { found } = asked(makeHost({ rules, sysctls: { 'net.bridge.bridge-nf-call-iptables': value } }), ask('cli2', '172.18.0.2'));
    expect(found).toMatchObject([{ id: 'icc-no-effect', weight: 'note', fix: expect.stringContaining('modprobe br_netfilter') }]);
  });

  it('internal-network', () => {
    const intern = bridgeNetwork('intern', 'br-b', '172.19.0.0/16', '172.19.0.1', { internal: true });
    const rules = insertAfter(RULES_20, ':DOCKER-USER - [0:0]', '-A DOCKER-ISOLATION-STAGE-1 ! -d 172.19.0.0/16 -i br-b -j DROP');
    const cli = container('cli', { mode: 'intern', netns: '1031', endpoints: [endpoint(intern, '172.19.0.2')] });
    const host = makeHost({
      rules,
      networks: [NET_A, intern],
      containers: [WEB, cli],
      namespaces: [inside(31, '1031', '172.19.0.2/16', null)],
    });
    const { found } = asked(host, ask('cli', '203.0.113.2'));
    expect(found[0]).toMatchObject({ id: 'internal-network', fix: 'docker network connect bridge cli' });
    expect(found[0]?.sentence).toBe(
      'Network intern of cli is --internal: by design there is no way out of it. cli has no default route, so it does not even send such a packet.',
    );
  });

  it.each([
    ['eth0', null, /^A container's own address can be reached from beyond its bridge only through published ports/],
    ['wg0', 'wireguard', /^The packet reached the host through the tunnel wg0, but a container's own address/],
  ])('direct-access by %s', (device, kind, sentence) => {
    const facts = makeHost({ rules: RULES_28 });
    const host = {
      ...facts,
      self: { ...facts.self, links: [...(facts.self.links ?? []), ...(kind === null ? [] : [link(60, device, kind)])] },
    };
    const { found } = asked(host, { ...ask('outside', '172.18.0.2', 80), in: device });
    expect(found[0]).toMatchObject({ id: 'direct-access', fix: expect.stringContaining(`trusted_host_interfaces=${device}`) });
    expect(found[0]?.sentence).toMatch(sentence);
  });

  it.each([
    ['by policy', RULES_20],
    ['by the default of 28', without(RULES_28, /PREROUTING -d 172/)],
  ])('unpublished-direct %s', (_name, rules) => {
    const { found } = asked(makeHost({ rules }), ask('outside', '172.18.0.2', 81));
    expect(found[0]).toMatchObject({
      id: 'unpublished-direct',
      sentence: 'web was asked at its own address from outside its network, and port 81 of web is not published.',
    });
  });

  it('loopback-from-outside', () => {
    const { found } = asked(makeHost({ rules: RULES_28 }), ask('outside', '127.0.0.1', 8051));
    expect(found[0]?.id).toBe('loopback-from-outside');
  });
});

describe('published ports', () => {
  const published = (hostIp: string) =>
    makeHost({
      containers: [{ ...WEB, published: [{ protocol: 'tcp', containerPort: 80, hostIp, hostPort: 8051 }] }],
      rules: insertBefore(
        RULES_20,
        '-A DOCKER -i br-b -j RETURN',
        `-A DOCKER -d ${hostIp}/32 ! -i br-a -p tcp -m tcp --dport 8051 -j DNAT --to-destination 172.18.0.2:80`,
      ),
    });

  it('published-elsewhere: for this machine only', () => {
    const { found } = asked(published('127.0.0.1'), ask('outside', '203.0.113.1', 8051));
    expect(found[0]).toMatchObject({ id: 'published-elsewhere', fix: 'docker run -p 8051:80 …' });
    expect(found[0]?.sentence).toBe('web publishes port 8051 for this machine only (127.0.0.1); 203.0.113.1:8051 is another address.');
  });

  it('published-elsewhere: on another address', () => {
    const { found } = asked(published('203.0.113.50'), ask('outside', '203.0.113.1', 8051));
    expect(found[0]?.sentence).toBe('web publishes port 8051 on 203.0.113.50; you knock at 203.0.113.1.');
  });

  it('not-published', () => {
    const { found } = asked(makeHost(), ask('outside', '203.0.113.1', 80));
    expect(found[0]?.id).toBe('not-published');
    expect(found[0]?.sentence).toContain('web publishes its port 80 as 8080');
  });

  it('taken-port: a program of the host answers', () => {
    const host = makeHost({ self: { listeners: [listener('0.0.0.0', 8080, 'nginx')] } });
    const { found } = asked(host, ask('cli', '203.0.113.1', 8080));
    expect(found[0]).toMatchObject({
      id: 'taken-port',
      sentence: 'web publishes port 8080, but what is asked here is answered by nginx on the host itself.',
    });
  });

  it('proxied: docker-proxy dials the container', () => {
    const host = makeHost({ self: { listeners: [listener('0.0.0.0', 8080, 'docker-proxy')] } });
    expect(asked(host, ask('cli', '203.0.113.1', 8080)).found).toMatchObject([
      { id: 'proxied', weight: 'note', sentence: expect.stringContaining('web (172.18.0.2:80)') },
    ]);
  });

  it('behind-proxy: docker-proxy takes it, and nobody listens in the container', () => {
    const host = makeHost({
      self: { listeners: [listener('0.0.0.0', 8080, 'docker-proxy')] },
      namespaces: [inside(11, '1011', '172.18.0.2/16', '172.18.0.1', [])],
    });
    const { found } = asked(host, ask('cli', '203.0.113.1', 8080));
    expect(found.map(({ id }) => id)).toEqual(['behind-proxy', 'nobody-listens']);
    expect(found[0]?.sentence).toMatch(
      /^docker-proxy on the host takes this connection for web \(172.18.0.2:80\), but nobody takes its own/,
    );
    expect(found[0]?.sentence).toContain('"connection reset by peer"');
  });

  it('behind-proxy: the second connection is dropped, and by what', () => {
    const rules = RULES_20.replace(':OUTPUT ACCEPT', ':OUTPUT DROP');
    const host = makeHost({ rules, self: { listeners: [listener('0.0.0.0', 8080, 'docker-proxy')] } });
    const { found } = asked(host, ask('cli', '203.0.113.1', 8080));
    expect(found[0]).toMatchObject({ id: 'behind-proxy', evidence: [expect.stringContaining('OUTPUT')] });
    expect(found[0]?.sentence).toContain('is dropped: the client hears nothing');
  });

  it('published-untaken: dockerd keeps the port, and nobody takes what comes', () => {
    const rules = without(RULES_20, /DNAT/);
    const host = makeHost({ rules, self: { listeners: [listener('0.0.0.0', 8080, 'dockerd')] } });
    const { found } = asked(host, ask('outside', '203.0.113.1', 8080));
    expect(found[0]).toMatchObject({ id: 'published-untaken', fix: 'systemctl restart docker' });
    expect(found[0]?.sentence).toContain('dockerd only keeps the port busy');
    expect(found.map(({ id }) => id)).not.toContain('taken-port');
  });

  it('proxied: by a port that a rule redirects to it', () => {
    const rule = '-A PREROUTING -i br-b -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080';
    const rules = RULES_20.replace('-A PREROUTING -m addrtype', `${rule}\n-A PREROUTING -m addrtype`);
    const host = makeHost({ rules, self: { listeners: [listener('0.0.0.0', 8080, 'docker-proxy')] } });
    expect(asked(host, ask('cli', '203.0.113.1', 80)).found).toMatchObject([
      {
        id: 'proxied',
        evidence: [expect.stringMatching(/^docker-proxy listens at .*:8080, where a rule redirects it: -A PREROUTING -i br-b/)],
      },
    ]);
  });

  it('stale-conntrack: not a connection of docker-proxy, which no rule translates', () => {
    const tuple = { src: ip('172.19.0.2'), dst: ip('203.0.113.1'), srcPort: 40000, dstPort: 8080 };
    const reply = { src: tuple.dst, dst: tuple.src, srcPort: 8080, dstPort: 40000 };
    const entry = { protocol: 6, state: 'ESTABLISHED', original: tuple, reply, status: [], mark: 0, zone: null, timeoutSec: 100 };
    const host = makeHost({ self: { listeners: [listener('0.0.0.0', 8080, 'docker-proxy')], conntrack: [entry] } });
    expect(asked(host, ask('cli', '203.0.113.1', 8080)).found.map(({ id }) => id)).not.toContain('stale-conntrack');
  });

  it('stale-conntrack: a conversation from before the rule', () => {
    const tuple = { src: ip('203.0.113.2'), dst: ip('203.0.113.1'), srcPort: 40000, dstPort: 8080 };
    const entry = {
      protocol: 6,
      state: 'SYN_SENT',
      original: tuple,
      reply: { src: tuple.dst, dst: tuple.src, srcPort: 8080, dstPort: 40000 },
      status: [],
      mark: 0,
      zone: null,
      timeoutSec: 100,
    };
    const { found } = asked(makeHost({ self: { conntrack: [entry] } }), ask('outside', '203.0.113.1', 8080));
    expect(found.find(({ id }) => id === 'stale-conntrack')).toMatchObject({ fix: 'conntrack -D -p tcp --orig-port-dst 8080' });
  });

  it.each([
    ['on the loopback only', [listener('127.0.0.1', 80)], /listens on 127\.0\.0\.1 only/],
    ['on another port', [listener('0.0.0.0', 8000)], /nobody listens on tcp port 80; it listens on 8000\.$/],
  ])('nobody-listens: %s', (_name, listeners, sentence) => {
    const host = makeHost({ namespaces: [inside(11, '1011', '172.18.0.2/16', '172.18.0.1', listeners)] });
    const { found } = asked(host, ask('outside', '203.0.113.1', 8080));
    expect(found[0]?.id).toBe('nobody-listens');
    expect(found[0]?.sentence).toMatch(sentence);
  });

  it('published-port-filter: a rule for the port as published never matches', () => {
    const rules = insertBefore(RULES_20, '-A DOCKER-USER -j RETURN', '-A DOCKER-USER -i eth0 -p tcp -m tcp --dport 8080 -j DROP');
    const { found, verdict } = asked(makeHost({ rules }), ask('outside', '203.0.113.1', 8080));
    expect(verdict.outcome).toBe('accept');
    expect(found).toMatchObject([
      {
        id: 'published-port-filter',
        weight: 'note',
        fix: 'iptables -I DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP',
      },
    ]);
  });

  it('firewall-bypassed: INPUT would have refused it', () => {
    const rules = insertBefore(RULES_20, '-A FORWARD -j DOCKER-USER', '-A INPUT -s 203.0.113.2/32 -j DROP');
    expect(asked(makeHost({ rules }), ask('outside', '203.0.113.1', 8080)).found).toMatchObject([
      { id: 'firewall-bypassed', weight: 'note', evidence: ['never asked: -A INPUT -s 203.0.113.2/32 -j DROP'] },
    ]);
  });
});

describe('the rules of others', () => {
  it("docker-user: one's own rule", () => {
    const rules = insertBefore(RULES_20, '-A DOCKER-USER -j RETURN', '-A DOCKER-USER -d 203.0.113.2/32 -j DROP');
    expect(asked(makeHost({ rules }), ask('web', '203.0.113.2')).found[0]).toMatchObject({
      id: 'docker-user',
      fix: 'iptables -D DOCKER-USER 1',
    });
  });

  it("docker-user: one's own rule in a chain that DOCKER-USER jumps to", () => {
    const rules = insertBefore(
      insertAfter(RULES_20, ':DOCKER-USER - [0:0]', ':mine - [0:0]\n-A mine -j DROP'),
      '-A DOCKER-USER -j RETURN',
      '-A DOCKER-USER -i br-a -j mine',
    );
    expect(asked(makeHost({ rules }), ask('web', '203.0.113.2')).found[0]).toMatchObject({ id: 'docker-user', fix: 'iptables -D mine 1' });
  });

  it('docker-user: it drops the answers too', () => {
    const rules = insertBefore(RULES_20, '-A DOCKER-USER -j RETURN', '-A DOCKER-USER -i eth0 -j DROP');
    const { found } = asked(makeHost({ rules }), ask('web', '203.0.113.2'));
    expect(found[0]).toMatchObject({
      id: 'docker-user',
      fix: 'iptables -I DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    });
    expect(found[0]?.sentence).toContain('drops the answers too');
  });

  it('docker-rules-gone: those of one network', () => {
    const rules = without(RULES_20, /FORWARD .*br-a|STAGE-\d .*br-a|DOCKER .*br-a/);
    const { found } = asked(makeHost({ rules }), ask('web', '203.0.113.2'));
    expect(found[0]).toMatchObject({ id: 'docker-rules-gone', fix: 'systemctl restart docker' });
    expect(found[0]?.sentence).toBe(
      'The rules that Docker had written for network neta are gone, and the policy of FORWARD drops what no rule takes.',
    );
  });

  it('docker-rules-gone: all of them', () => {
    const { found } = asked(
      makeHost({ rules: '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n' }),
      ask('web', '203.0.113.2'),
    );
    expect(found[0]?.sentence).toContain('None of the rules that Docker writes are there');
  });

  it('no-masquerade: the rule is gone', () => {
    const { found } = asked(makeHost({ rules: without(RULES_20, /MASQUERADE/) }), ask('web', '203.0.113.2'));
    expect(found[0]).toMatchObject({ id: 'no-masquerade', fix: 'iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o br-a -j MASQUERADE' });
  });

  it('no-masquerade: the network is set so', () => {
    const nomasq = bridgeNetwork('neta', 'br-a', '172.18.0.0/16', '172.18.0.1', {
      options: { 'com.docker.network.bridge.enable_ip_masquerade': 'false' },
    });
    const { found } = asked(
      makeHost({ rules: without(RULES_20, /172.18.*MASQUERADE/), networks: [nomasq, NET_B] }),
      ask('web', '203.0.113.2'),
    );
    expect(found[0]).toMatchObject({ id: 'no-masquerade', fix: 'ip route add 172.18.0.0/16 via 203.0.113.1' });
  });

  it('no-masquerade: and the answer is not let in', () => {
    const nomasq = bridgeNetwork('neta', 'br-a', '172.18.0.0/16', '172.18.0.1', {
      options: { 'com.docker.network.bridge.enable_ip_masquerade': 'false' },
    });
    const { found } = asked(
      makeHost({ rules: without(RULES_28, /172.18.*MASQUERADE/), networks: [nomasq, NET_B] }),
      ask('web', '203.0.113.2'),
    );
    expect(found[0]?.evidence[0]).toContain('-A PREROUTING -d 172.18.0.2/32 ! -i br-a -j DROP');
  });

  it('input-refused: the host itself, and docker-proxy behind it', () => {
    const rules = RULES_20.replace(':INPUT ACCEPT', ':INPUT DROP');
    const { found } = asked(makeHost({ rules }), ask('cli', '203.0.113.1', 8080));
    expect(found[0]).toMatchObject({ id: 'input-refused', fix: 'iptables -I INPUT -i br-b -p tcp --dport 8080 -j ACCEPT' });
    expect(found[0]?.sentence).toContain("it is web's");
  });

  it('input-refused: by ufw', () => {
    const rules = insertAfter(RULES_20, ':DOCKER-USER - [0:0]', ':ufw-user-input - [0:0]').replace(':INPUT ACCEPT', ':INPUT DROP');
    expect(asked(makeHost({ rules }), ask('cli', '172.19.0.1', 53)).found[0]).toMatchObject({
      fix: 'ufw allow in on br-b to any port 53 proto tcp',
    });
  });

  it('two-backends: the other one drops', () => {
    const legacy = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n';
    expect(asked(makeHost({ legacy }), ask('web', '203.0.113.2')).found[0]).toMatchObject({
      id: 'two-backends',
      fix: 'iptables-legacy -P FORWARD ACCEPT',
    });
  });

  it('invalid-state', () => {
    const rules = insertBefore(RULES_20, '-A DOCKER-USER -j RETURN', '-A FORWARD -m conntrack --ctstate INVALID -j DROP').replace(
      '-A FORWARD -j DOCKER-USER\n',
      '',
    );
    const { ids } = asked(
      makeHost({
        rules: rules.replace(
          '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
          '-A FORWARD -m conntrack --ctstate INVALID -j DROP\n-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
        ),
      }),
      {
        ...ask('outside', '172.18.0.2', 80),
        state: 'INVALID',
        flags: 'SYN,ACK',
      },
    );
    expect(ids[0]).toBe('invalid-state');
  });

  const nft = (name: string, policy: string, ...expressions: object[][]): readonly NftTable[] => {
    const place = { family: 'inet', table: name, chain: 'forward' };
    const chain = { ...place, name: 'forward', type: 'filter', hook: 'forward', prio: 10, policy };
    const parsed = parseNftables(JSON.stringify({ nftables: [{ chain }, ...expressions.map((expr) => ({ rule: { ...place, expr } }))] }));
    if ('problem' in parsed) throw new Error(parsed.problem);
    return parsed.tables;
  };
  const refuses = [{ reject: { type: 'icmpx', expr: 'admin-prohibited' } }];

  it('native-nftables: a table that may drop', () => {
    const { found, verdict } = asked(makeHost({ self: { nftables: nft('filter', 'drop') } }), ask('web', '203.0.113.2'));
    expect(verdict.outcome).toBe('drop');
    expect(found[0]).toMatchObject({ id: 'native-nftables', fix: 'nft add rule inet filter forward iifname br-a accept' });
  });

  it('firewalld: its table may refuse', () => {
    expect(asked(makeHost({ self: { nftables: nft('firewalld', 'accept', refuses) } }), ask('web', '203.0.113.2')).found[0]).toMatchObject({
      id: 'firewalld',
      fix: 'firewall-cmd --zone=docker --add-interface=br-a',
    });
  });

  it('firewalld: the sender was told so, for a port that Docker opened', () => {
    const flow = flowOf({ error: { version: 4, type: 3, code: 13, from: ip('203.0.113.1'), count: 1 } });
    const { found } = asked(
      makeHost({ self: { nftables: nft('firewalld', 'accept', refuses) } }),
      ask('outside', '203.0.113.1', 8080),
      flow,
    );
    expect(found[0]?.sentence).toContain('StrictForwardPorts');
  });
});

describe('cables and neighbours', () => {
  it('unplugged: no bridge', () => {
    const facts = makeHost();
    const links = (facts.self.links ?? []).map((one) => (one.name === 'veth12' ? { ...one, master: null } : one));
    const { found } = asked({ ...facts, self: { ...facts.self, links } }, ask('outside', '203.0.113.1', 8080));
    expect(found[0]).toMatchObject({ id: 'unplugged', fix: 'ip link set veth12 master br-a up' });
    expect(found[0]?.sentence).toContain("web's cable (veth12) is not plugged into its bridge br-a");
  });

  it('hairpin: a container asks itself through its published port', () => {
    const rules = without(RULES_20, /-A DOCKER -i br-a -j RETURN/).replace('-A DOCKER ! -i br-a -p tcp', '-A DOCKER -p tcp');
    const { found } = asked(makeHost({ rules }), ask('web', '203.0.113.1', 8080));
    expect(found[0]).toMatchObject({ id: 'hairpin', fix: 'bridge link set dev veth12 hairpin on' });
  });

  it("wrong-neighbour: an entry that is not the container's", () => {
    const host = makeHost({
      self: { neighbours: [{ ip: ip('172.18.0.2'), dev: 'br-a', mac: '02:00:00:00:00:99', state: ['PERMANENT'], proxy: false }] },
    });
    expect(asked(host, ask('outside', '203.0.113.1', 8080)).found[0]).toMatchObject({
      id: 'wrong-neighbour',
      fix: 'ip neigh del 172.18.0.2 dev br-a',
    });
  });

  const MAC = '02:00:00:00:00:0c';
  const learnt = (dev: string) => ({ mac: MAC, dev, master: 'br-a', vlan: null, remote: null, flags: [], state: null });
  const withMac = (host: ReturnType<typeof makeHost>, names: readonly string[]) => ({
    ...host,
    namespaces: host.namespaces.map((one) =>
      host.containers.some(({ name, netns }) => names.includes(name) && netns === one.id)
        ? {
            ...one,
            facts: { ...one.facts, links: (one.facts.links ?? []).map((each) => (each.kind === 'veth' ? { ...each, mac: MAC } : each)) },
          }
        : one,
    ),
  });

  it('duplicate-address: two containers of one bridge with one MAC address', () => {
    const port = buildTopology(makeHost()).containers.find(({ name }) => name === 'cli2')?.endpoints[0]?.host?.interface ?? '';
    const host = withMac(makeHost({ self: { fdb: [learnt(port)] } }), ['web', 'cli2']);
    expect(asked(host, ask('outside', '203.0.113.1', 8080)).found.find(({ id }) => id === 'duplicate-address')).toMatchObject({
      weight: 'cause',
      evidence: [`${MAC} is known behind ${port} now`],
      fix: expect.stringContaining('docker network connect neta cli2'),
    });
  });

  it('stale-fdb: an address that the bridge believes behind another port', () => {
    const host = withMac(makeHost({ self: { fdb: [learnt('veth99')] } }), ['web']);
    expect(asked(host, ask('outside', '203.0.113.1', 8080)).found.find(({ id }) => id === 'stale-fdb')).toMatchObject({
      fix: `bridge fdb del ${MAC} dev veth99 master`,
    });
    expect(asked(withMac(makeHost({ self: { fdb: [learnt('veth12')] } }), ['web']), ask('outside', '203.0.113.1', 8080)).ids).not.toContain(
      'stale-fdb',
    );
  });

  it('nobody-there: an address of a Docker subnet that nobody has', () => {
    expect(asked(makeHost({ rules: RULES_20 }), ask('host', '172.18.9.9')).found[0]).toMatchObject({ id: 'nobody-there' });
  });
});

const dropped = (decidedBy: Verdict['decidedBy']): Verdict => ({
  outcome: 'drop',
  decidedBy,
  nat: [],
  out: null,
  steps: [{ hook: 'routing', table: null, chain: null, rule: null, text: decidedBy.text, action: 'drop' }],
  unknowns: [],
  evidence: 'predicted',
});

const decided = (verdict: Verdict, spec = ask('web', '203.0.113.2'), facts = makeHost(), flow: Flow | null = null) =>
  told({ spec, verdict, reply: null, flow, facts, topology: buildTopology(facts) });

describe('beside the bridges', () => {
  const mv = network('mv', { driver: 'macvlan', options: { parent: 'eth0' } });
  const facts = makeHost({
    networks: [mv],
    containers: [
      container('mv1', { mode: 'mv', netns: '1051', endpoints: [endpoint(mv, '198.19.5.2')] }),
      container('alone', { mode: 'none', netns: '1061' }),
      container('hosty', { mode: 'host', netns: '1' }),
    ],
    namespaces: [
      namespace('1051', null, {
        links: [link(50, 'eth0', 'macvlan', { linkIndex: 2, linkNetnsid: 0 })],
        addresses: [address('eth0', '198.19.5.2/24')],
      }),
    ],
  });
  const fromMv1 = { in: null, src: '198.19.5.2', dst: '203.0.113.2', proto: 'icmp' };

  it('macvlan-host', () => {
    const verdict = dropped({
      kind: 'bridge',
      text: 'in any words',
      reason: 'parent-and-child',
      about: { container: 'mv1', device: 'eth0' },
    });
    expect(decided(verdict, { ...fromMv1, dst: '203.0.113.1' }, facts).found[0]).toMatchObject({
      id: 'macvlan-host',
      fix: expect.stringContaining('ip route add 198.19.5.2 dev shim'),
    });
  });

  it('beside-host-rules', () => {
    const verdict: Verdict = {
      ...dropped({ kind: 'bridge', text: 'in any words', reason: 'beside-host-rules', about: { container: 'mv1', device: 'eth0' } }),
      outcome: 'undetermined',
      unknowns: ['below the rules'],
    };
    expect(decided(verdict, fromMv1, facts).found[0]).toMatchObject({
      id: 'beside-host-rules',
      sentence: expect.stringContaining('its frames leave by eth0 below the firewall'),
    });
  });

  it('container-no-route: no network', () => {
    const verdict = dropped({ kind: 'route', text: 'in any words', reason: 'container-no-network', about: { container: 'alone' } });
    expect(decided(verdict, { ...fromMv1, src: '0.0.0.0' }, facts).found[0]).toMatchObject({
      id: 'container-no-route',
      sentence: 'alone was started with --network none: it has its loopback and nothing else, so nothing leaves or reaches it.',
    });
  });

  it('container-no-route: no way there', () => {
    const verdict = dropped({ kind: 'route', text: 'in any words', reason: 'container-no-route', about: { container: 'mv1' } });
    expect(decided(verdict, fromMv1, facts).found[0]?.sentence).toBe(
      'mv1 has no route to 203.0.113.2, so the packet never leaves the container: it has no default route.',
    );
  });

  it('children-apart: private and vepa children, and a parent that is taken', () => {
    const by = (reason: 'private-children' | 'reflecting-switch' | 'passthru-parent') =>
      decided(dropped({ kind: 'bridge', text: 'in any words', reason, about: { container: 'mv1', device: 'eth0' } }), fromMv1, facts)
        .found[0];
    expect(by('private-children')).toMatchObject({ id: 'children-apart', sentence: expect.stringContaining('mode private') });
    expect(by('reflecting-switch')).toMatchObject({ id: 'children-apart', sentence: expect.stringContaining('sends frames back') });
    expect(by('passthru-parent')).toMatchObject({ id: 'children-apart', sentence: expect.stringContaining('belongs to mv1') });
  });

  it('foreign-mac: frames of a macvlan child leave and nothing comes back for it', () => {
    const unheard = {
      outcome: 'accept',
      decidedBy: { kind: 'bridge', text: 'to the wire' },
      nat: [],
      out: 'eth0',
      steps: [],
      unknowns: [],
      evidence: 'predicted',
    } as const;
    const silence = flowOf({ kind: 'icmp-echo', protocol: 1, packets: [5, 0] });
    expect(decided(unheard, fromMv1, facts, silence).found[0]).toMatchObject({
      id: 'foreign-mac',
      sentence: expect.stringContaining('upstream of this host'),
      evidence: ['5 packets left, none came back', expect.stringContaining('while eth0 has')],
    });
    expect(decided(unheard, fromMv1, facts, flowOf({ packets: [5, 5] })).found).toEqual([]);
  });

  it('host-network: what holds for the host holds for its containers', () => {
    expect(asked(facts, ask('host', '203.0.113.2')).found).toMatchObject([
      { id: 'host-network', weight: 'note', sentence: expect.stringContaining('hosty uses the host') },
    ]);
  });
});

describe('no answer was seen', () => {
  it('outside-of-view: the reason lies beyond this host', () => {
    const { found } = asked(makeHost(), ask('web', '203.0.113.2'), flowOf({ kind: 'icmp-echo', protocol: 1, packets: [5, 0] }));
    expect(found).toMatchObject([{ id: 'outside-of-view', weight: 'note', sentence: expect.stringContaining('beyond this host') }]);
  });

  it('nothing of the kind where there was an answer', () => {
    expect(asked(makeHost(), ask('web', '203.0.113.2'), flowOf({ packets: [5, 5] })).ids).toEqual([]);
  });
});

describe('checks beside the rules', () => {
  const by = (reason: NonNullable<Verdict['decidedBy']['reason']>, about: Verdict['decidedBy']['about'] = {}): Verdict =>
    dropped({ kind: 'default', text: 'in any words', reason, about });

  it.each([
    ['port-isolated', { device: 'veth12' }, 'bridge-port', 'bridge link set dev veth12 isolated off'],
    ['port-locked', { device: 'veth12' }, 'bridge-port', 'bridge link set dev veth12 locked off'],
    ['port-flood-off', { device: 'veth12' }, 'bridge-port', 'bridge link set dev veth12 flood on'],
    ['fdb-elsewhere', { device: 'veth12' }, 'bridge-port', 'bridge fdb show brport veth12'],
    ['vlan', { device: 'br-a' }, 'bridge-port', 'ip link set br-a type bridge vlan_filtering 0'],
    ['neighbour-wrong', { device: 'br-a', address: '172.18.0.2' }, 'wrong-neighbour', 'ip neigh del 172.18.0.2 dev br-a'],
    [
      'neighbour-wrong',
      { device: 'eth0', address: '172.18.0.2', container: 'cli' },
      'wrong-neighbour',
      `nsenter -n -t "$(docker inspect -f '{{.State.Pid}}' cli)" ip neigh del 172.18.0.2 dev eth0`,
    ],
    [
      'neighbour-failed',
      { device: 'eth0', address: '203.0.113.2' },
      'neighbour-silent',
      'ping -c 1 -I eth0 203.0.113.2; ip neigh show 203.0.113.2 dev eth0',
    ],
    ['answer-unasked', { device: 'eth0', address: '203.0.113.9' }, 'answer-unasked', 'ip neigh add proxy 203.0.113.9 dev eth0'],
    ['ttl-expired', {}, 'hop-limit', 'ip route get 203.0.113.2'],
    [
      'ipv6-disabled',
      { device: 'eth0', sysctl: 'net.ipv6.conf.eth0.disable_ipv6' },
      'ipv6-off',
      'sysctl -w net.ipv6.conf.eth0.disable_ipv6=0',
    ],
    ['link-down', { device: 'eth0' }, 'no-route', 'ip link set eth0 up'],
    ['hairpin', { device: 'veth12' }, 'hairpin', 'bridge link set dev veth12 hairpin on'],
  ] as const)('%s, in whatever words the path tells it', (reason, about, id, fix) => {
    const verdict = reason === 'link-down' ? dropped({ kind: 'route', text: 'in any words', reason, about }) : by(reason, about);
    expect(decided(verdict).found[0]).toMatchObject({ id, fix });
  });

  it('answer-unasked: IPv6 needs proxy_ndp as well', () => {
    const spec = { in: 'br-a', src: '2001:db8::9', dst: '2001:db8::1', proto: 'tcp', dport: 80 };
    expect(decided(by('answer-unasked', { device: 'eth0', address: '2001:db8::9' }), spec).found[0]?.fix).toBe(
      'sysctl -w net.ipv6.conf.eth0.proxy_ndp=1 && ip -6 neigh add proxy 2001:db8::9 dev eth0',
    );
  });

  it('port-isolated: as the path finds it', () => {
    const facts = makeHost();
    const bridgePorts = (facts.self.bridgePorts ?? []).map((port) => ({ ...port, isolated: true }));
    expect(asked({ ...facts, self: { ...facts.self, bridgePorts } }, ask('cli2', '172.18.0.2')).found[0]?.id).toBe('bridge-port');
  });

  it('neighbour-silent: as the path finds it', () => {
    const neighbours = [{ ip: ip('203.0.113.2'), dev: 'eth0', mac: null, state: ['FAILED'], proxy: false }];
    expect(asked(makeHost({ self: { neighbours } }), ask('web', '203.0.113.2')).found[0]).toMatchObject({
      id: 'neighbour-silent',
      sentence: expect.stringContaining('who has 203.0.113.2 (ARP)'),
    });
  });

  it('answer-elsewhere: the answer passes the host by inside the bridge', () => {
    const rules = without(RULES_20, /-A DOCKER -i br-a -j RETURN/).replace('-A DOCKER ! -i br-a -p tcp', '-A DOCKER -p tcp');
    const host = makeHost({ rules, sysctls: { 'net.bridge.bridge-nf-call-iptables': '0' } });
    expect(asked(host, ask('cli2', '203.0.113.1', 8080)).found[0]).toMatchObject({
      id: 'answer-elsewhere',
      fix: 'modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1',
    });
  });

  it.each([
    ['-A PREROUTING -i br-a -j CT --notrack', 'a rule exempts it from connection tracking'],
    ['-A PREROUTING -i eth0 -j CT --zone 5', 'conntrack does not find its connection'],
  ])('answer-unrecognised: %s', (rule, why) => {
    const host = makeHost({ rules: `*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${rule}\nCOMMIT\n${RULES_20}` });
    expect(asked(host, ask('outside', '203.0.113.1', 8080)).found[0]).toMatchObject({
      id: 'answer-unrecognised',
      sentence: expect.stringContaining(why),
    });
  });

  it('stale-conntrack: an entry that leads where no rule leads any more', () => {
    const tuple = { src: ip('203.0.113.2'), dst: ip('203.0.113.1'), srcPort: 40000, dstPort: 8080 };
    const entry = {
      protocol: 6,
      state: 'ESTABLISHED',
      original: tuple,
      reply: { src: ip('172.18.0.3'), dst: tuple.src, srcPort: 80, dstPort: 40000 },
      status: ['ASSURED'],
      mark: 0,
      zone: null,
      timeoutSec: 100,
    };
    const { found, verdict } = asked(makeHost({ self: { conntrack: [entry] } }), { ...ask('outside', '203.0.113.1', 8080), flags: 'ACK' });
    expect(verdict.decidedBy.reason).toBe('conntrack-entry');
    expect(found[0]).toMatchObject({ id: 'stale-conntrack', fix: 'conntrack -D -p tcp -s 203.0.113.2 --orig-port-dst 8080' });
  });

  it('loopback-source: a packet from 127.0.0.1 that nothing hides', () => {
    const rules = RULES_20.replace('-A OUTPUT ! -d 127.0.0.0/8 -m', '-A OUTPUT -m');
    const host = makeHost({ rules, sysctls: { 'net.ipv4.conf.br-a.route_localnet': '1' } });
    expect(asked(host, ask('loopback', '127.0.0.1', 8080)).found.find(({ id }) => id === 'loopback-source')).toMatchObject({
      fix: 'iptables -t nat -A POSTROUTING -o br-a -m addrtype --src-type LOCAL -j MASQUERADE',
    });
  });

  it('mtu-gap: the way out takes less than the bridge, and no rule tells TCP', () => {
    const facts = makeHost();
    const links = (facts.self.links ?? []).map((one) => (one.name === 'eth0' ? { ...one, mtu: 1380 } : one));
    const host = { ...facts, self: { ...facts.self, links } };
    expect(asked(host, { ...ask('web', '203.0.113.2', 443) }).found).toMatchObject([{ id: 'mtu-gap', weight: 'note' }]);
    expect(asked(makeHost(), ask('web', '203.0.113.2', 443)).ids).toEqual([]);
  });

  it('kube-firewall', () => {
    const rules = insertBefore(
      RULES_20,
      '-A FORWARD -j DOCKER-USER',
      '-A INPUT ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
    );
    const host = makeHost({ rules, sysctls: { 'net.ipv4.conf.eth0.route_localnet': '1' } });
    expect(asked(host, { ...ask('outside', '127.0.0.1', 22) }).ids[0]).toBe('kube-firewall');
  });

  it('before-the-firewall: packets that no counter saw', () => {
    const input = asked(makeHost(), ask('outside', '203.0.113.1', 8080)).input;
    expect(told({ ...input, notCounted: true }).found).toMatchObject([{ id: 'before-the-firewall', weight: 'note' }]);
  });
});

describe('swarm', () => {
  const networks = [NET_A, NET_B, network('ingress', { driver: 'overlay' })];

  it('swarm-ports: the firewall keeps out another node', () => {
    const host = makeHost({ networks, rules: RULES_20.replace(':INPUT ACCEPT', ':INPUT DROP') });
    const spec = { ...ask('outside', '203.0.113.1', 4789), proto: 'udp' };
    expect(asked(host, spec).found[0]).toMatchObject({
      id: 'swarm-ports',
      fix: 'iptables -I INPUT -s 203.0.113.2 -p udp --dport 4789 -j ACCEPT',
    });
  });

  it('overlay-cleartext: a peer that does not encrypt', () => {
    const rules = insertBefore(
      RULES_20,
      '-A FORWARD -j DOCKER-USER',
      '-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -j DROP',
    );
    const spec = { ...ask('outside', '203.0.113.1', 4789), proto: 'udp' };
    expect(asked(makeHost({ networks, rules, self: { xfrmPolicies: [] } }), spec).found[0]?.id).toBe('overlay-cleartext');
  });

  it('swarm-ingress-gone: the chain of published services is not there', () => {
    const host = makeHost({ networks, self: { listeners: [] } });
    expect(asked(host, ask('outside', '203.0.113.1', 9000)).found[0]).toMatchObject({
      id: 'swarm-ingress-gone',
      fix: 'systemctl restart docker',
    });
    const whole = makeHost({ networks, rules: RULES_20.replace('*nat\n', '*nat\n:DOCKER-INGRESS - [0:0]\n'), self: { listeners: [] } });
    expect(asked(whole, ask('outside', '203.0.113.1', 9000)).ids).not.toContain('swarm-ingress-gone');
  });
});

describe('the table of docs/diagnoses.md', () => {
  it('names every cause, and no other', () => {
    const rows = readFileSync('docs/diagnoses.md', 'utf8').matchAll(/^\| `([a-z0-9-]+)` \|/gm);
    expect([...rows].map(([, id]) => id).sort()).toEqual(CAUSES.map(({ id }) => id).sort());
  });
});
