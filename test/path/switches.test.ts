/** Everything beside the rules that decides: sysctls, bridge options, routes, other backends. Cases measured on real hosts are so named. */
import { describe, expect, it } from 'vitest';
import { judge, judgeBoth } from '../../src/path/judge.ts';
import type { PacketSpec } from '../../src/path/verdict.ts';
import { addRules, IPTABLES, insertRules, LEGACY, type Scene, type SceneChange, SYSCTL, scene, sysctl } from './scene.ts';

const ping = (world: Scene, from: string, network: string, dst: string): PacketSpec => ({
  in: world.bridge(network),
  src: world.ip(from),
  dst,
  proto: 'icmp',
});
const published: PacketSpec = { in: 'eth0', src: '203.0.113.2', dst: '203.0.113.1', proto: 'tcp', sport: 40000, dport: 8080 };
const with28 = (change: SceneChange): Scene => scene('28.5', change);
const withSysctl = (name: string, value: number | string): Scene => with28({ raw: { [SYSCTL]: sysctl(name, value) } });
const forwardingOff = (text: string): string => text.replace(/^(net\.ipv4\.(?:ip_forward|conf\..*\.forwarding)) = 1$/gm, '$1 = 0');

describe('forwarding', () => {
  it('drops after DNAT and before FORWARD with ip_forward=0', () => {
    const verdict = judge(with28({ raw: { [SYSCTL]: forwardingOff } }).model, published);
    expect(verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'sysctl', text: 'net.ipv4.ip_forward = 0' },
      nat: [{ kind: 'dnat', to: '172.17.0.2:80' }],
      out: null,
    });
    expect(verdict.steps.some((step) => step.hook === 'forward')).toBe(false);
  });

  it('does not stop frames that are switched inside one bridge', () => {
    const world = with28({ raw: { [SYSCTL]: forwardingOff } });
    expect(judge(world.model, ping(world, 'web2', 'test_net2', world.ip('web3'))).outcome).toBe('accept');
  });

  it('counts for the incoming interface: eth0 off stops the request, the bridge off the answer', () => {
    const eth0 = judge(withSysctl('net.ipv4.conf.eth0.forwarding', 0).model, published);
    expect(eth0.decidedBy).toMatchObject({
      kind: 'sysctl',
      text: 'net.ipv4.conf.eth0.forwarding = 0',
      reason: 'forwarding-off',
      about: { device: 'eth0', sysctl: 'net.ipv4.conf.eth0.forwarding' },
    });
    const { verdict, reply } = judgeBoth(withSysctl('net.ipv4.conf.docker0.forwarding', 0).model, published);
    expect(verdict.outcome).toBe('accept');
    expect(reply).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'sysctl', text: 'net.ipv4.conf.docker0.forwarding = 0' } });
  });

  it('is undetermined where the sysctls were not read, and says on what it depends', () => {
    const verdict = judge(with28({ raw: { [SYSCTL]: null } }).model, published);
    expect(verdict).toMatchObject({ outcome: 'undetermined', decidedBy: { kind: 'sysctl', text: 'net.ipv4.ip_forward' } });
    expect(verdict.unknowns.join()).toContain('net.ipv4.ip_forward is not known');
  });

  it('lets a time to live of 1 expire', () => {
    const { model } = scene('28.5');
    expect(judge(model, { ...published, ttl: 1 })).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'default', text: 'ttl 1 expires here', reason: 'ttl-expired' },
    });
    expect(judge(model, { ...published, ttl: 2 }).outcome).toBe('accept');
  });

  it('refuses what exceeds the MTU with DF, fragments it without, and cannot say where DF is not known', () => {
    const { model } = scene('28.5');
    expect(judge(model, { ...published, length: 1600, dontFragment: true }).decidedBy).toMatchObject({
      text: '1600 bytes exceed mtu 1500 of docker0',
      reason: 'too-big',
      about: { device: 'docker0', mtu: 1500 },
    });
    expect(judge(model, { ...published, length: 1600, dontFragment: false }).outcome).toBe('accept');
    expect(judge(model, { ...published, length: 1600 }).outcome).toBe('undetermined');
    expect(judge(model, { ...published, length: 1500, dontFragment: true }).outcome).toBe('accept');
  });
});

