/** Each command's output to facts: real lines of the programs, and what people and old versions make of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp, formatPrefix } from '../../src/base/ip-address.ts';
import { meaningOf, OutputIndex } from '../../src/host/raw-outputs.ts';
import { readAddresses } from '../../src/host/read-addresses.ts';
import { bridgePortsFromLinks, readBridgePorts, readFdb, readNeighbours } from '../../src/host/read-bridges.ts';
import { readConntrack } from '../../src/host/read-conntrack.ts';
import { readLinks } from '../../src/host/read-links.ts';
import { readListeners } from '../../src/host/read-listeners.ts';
import { readNftables } from '../../src/host/read-nftables.ts';
import { readPolicyRules } from '../../src/host/read-policy-rules.ts';
import { readRoutes } from '../../src/host/read-routes.ts';
import { backendOfText } from '../../src/host/read-rulesets.ts';
import { readSysctls } from '../../src/host/read-sysctls.ts';
import { SNAPSHOT_COMMANDS } from '../../src/host/snapshot.ts';

describe('finding outputs', () => {
  it.each([
    ['ip -d -j link', 'ip -j -d link'],
    ['/sbin/ip -json -details link show', 'ip -j -d link'],
    ['ip -j a', 'ip -j addr'],
    ['ip -4 -j route show table all', 'ip -j -4 route show table all'],
    ['ip -j -6 ru list', 'ip -j -6 rule'],
    ['sudo iptables-save', 'iptables-save -c'],
    ['/usr/sbin/iptables-nft-save --counters', 'iptables-nft-save -c'],
    ['bridge -d -j link show', 'bridge -j -d link'],
    ['conntrack -L', 'conntrack -L -o extended'],
    ['nft --json list ruleset', 'nft -j list ruleset'],
    ['nft -a list ruleset', 'nft list chains'],
    ['ss -tlnup', 'ss -Hltunp'],
    ['sysctl -a', 'sysctl net'],
  ])('takes %s for %s', (written, known) => {
    expect(meaningOf(written)).toBe(meaningOf(known));
  });

  it.each(['ip link', 'ip -j route', 'ip -j addr show dev eth0', 'nft list tables', 'iptables -S', 'rm -rf /'])(
    'does not take %s for another one',
    (written) => {
      expect(Object.values(SNAPSHOT_COMMANDS).map(meaningOf)).not.toContain(meaningOf(written) ?? 'nothing');
    },
  );

  it('prefers the exact key', () => {
    const outputs = new OutputIndex({ 'iptables-save': 'loose', 'iptables-save -c': 'exact' });
    expect(outputs.find('iptables')?.text).toBe('exact');
  });
});

describe('links', () => {
  it('keeps the join of a veth whose peer is elsewhere, and resolves one that is here', () => {
    const { value } = readLinks(
      JSON.stringify([
        {
          ifindex: 12,
          link_index: 11,
          ifname: 'veth06dc24e',
          flags: ['UP'],
          mtu: 1500,
          master: 'br-1',
          link_netnsid: 2,
          address: '02:42:AC:12:00:02',
          linkinfo: { info_kind: 'veth', info_slave_data: { hairpin: true } },
        },
        { ifindex: 3, link: 'b', ifname: 'a', flags: [], linkinfo: { info_kind: 'veth' } },
        { ifindex: 4, link: 'a', ifname: 'b', flags: [], linkinfo: { info_kind: 'veth' } },
        {},
      ]),
      'ip',
    );
    expect(value?.[0]).toMatchObject({
      linkIndex: 11,
      linkNetnsid: 2,
      linkName: null,
      master: 'br-1',
      kind: 'veth',
      mac: '02:42:ac:12:00:02',
      portData: { hairpin: true },
    });
    expect(value?.[1]).toMatchObject({ linkIndex: 4, linkName: 'b', linkNetnsid: null });
    expect(value).toHaveLength(3);
  });
});

describe('routes', () => {
  const routes = (items: unknown, family: 4 | 6 | null = 4) => readRoutes(JSON.stringify(items), 'ip', family).value ?? [];

  it('prints a route as ip does', () => {
    const [a, b, c, d] = routes([
      { dst: 'default', gateway: '203.0.113.2', dev: 'eth0', flags: [] },
      { dst: '10.94.0.0/16', gateway: '10.0.0.3', dev: 'd0', table: '100', metric: 7, flags: [], metrics: [{ mtu: 1400 }] },
      { type: 'local', dst: '127.0.0.1', dev: 'lo', table: 'local', protocol: 'kernel', scope: 'host', prefsrc: '127.0.0.1', flags: [] },
      {
        dst: '10.99.0.0/16',
        flags: [],
        nexthops: [
          { gateway: '10.0.0.2', dev: 'd0', weight: 2, flags: [] },
          { gateway: '10.1.0.2', dev: 'd1', weight: 1, flags: ['linkdown'] },
        ],
      },
    ]);
    expect(a?.text).toBe('default via 203.0.113.2 dev eth0');
    expect(b).toMatchObject({ table: '100', mtu: 1400, text: '10.94.0.0/16 via 10.0.0.3 dev d0 table 100 metric 7 mtu 1400' });
    expect(c).toMatchObject({ type: 'local', table: 'local', scope: 'host' });
    expect(d?.nexthops.map((hop) => [hop.dev, hop.weight])).toEqual([
      ['d0', 2],
      ['d1', 1],
    ]);
  });

  it('takes a route without a table for one of main, and table numbers for their names', () => {
    expect(
      routes([
        { dst: '10.0.0.0/8', dev: 'a' },
        { dst: '10.0.0.0/8', dev: 'a', table: 255 },
      ]).map((route) => route.table),
    ).toEqual(['main', 'local']);
  });

  it('tells the families of a joint listing apart, default routes too', () => {
    const both = routes(
      [
        { dst: 'default', dev: 'tun0', flags: [] },
        { dst: 'default', dev: 'tun0', flags: [], pref: 'medium' },
        { dst: 'fe80::/64', dev: 'a', pref: 'medium' },
      ],
      null,
    );
    expect(both.map((route) => [route.family, formatPrefix(route.prefix)])).toEqual([
      [4, '0.0.0.0/0'],
      [6, '::/0'],
      [6, 'fe80::/64'],
    ]);
  });

  it('keeps a next hop of the other family', () => {
    expect(
      formatIp(
        routes([{ dst: '10.0.0.0/8', via: { family: 'inet6', host: 'fe80::1' }, dev: 'a' }])[0]?.gateway ?? {
          version: 4,
          a: 0,
          b: 0,
          c: 0,
          d: 0,
        },
      ),
    ).toBe('fe80::1');
  });
});

describe('routing rules', () => {
  it('reads every selector, and keeps those it does not evaluate', () => {
    const { value } = readPolicyRules(
      JSON.stringify([
        { priority: 32766, src: 'all', table: 'main' },
        { priority: 50, src: '10.0.0.0', srclen: 8, fwmark: '0x10', fwmask: '0xff', iif: 'd0', iif_detached: null, table: '100' },
        { priority: 60, not: null, src: 'all', dst: '10.5.0.0', dstlen: 16, action: 'blackhole' },
        { priority: 70, src: 'all', goto: 32766 },
        { priority: 80, src: 'all', ipproto: 'tcp', dport: 80, table: 'main', suppress_prefixlen: 0 },
      ]),
      'ip',
      4,
    );
    expect(value?.map((rule) => rule.text)).toEqual([
      '50: from 10.0.0.0/8 fwmark 0x10/0xff iif d0 lookup 100',
      '60: not from all to 10.5.0.0/16 blackhole',
      '70: from all goto 32766',
      '80: from all ipproto tcp dport 80 lookup main suppress_prefixlength 0',
      '32766: from all lookup main',
    ]);
    expect(value?.[3]).toMatchObject({ protocol: 6, dport: [80, 80], unsupported: [] });
  });
});

describe('neighbours, fdb and ports', () => {
  it('reads them as the programs print them', () => {
    expect(
      readNeighbours(
        '[{"dst":"10.0.0.9","dev":"d0","lladdr":"02:00:00:00:00:01","state":["PERMANENT"]},{"dst":"10.0.0.8","dev":"d0","proxy":null}]',
        'ip',
      ).value,
    ).toMatchObject([
      { mac: '02:00:00:00:00:01', state: ['PERMANENT'], proxy: false },
      { mac: null, proxy: true },
    ]);
    expect(
      readFdb(
        '[{"mac":"02:42:ac:12:00:02","ifname":"veth1","flags":[],"master":"br-1","state":""},{"mac":"00:00:00:00:00:00","ifname":"vxlan0","dst":"198.51.100.2","flags":["self"],"state":"permanent"}]',
        'bridge',
      ).value,
    ).toMatchObject([
      { dev: 'veth1', master: 'br-1' },
      { dev: 'vxlan0', flags: ['self'] },
    ]);
    expect(
      readBridgePorts('[{"ifname":"veth1","master":"br-1","state":"forwarding","hairpin":true,"isolated":false}]', 'bridge').value,
    ).toEqual([{ dev: 'veth1', bridge: 'br-1', state: 'forwarding', hairpin: true, isolated: false }]);
  });

  it('takes ports from the links where the bridge program is missing', () => {
    const links = readLinks(
      '[{"ifindex":1,"ifname":"br-1","flags":[],"linkinfo":{"info_kind":"bridge"}},{"ifindex":2,"ifname":"veth1","flags":[],"master":"br-1","linkinfo":{"info_kind":"veth","info_slave_kind":"bridge","info_slave_data":{"state":"forwarding","hairpin":false,"isolated":true}}}]',
      'ip',
    ).value;
    expect(bridgePortsFromLinks(links ?? [])).toEqual([
      { dev: 'veth1', bridge: 'br-1', state: 'forwarding', hairpin: false, isolated: true },
    ]);
  });
});

describe('addresses', () => {
  it('takes the subnet from the peer of a point-to-point address', () => {
    const { value } = readAddresses(
      '[{"ifname":"tun0","addr_info":[{"family":"inet","local":"10.8.0.1","address":"10.8.0.2","prefixlen":32,"scope":"global"},{}]}]',
      'ip',
    );
    expect(value?.map((entry) => formatPrefix(entry.prefix))).toEqual(['10.8.0.2/32']);
  });
});

describe('sysctls', () => {
  it('keeps names as sysctl spells them, and turns paths into them', () => {
    const { value } = readSysctls(
      'net.ipv4.ip_forward = 1\nnet.ipv4.conf.eth0/30.forwarding = 0\n/proc/sys/net/ipv4/conf/eth0.30/rp_filter = 2\nsysctl: permission denied on key\n',
      'sysctl',
    );
    expect([...(value ?? [])]).toEqual([
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv4.conf.eth0/30.forwarding', '0'],
      ['net.ipv4.conf.eth0/30.rp_filter', '2'],
    ]);
  });
});

describe('conntrack', () => {
  it.each([
    [
      'conntrack -L',
      'tcp      6 431999 ESTABLISHED src=172.18.0.2 dst=203.0.113.2 sport=40000 dport=80 src=203.0.113.2 dst=203.0.113.1 sport=80 dport=40000 [ASSURED] mark=0 use=1',
    ],
    [
      'extended',
      'ipv4     2 tcp      6 431999 ESTABLISHED src=172.18.0.2 dst=203.0.113.2 sport=40000 dport=80 src=203.0.113.2 dst=203.0.113.1 sport=80 dport=40000 [ASSURED] mark=0 use=1',
    ],
    [
      '/proc',
      'ipv4     2 tcp      6 431999 ESTABLISHED src=172.18.0.2 dst=203.0.113.2 sport=40000 dport=80 packets=3 bytes=180 src=203.0.113.2 dst=203.0.113.1 sport=80 dport=40000 packets=2 bytes=120 [ASSURED] mark=0 zone=0 use=2',
    ],
  ])('reads the form of %s', (_form, line) => {
    const { value, problems } = readConntrack(`${line}\n`, 'conntrack');
    expect(problems).toEqual([]);
    expect(value).toMatchObject([
      {
        protocol: 6,
        state: 'ESTABLISHED',
        timeoutSec: 431999,
        status: ['ASSURED'],
        original: { srcPort: 40000, dstPort: 80 },
        reply: { srcPort: 80, dstPort: 40000 },
      },
    ]);
    expect(formatIp(value?.[0]?.reply.dst ?? { version: 4, a: 0, b: 0, c: 0, d: 0 })).toBe('203.0.113.1');
  });

  it('puts the id of ICMP where others have ports, and keeps UNREPLIED', () => {
    const { value } = readConntrack(
      'icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=77 mark=16 use=1',
      'conntrack',
    );
    expect(value).toMatchObject([{ protocol: 1, state: null, status: ['UNREPLIED'], mark: 16, original: { srcPort: 77, dstPort: 77 } }]);
  });
});

describe('listeners', () => {
  it.each([
    [
      'tcp LISTEN 0      4096     0.0.0.0:8080 0.0.0.0:* users:(("docker-proxy",pid=19823,fd=7))',
      { protocol: 'tcp', port: 8080, program: 'docker-proxy', dualStack: false, device: null },
    ],
    ['tcp LISTEN 0      4096        [::]:8080    [::]:* users:(("docker-proxy",pid=19829,fd=7))', { port: 8080, dualStack: false }],
    ['tcp   LISTEN 0      511                *:9090            *:*', { port: 9090, dualStack: true, program: null }],
    ['udp   UNCONN 0      0      127.0.0.53%lo:53         0.0.0.0:*', { protocol: 'udp', port: 53, device: 'lo' }],
    ['udp   UNCONN 0      0      [fe80::1]%eth0:546          [::]:*', { port: 546, device: 'eth0' }],
  ])('reads %s', (line, expected) => {
    expect(readListeners(`${line}\n`, 'ss').value).toMatchObject([expected]);
  });
});

describe('firewalls', () => {
  it('tells the backend from the header', () => {
    expect(backendOfText('# Generated by iptables-save v1.8.9 (nf_tables) on Sat\n*filter\n')).toBe('nft');
    expect(backendOfText('# Generated by iptables-save v1.8.9 on Sat\n*filter\n')).toBe('legacy');
    expect(backendOfText('# Generated by iptables-save v1.4.21 on Sat\n*filter\n')).toBe('legacy');
    expect(backendOfText('')).toBeNull();
  });

  it('leaves the tables of iptables-nft out of nftables, and reads the others', () => {
    const text = JSON.stringify({
      nftables: [
        { metainfo: {} },
        { table: { family: 'ip', name: 'filter' } },
        { chain: { family: 'ip', table: 'filter', name: 'FORWARD', type: 'filter', hook: 'forward', prio: 0, policy: 'drop' } },
        { table: { family: 'inet', name: 'filter' } },
        { chain: { family: 'inet', table: 'filter', name: 'forward', type: 'filter', hook: 'forward', prio: 0, policy: 'drop' } },
        { chain: { family: 'inet', table: 'filter', name: 'helper' } },
        { rule: { family: 'inet', table: 'filter', chain: 'forward', handle: 7, expr: [{ accept: null }] } },
      ],
    });
    const { value } = readNftables(text, 'nft', new Set(['ip filter']));
    expect(value?.managed).toMatchObject([{ family: 'ip', name: 'filter' }]);
    expect(value?.tables).toMatchObject([
      {
        family: 'inet',
        name: 'filter',
        chains: [
          {
            name: 'forward',
            base: { hook: 'forward', priority: 0, policy: 'drop', type: 'filter' },
            rules: [{ number: 1, text: 'accept' }],
          },
          { name: 'helper', base: null, rules: [] },
        ],
      },
    ]);
  });

  it('takes from nft’s plain text the devices that its JSON leaves out', () => {
    const chain = (name: string, more: object) => ({ chain: { family: 'netdev', table: 'n', name, type: 'filter', prio: 0, ...more } });
    const text = JSON.stringify({
      nftables: [
        chain('one', { hook: 'ingress' }),
        chain('two', { hook: 'ingress' }),
        chain('said', { hook: 'egress', dev: 'eth2' }),
        chain('gone', { hook: 'egress' }),
      ],
    });
    const plain = `table netdev n {
	chain one {
		type filter hook ingress device "eth0" priority filter; policy accept;
	}
	chain two {
		type filter hook ingress devices = { eth1, "eth.5" } priority filter; policy accept;
	}
	chain said {
		type filter hook egress device "eth9" priority filter; policy accept;
	}
	chain gone {
	}
}
table inet n {
	chain gone {
		type filter hook ingress device "eth0" priority filter; policy accept;
	}
}
`;
    const [table] = readNftables(text, 'nft', new Set(), plain).value?.tables ?? [];
    expect(table?.chains.map(({ base }) => base?.devices)).toEqual([['eth0'], ['eth1', 'eth.5'], ['eth2'], []]);
  });
});

describe('bad text', () => {
  const readers = { readLinks, readAddresses, readNeighbours, readFdb, readBridgePorts, readSysctls, readConntrack, readListeners };

  it('is a problem and never an exception', () => {
    const json = fc.json().map((text) => `[${text}]`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), json, fc.json()), (text) => {
        for (const reader of Object.values(readers)) reader(text, 'command');
        readRoutes(text, 'command', null);
        readPolicyRules(text, 'command', 4);
        readNftables(text, 'command', new Set());
      }),
    );
  });

  it('says which command it came from', () => {
    expect(readLinks('Cannot open netlink socket', 'ip -j -d link')).toMatchObject({
      value: null,
      problems: [expect.stringContaining('ip -j -d link: not JSON')],
    });
    expect(readConntrack('what is this', 'conntrack -L').problems).toEqual(['conntrack -L: unreadable line "what is this"']);
  });
});