describe('checks of the source', () => {
  const spoofed: PacketSpec = { ...published, src: '172.18.0.9' };

  it('drops with strict rp_filter what would be answered by another interface, after PREROUTING', () => {
    const verdict = judge(withSysctl('net.ipv4.conf.eth0.rp_filter', 1).model, spoofed);
    expect(verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'sysctl', text: 'net.ipv4.conf.eth0.rp_filter = 1', reason: 'rp-filter' },
    });
    expect(verdict.nat).toHaveLength(1);
  });

  it('takes the greater of all and the interface, so that 2 loosens 1', () => {
    const raw = { [SYSCTL]: (text: string) => sysctl('net.ipv4.conf.eth0.rp_filter', 2)(sysctl('net.ipv4.conf.all.rp_filter', 1)(text)) };
    expect(judge(with28({ raw }).model, spoofed).outcome).toBe('accept');
  });

  it('drops with loose rp_filter what has no way back at all', () => {
    const raw = {
      [SYSCTL]: sysctl('net.ipv4.conf.eth0.rp_filter', 2),
      'ip -j -4 route show table all': (text: string) =>
        JSON.stringify((JSON.parse(text) as { dst: string }[]).filter((route) => route.dst !== 'default')),
    };
    expect(judge(with28({ raw }).model, { ...published, src: '192.0.2.7' }).decidedBy.text).toBe('net.ipv4.conf.eth0.rp_filter = 2');
    expect(judge(with28({ raw }).model, published).outcome).toBe('accept');
  });

  it('drops an own address that comes from outside', () => {
    expect(judge(scene('28.5').model, { ...published, src: '172.17.0.1' }).decidedBy).toMatchObject({
      kind: 'route',
      text: 'martian source 172.17.0.1 on eth0',
    });
  });

  it('drops 127/8 from outside unless route_localnet; DNAT before the check rescues it, as engines before 28 allow', () => {
    const loop: PacketSpec = { ...published, dst: '127.0.0.1', dport: 8081 };
    expect(judge(scene('20.10').model, loop)).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'publocal' } });
    expect(judge(scene('28.5').model, loop)).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', table: 'raw' } });
    expect(judge(scene('28.5').model, { ...loop, dport: 22 }).decidedBy.text).toBe('net.ipv4.conf.eth0.route_localnet = 0');
    expect(judge(withSysctl('net.ipv4.conf.eth0.route_localnet', 1).model, { ...loop, dport: 22 })).toMatchObject({
      outcome: 'accept',
      out: 'local',
    });
  });

  it('keeps 127.0.0.1 on the host after DNAT in OUTPUT without route_localnet', () => {
    const noProxy = { [IPTABLES]: insertRules('nat', '-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER') };
    const spec: PacketSpec = { in: null, src: '127.0.0.1', dst: '127.0.0.1', proto: 'tcp', sport: 40000, dport: 8080 };
    expect(judge(with28({ raw: noProxy }).model, spec).decidedBy).toMatchObject({
      kind: 'sysctl',
      text: 'net.ipv4.conf.docker0.route_localnet = 0',
    });
    const open = { ...noProxy, [SYSCTL]: sysctl('net.ipv4.conf.docker0.route_localnet', 1) };
    expect(judge(with28({ raw: open }).model, spec)).toMatchObject({
      outcome: 'accept',
      out: 'docker0',
      deliveredTo: { container: 'pub' },
    });
  });
});

describe('bridges', () => {
  it('switches past every chain without bridge-nf-call-iptables, so that icc=false has no effect', () => {
    const world = withSysctl('net.bridge.bridge-nf-call-iptables', 0);
    const verdict = judge(world.model, ping(world, 'n1', 'noicc', world.ip('n2')));
    expect(verdict).toMatchObject({ outcome: 'accept', decidedBy: { kind: 'bridge' }, deliveredTo: { container: 'n2', network: 'noicc' } });
    expect(verdict.decidedBy.text).toContain('net.bridge.bridge-nf-call-iptables = 0');
  });

  it('takes sysctls without net.bridge for a kernel without br_netfilter', () => {
    const world = with28({ raw: { [SYSCTL]: (text) => text.replace(/^net\.bridge\..*\n/gm, '') } });
    expect(judge(world.model, ping(world, 'n1', 'noicc', world.ip('n2'))).decidedBy.text).toContain('br_netfilter is not loaded');
  });

  it('asks the bridge itself too: nf_call_iptables of one bridge is enough', () => {
    const world = with28({
      raw: {
        [SYSCTL]: sysctl('net.bridge.bridge-nf-call-iptables', 0),
        'ip -j -d link': (text) =>
          text.replaceAll('"nf_call_iptables":0', '"nf_call_iptables":1').replaceAll('"nf_call_iptables": 0', '"nf_call_iptables": 1'),
      },
    });
    expect(judge(world.model, ping(world, 'n1', 'noicc', world.ip('n2'))).outcome).toBe('drop');
  });

  it('follows both where it is not known', () => {
    const world = with28({ raw: { [SYSCTL]: null } });
    expect(judge(world.model, ping(world, 'n1', 'noicc', world.ip('n2')))).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { kind: 'sysctl', text: 'net.bridge.bridge-nf-call-iptables' },
    });
    expect(judge(world.model, ping(world, 'web2', 'test_net2', world.ip('web3'))).outcome).toBe('accept');
  });

  const hairpinRules = {
    [IPTABLES]: insertRules('nat', '-A PREROUTING -p tcp -m tcp --dport 9999 -j DNAT --to-destination 172.17.0.2:80'),
  };
  const own = (world: Scene): PacketSpec => ({
    in: 'docker0',
    src: world.ip('pub'),
    dst: '203.0.113.1',
    proto: 'tcp',
    sport: 40000,
    dport: 9999,
  });

  it('needs hairpin to send a frame out of its own port, with bridge-nf on', () => {
    const world = with28({ raw: hairpinRules });
    expect(judge(world.model, own(world)).decidedBy).toMatchObject({
      kind: 'bridge',
      text: expect.stringMatching(/^port veth\w+ of docker0: hairpin off$/),
    });
    const bent = with28({ raw: { ...hairpinRules, 'bridge -j -d link': (text) => text.replaceAll('"hairpin":false', '"hairpin":true') } });
    expect(judge(bent.model, own(bent)).outcome).toBe('accept');
  });

  it('routes it without bridge-nf, and needs no hairpin then', () => {
    const world = with28({ raw: { ...hairpinRules, [SYSCTL]: sysctl('net.bridge.bridge-nf-call-iptables', 0) } });
    expect(judge(world.model, own(world)).outcome).toBe('accept');
  });

  it('tells that the answer goes untranslated from neighbour to neighbour without bridge-nf', () => {
    const world = with28({ raw: { ...hairpinRules, [SYSCTL]: sysctl('net.bridge.bridge-nf-call-iptables', 0) } });
    const { reply } = judgeBoth(world.model, { ...own(world), src: world.ip('publocal') });
    expect(reply?.steps.at(-1)).toMatchObject({ text: 'the answer comes from 172.17.0.2, asked was 203.0.113.1' });
  });

  it('does not switch between isolated ports', () => {
    const world = with28({ raw: { 'bridge -j -d link': (text) => text.replaceAll('"isolated":false', '"isolated":true') } });
    expect(judge(world.model, ping(world, 'web2', 'test_net2', world.ip('web3'))).decidedBy.text).toMatch(/are isolated from each other$/);
  });

  it('believes the MAC address before the IP address', () => {
    const world = scene('28.5');
    const mac = world.facts.self.links?.find((link) => link.name === world.bridge('test_net2'))?.mac ?? '';
    const routed = judge(world.model, { ...ping(world, 'web2', 'test_net2', world.ip('web3')), dstMac: mac });
    expect(routed.steps.some((step) => step.hook === 'routing')).toBe(true);
  });

  it('drops at a neighbour entry that somebody has nailed down wrongly', () => {
    const entry = JSON.stringify([{ dst: '172.17.0.2', dev: 'docker0', lladdr: '02:00:00:00:00:99', state: ['PERMANENT'] }]);
    expect(judge(with28({ raw: { 'ip -j neigh': entry } }).model, published).decidedBy).toMatchObject({
      kind: 'neighbour',
      text: '172.17.0.2 dev docker0 lladdr 02:00:00:00:00:99 PERMANENT',
    });
  });

  it('finds the veth that has lost its bridge', () => {
    const port = scene('28.5').model.places.all.find((place) => place.container.name === 'pub')?.port ?? '';
    const unplug = (text: string): string =>
      JSON.stringify(
        (JSON.parse(text) as { ifname: string; master?: string }[]).map((link) =>
          link.ifname === port ? { ...link, master: undefined } : link,
        ),
      );
    const world = with28({ raw: { 'ip -j -d link': unplug } });
    expect(judge(world.model, published).decidedBy).toMatchObject({
      kind: 'bridge',
      text: `${port} of pub is not plugged into any bridge instead of docker0`,
    });
  });
});

describe('routes', () => {
  const elsewhere = (route: object) => ({
    raw: {
      'ip -j -4 route show table all': (text: string) => JSON.stringify([...(JSON.parse(text) as object[]), { flags: [], ...route }]),
    },
  });
  const spec = (dst: string, mark?: number): PacketSpec => ({
    ...published,
    in: 'docker0',
    src: '172.17.0.2',
    dst,
    ...(mark === undefined ? {} : { mark }),
  });

  it.each(['blackhole', 'unreachable', 'prohibit'])('drops at a %s route', (type) => {
    expect(judge(with28(elsewhere({ type, dst: '192.0.2.0/24' })).model, spec('192.0.2.1'))).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'route', text: `${type} 192.0.2.0/24`, reason: 'refusing-route' },
    });
  });

  it('prefers the longest prefix, then the lowest metric', () => {
    const world = with28(elsewhere({ dst: '192.0.2.0/25', dev: 'docker0', scope: 'link' }));
    expect(judge(world.model, { ...published, dst: '192.0.2.1' }).steps.find((step) => step.hook === 'routing')?.text).toBe(
      '192.0.2.0/25 dev docker0 scope link',
    );
  });

  it('has no route where there is none', () => {
    const world = with28({
      raw: {
        'ip -j -4 route show table all': (text) =>
          JSON.stringify((JSON.parse(text) as { dst: string }[]).filter((route) => route.dst !== 'default')),
      },
    });
    expect(judge(world.model, spec('192.0.2.1'))).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'route', text: 'no route to 192.0.2.1', reason: 'no-route' },
    });
  });

  it('obeys policy rules by mark', () => {
    const rules = JSON.stringify([
      { priority: 0, src: 'all', table: 'local' },
      { priority: 100, src: 'all', fwmark: '0x10', action: 'blackhole' },
      { priority: 32766, src: 'all', table: 'main' },
      { priority: 32767, src: 'all', table: 'default' },
    ]);
    const world = with28({ raw: { 'ip -j -4 rule': rules } });
    expect(judge(world.model, spec('203.0.113.2', 0x10)).decidedBy.text).toBe('100: from all fwmark 0x10 blackhole');
    expect(judge(world.model, spec('203.0.113.2')).outcome).toBe('accept');
  });

  it('is undetermined where a routing rule depends on what it does not evaluate and the branches differ', () => {
    const rules = JSON.stringify([
      { priority: 0, src: 'all', table: 'local' },
      { priority: 100, src: 'all', tun_id: 5, action: 'blackhole' },
      { priority: 32766, src: 'all', table: 'main' },
    ]);
    const verdict = judge(with28({ raw: { 'ip -j -4 rule': rules } }).model, spec('203.0.113.2'));
    expect(verdict.outcome).toBe('undetermined');
    expect(verdict.unknowns.join()).toContain('100: from all tun_id 5 blackhole');
  });

  it('is undetermined where the routes were not read', () => {
    expect(judge(with28({ raw: { 'ip -j -4 route show table all': null } }).model, published)).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { kind: 'route' },
    });
  });
});

describe('several firewalls', () => {
  const legacyDrop = ['*filter', ':INPUT ACCEPT [0:0]', ':FORWARD DROP [0:0]', ':OUTPUT ACCEPT [0:0]', 'COMMIT', ''].join('\n');
  const native = (policy: string, expressions: readonly object[][], type = 'filter', hook = 'forward'): string =>
    JSON.stringify({
      nftables: [
        { table: { family: 'inet', name: 'own' } },
        { chain: { family: 'inet', table: 'own', name: 'fwd', type, hook, prio: 0, policy } },
        ...expressions.map((expr) => ({ rule: { family: 'inet', table: 'own', chain: 'fwd', expr } })),
      ],
    });
  const opaque = [{ xt: null }];

  it('dies at a legacy policy that iptables-nft does not show', () => {
    expect(judge(with28({ raw: { [LEGACY]: legacyDrop } }).model, published)).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'policy', backend: 'legacy', chain: 'FORWARD' },
    });
  });

  it('names the rule that accepts before the other backend’s policy that lets it pass', () => {
    const legacy = '*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n';
    const verdict = judge(with28({ raw: { [LEGACY]: legacy } }).model, { ...published, dport: 22 });
    expect(verdict).toMatchObject({ outcome: 'accept', decidedBy: { kind: 'rule', backend: 'legacy', text: '-A INPUT -p tcp -j ACCEPT' } });
  });

  it('cannot say which of two translations wins, whose order a snapshot does not show', () => {
    const legacy = [
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ':POSTROUTING ACCEPT [0:0]',
      '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.77:80',
      'COMMIT',
      '',
    ].join('\n');
    const verdict = judge(with28({ raw: { [LEGACY]: legacy } }).model, published);
    expect(verdict.outcome).toBe('undetermined');
    expect(verdict.decidedBy.text).toContain('order of');
  });

  it('dies at the policy or a rule of native nftables, which no other backend can overrule', () => {
    expect(judge(with28({ raw: { 'nft -j list ruleset': native('drop', []) } }).model, published)).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'policy', backend: 'nftables', family: 'inet', table: 'own', chain: 'fwd' },
    });
    expect(
      judge(with28({ raw: { 'nft -j list ruleset': native('accept', [[{ counter: null }], [{ drop: null }]]) } }).model, published),
    ).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'rule', backend: 'nftables', chain: 'fwd', rule: 2, text: 'drop' },
    });
  });

  it('is undetermined where a native rule is not understood, and not where it could not drop', () => {
    expect(judge(with28({ raw: { 'nft -j list ruleset': native('accept', [opaque, opaque]) } }).model, published)).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { backend: 'nftables', table: 'own', chain: 'fwd' },
    });
    expect(judge(with28({ raw: { 'nft -j list ruleset': native('accept', []) } }).model, published).outcome).toBe('accept');
  });

  it('stays a drop beside native nftables where iptables drops anyway', () => {
    const world = with28({ raw: { 'nft -j list ruleset': native('accept', [[{ accept: null }]]) } });
    expect(judge(world.model, ping(world, 'n1', 'noicc', world.ip('n2'))).outcome).toBe('drop');
  });

  it('is not even sure of a drop behind a native chain that may translate', () => {
    const world = with28({ raw: { 'nft -j list ruleset': native('accept', [opaque], 'nat', 'prerouting') } });
    expect(judge(world.model, ping(world, 'n1', 'noicc', world.ip('n2'))).outcome).toBe('undetermined');
  });

  it('is undetermined without any firewall facts, and says so', () => {
    const world = with28({ raw: { [IPTABLES]: null, [LEGACY]: null, 'iptables-save -c': null, 'nft -j list ruleset': null } });
    const verdict = judge(world.model, published);
    expect(verdict.outcome).toBe('undetermined');
    expect(verdict.unknowns).toContain('the IPv4 firewall rules were not read');
  });
});

describe('rules that cannot be foreseen', () => {
  const user = (rule: string): Scene => with28({ raw: { [IPTABLES]: insertRules('filter', rule) } });

  it('keeps a verdict that does not depend on them', () => {
    const verdict = judge(user('-A DOCKER-USER -m statistic --mode random --probability 0.50000000000 -j RETURN').model, published);
    expect(verdict.outcome).toBe('accept');
  });

  it('names the rule that it depends on', () => {
    const text = '-A DOCKER-USER -m statistic --mode random --probability 0.50000000000 -j DROP';
    expect(judge(user(text).model, published)).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { kind: 'rule', table: 'filter', chain: 'DOCKER-USER', rule: 1, text },
    });
  });

  it('rejects with what the rule says', () => {
    expect(judge(user('-A DOCKER-USER -p tcp -j REJECT --reject-with tcp-reset').model, published)).toMatchObject({
      outcome: 'reject',
      rejectWith: 'tcp-reset',
      decidedBy: { chain: 'DOCKER-USER', rule: 1 },
    });
  });

  it('sees the container port in DOCKER-USER, and the published one only by ctorigdstport', () => {
    expect(judge(user('-A DOCKER-USER -p tcp -m tcp --dport 8080 -j DROP').model, published).outcome).toBe('accept');
    expect(judge(user('-A DOCKER-USER -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP').model, published).outcome).toBe(
      'drop',
    );
  });

  it('drops the answer where a rule drops everything from eth0', () => {
    const world = user('-A DOCKER-USER -i eth0 -j DROP');
    const { verdict, reply } = judgeBoth(world.model, ping(world, 'web1', 'test_net1', '203.0.113.2'));
    expect(verdict.outcome).toBe('accept');
    expect(reply).toMatchObject({ outcome: 'drop', decidedBy: { chain: 'DOCKER-USER', rule: 1 } });
  });

  it('re-routes a packet of the host whose mark OUTPUT has changed', () => {
    const rules = JSON.stringify([
      { priority: 0, src: 'all', table: 'local' },
      { priority: 100, src: 'all', fwmark: '0x7', action: 'unreachable' },
      { priority: 32766, src: 'all', table: 'main' },
    ]);
    const mangle = (text: string): string =>
      `${text}*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p icmp -j MARK --set-xmark 0x7/0xffffffff\nCOMMIT\n`;
    const world = with28({ raw: { 'ip -j -4 rule': rules, [IPTABLES]: mangle } });
    expect(judge(world.model, { in: null, src: '203.0.113.1', dst: '203.0.113.2', proto: 'icmp' })).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'route', text: '100: from all fwmark 0x7 unreachable' },
    });
  });
});

describe('docker-proxy', () => {
  const toProxy = (world: Scene): PacketSpec => ({
    in: world.bridge('test_net1'),
    src: world.ip('web1'),
    dst: '203.0.113.1',
    proto: 'tcp',
    sport: 40000,
    dport: 8080,
  });

  it('takes the connection over, and its own second one is judged', () => {
    const world = scene('28.5');
    const verdict = judge(world.model, toProxy(world));
    expect(verdict).toMatchObject({
      outcome: 'accept',
      out: 'local',
      proxiedTo: { container: 'pub', address: '172.17.0.2:80' },
      unknowns: [],
    });
    expect(verdict.steps.at(-1)).toMatchObject({
      hook: 'output',
      text: 'docker-proxy dials 172.17.0.2:80',
      note: 'accept by -P OUTPUT ACCEPT',
    });
  });

  it('says where the second connection is dropped while the first is taken', () => {
    const world = with28({ raw: { [IPTABLES]: insertRules('filter', '-A OUTPUT -o docker0 -j DROP') } });
    expect(judge(world.model, toProxy(world))).toMatchObject({
      outcome: 'accept',
      unknowns: [],
      proxiedTo: { outcome: 'drop', client: 'silent', verdict: { outcome: 'drop', decidedBy: { text: '-A OUTPUT -o docker0 -j DROP' } } },
    });
  });

  it('cannot take what INPUT drops', () => {
    const world = with28({ raw: { [IPTABLES]: insertRules('filter', '-A INPUT -p tcp -j DROP') } });
    expect(judge(world.model, toProxy(world))).toMatchObject({ outcome: 'drop', decidedBy: { chain: 'INPUT', rule: 1 } });
  });
});

describe('states', () => {
  const invalid = (): Scene =>
    with28({ raw: { [IPTABLES]: insertRules('filter', '-A DOCKER-USER -m conntrack --ctstate INVALID -j DROP') } });
  const tcp = (flags: string): PacketSpec => ({ ...published, in: 'docker0', src: '172.17.0.2', dst: '203.0.113.2', flags });

  it.each([
    ['RST', 'drop'],
    ['SYN,ACK', 'drop'],
    ['FIN,ACK', 'drop'],
    ['SYN', 'accept'],
    ['ACK', 'accept'],
  ])('takes a lone %s as conntrack would: %s', (flags, outcome) => {
    expect(judge(invalid().model, tcp(flags)).outcome).toBe(outcome);
  });

  it('does not translate INVALID packets, so that a private source leaks', () => {
    expect(judge(scene('28.5').model, tcp('RST'))).toMatchObject({ outcome: 'accept', nat: [], out: 'eth0' });
  });

  it('gives an established packet the translation that its connection would have been given', () => {
    const verdict = judge(scene('28.5').model, { ...published, state: 'ESTABLISHED' });
    expect(verdict).toMatchObject({
      outcome: 'accept',
      nat: [{ kind: 'dnat', to: '172.17.0.2:80', by: { chain: 'DOCKER' } }],
      decidedBy: { chain: 'DOCKER-CT' },
      deliveredTo: { container: 'pub' },
    });
  });

  it('follows the connection that the snapshot knows, stale as it may be', () => {
    const stale =
      'ipv4     2 udp      17 25 src=203.0.113.2 dst=203.0.113.1 sport=5000 dport=53 [UNREPLIED] src=203.0.113.1 dst=203.0.113.2 sport=53 dport=5000 mark=0 use=1\n';
    const dnat = insertRules('nat', '-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53');
    const spec: PacketSpec = { in: 'eth0', src: '203.0.113.2', dst: '203.0.113.1', proto: 'udp', sport: 5000, dport: 53 };
    expect(judge(with28({ raw: { [IPTABLES]: dnat } }).model, spec).nat).toHaveLength(1);
    expect(judge(with28({ raw: { [IPTABLES]: dnat, 'conntrack -L -o extended': stale } }).model, spec)).toMatchObject({
      nat: [],
      out: 'local',
    });
  });

  it('exempts untracked packets from translation', () => {
    const raw = { [IPTABLES]: (text: string) => addRules('raw', '-A PREROUTING -p tcp -m tcp --dport 8080 -j CT --notrack')(text) };
    expect(judge(with28({ raw }).model, published)).toMatchObject({ nat: [], out: 'local' });
  });
});

describe('IPv6', () => {
  const v6 = (all: number): Scene =>
    with28({
      raw: {
        [SYSCTL]: sysctl('net.ipv6.conf.all.forwarding', all),
        'ip -j -6 route show table all': JSON.stringify([
          { dst: '2001:db8:1::/64', dev: 'docker0', flags: [], pref: 'medium', metric: 256 },
          { dst: 'default', gateway: 'fe80::1', dev: 'eth0', flags: [], pref: 'medium', metric: 1024 },
          { type: 'local', dst: '2001:db8:1::1', dev: 'docker0', table: 'local', flags: [], pref: 'medium', metric: 0 },
        ]),
        'nft -j list ruleset': '{"nftables":[]}',
        'ip6tables-nft-save -c': '*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i docker0 -j ACCEPT\nCOMMIT\n',
      },
    });
  const spec: PacketSpec = { in: 'docker0', src: '2001:db8:1::2', dst: '2001:db8:ffff::1', proto: 'icmpv6' };

  it('forwards by its own rules and its own switch', () => {
    expect(judge(v6(1).model, spec)).toMatchObject({
      outcome: 'accept',
      out: 'eth0',
      decidedBy: { family: 'ip6', chain: 'FORWARD', rule: 1 },
    });
    expect(judge(v6(0).model, spec).decidedBy).toMatchObject({
      kind: 'sysctl',
      text: 'net.ipv6.conf.all.forwarding = 0',
      reason: 'forwarding-off',
      about: { sysctl: 'net.ipv6.conf.all.forwarding' },
    });
  });

  it('drops what comes in by the policy', () => {
    expect(judge(v6(1).model, { ...spec, in: 'eth0', src: '2001:db8:ffff::1', dst: '2001:db8:1::2' })).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'policy', family: 'ip6' },
    });
  });

  it('loses the answer to ::1, which is looked for on the device that it comes in by', () => {
    const { model } = with28({
      raw: {
        'ip -j -6 route show table all': JSON.stringify([
          { dst: '2001:db8:1::/64', dev: 'docker0', flags: [], pref: 'medium', metric: 256 },
          { type: 'local', dst: '2001:db8:1::1', dev: 'docker0', table: 'local', flags: [], pref: 'medium', metric: 0 },
          { type: 'local', dst: '::1', dev: 'lo', table: 'local', flags: [], pref: 'medium', metric: 0 },
        ]),
        'nft -j list ruleset': '{"nftables":[]}',
        'ip6tables-nft-save -c':
          '*nat\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n' +
          '-A OUTPUT -d ::1/128 -p tcp -m tcp --dport 8086 -j DNAT --to-destination [2001:db8:1::2]:80\n' +
          '-A POSTROUTING -o docker0 -j SNAT --to-source 2001:db8:1::1\nCOMMIT\n',
      },
    });
    const { verdict, reply } = judgeBoth(model, { in: null, src: '::1', dst: '::1', proto: 'tcp', sport: 40000, dport: 8086 });
    expect(verdict).toMatchObject({ outcome: 'accept', out: 'docker0', nat: [{ kind: 'dnat' }, { kind: 'snat' }] });
    expect(reply).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'route', text: 'no route to ::1 by docker0: it is on lo' } });
  });

  it('always tells that a packet is too big', () => {
    expect(judge(v6(1).model, { ...spec, length: 1600 }).outcome).toBe('drop');
  });
});

describe('chains of frames', () => {
  const frames = (family: string, chain: object, expressions: readonly object[][]): string =>
    JSON.stringify({
      nftables: [
        { chain: { family, table: 'own', name: 'frames', type: 'filter', policy: 'accept', ...chain } },
        ...expressions.map((expr) => ({ rule: { family, table: 'own', chain: 'frames', expr } })),
      ],
    });
  const judged = (text: string) => judge(with28({ raw: { 'nft -j list ruleset': text } }).model, published);

  it('lose a packet at the ingress of the device that it comes in by, and of no other', () => {
    expect(judged(frames('netdev', { hook: 'ingress', prio: 0, dev: 'eth0' }, [[{ drop: null }]]))).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'rule', backend: 'nftables', family: 'netdev', chain: 'frames', rule: 1, text: 'drop' },
    });
    expect(judged(frames('netdev', { hook: 'ingress', prio: 0, dev: 'eth9' }, [[{ drop: null }]])).outcome).toBe('accept');
  });

  it('leave it open where the listing does not say which device is meant', () => {
    expect(judged(frames('inet', { hook: 'ingress', prio: 0 }, [[{ drop: null }]])).outcome).toBe('undetermined');
    expect(judged(frames('inet', { hook: 'ingress', prio: 0 }, [[{ accept: null }]])).outcome).toBe('accept');
  });

  it('see the ports of the bridge by which the packet leaves', () => {
    const out = [{ match: { op: '==', left: { meta: { key: 'oifname' } }, right: 'veth*' } }, { drop: null }];
    expect(judged(frames('bridge', { hook: 'output', prio: 0 }, [out]))).toMatchObject({
      outcome: 'drop',
      decidedBy: { backend: 'nftables', family: 'bridge', text: 'oifname "veth*" drop' },
    });
  });
});
