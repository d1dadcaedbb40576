/** All that is known of an item of the picture: its devices, what is set on them, and which rules name them. */

import type { HostFacts, NamespaceFacts } from '../../host/facts.ts';
import type { HostState } from '../../session/state/host-state.ts';
import type { DeviceNode } from '../../topology/graph/graph.ts';
import { HOST_ID } from '../../topology/graph/graph.ts';
import type { GraphIndex } from '../../topology/graph/graph-index.ts';
import { linkNamed } from '../../topology/links.ts';
import type { About } from './about.ts';

const LABEL_COLUMNS = 12;

const row = (label: string, value: string | null): string[] =>
  value === null || value === '' ? [] : [`  ${label.padEnd(LABEL_COLUMNS)}${value}`];

export const detailLines = (about: About, index: GraphIndex, host: HostState): readonly string[] => [
  ...(about.words === '' ? [] : [about.words, '']),
  ...containerLines(about, index, host),
  ...about.devices.flatMap((id) => {
    const device = index.device(id);
    return device === null ? [] : [...deviceLines(device, index, host.facts), ''];
  }),
  ...(about.devices.length === 0 && about.namespace === HOST_ID ? hostLines(host.facts) : []),
];

const containerLines = (about: About, index: GraphIndex, host: HostState): string[] => {
  const home = about.namespace === null ? null : index.namespace(about.namespace);
  const container = host.topology.containers.find(({ name }) => name === about.container);
  if (home === null || home.role === 'host') return [];
  const ports = (container?.published ?? []).map(
    ({ hostIp, hostPort, containerPort, protocol }) => `${hostIp}:${hostPort} to ${containerPort}/${protocol}`,
  );
  return [
    home.role === 'container' ? `container ${home.label}` : `namespace ${home.label}`,
    ...row('image', container?.image ?? null),
    ...row('state', container?.state ?? null),
    ...row('mode', container?.mode ?? null),
    ...row(
      'shared by',
      home.residents
        .slice(1)
        .map(({ name }) => name)
        .join(', '),
    ),
    ...row('published', ports.join(', ')),
    ...row('namespace', home.netns),
    ...row('network', home.network),
    ...row('remark', home.remark),
    '',
  ];
};

const deviceLines = (device: DeviceNode, index: GraphIndex, facts: HostFacts): string[] => {
  const within = factsOf(device, facts);
  const home = index.namespace(device.namespace);
  const far = index.otherEnd(device.id);
  const farHome = far === null ? null : index.namespace(far.namespace);
  const parent = index.parentOf(device.id);
  const master = index.masterOf(device.id);
  const port = within?.bridgePorts?.find((candidate) => candidate.dev === device.name);
  const link = within === null ? null : linkNamed(within, device.name);
  const rules = device.namespace === HOST_ID ? rulesNaming(device.name, facts) : [];
  return [
    `${device.type} ${device.name} ${home === null || home.role === 'host' ? 'of the host' : `in ${home.label}`}`,
    ...row('number', device.ifindex === null ? null : String(device.ifindex)),
    ...row('state', device.up === null ? null : `${device.up ? 'up' : 'down'}${link === null ? '' : `, ${link.operstate.toLowerCase()}`}`),
    ...row('MTU', device.mtu === null ? null : String(device.mtu)),
    ...row('MAC', device.mac),
    ...device.addresses.flatMap((address) => row('address', address)),
    ...row('network', device.network === null ? null : `${device.network}${device.driver === null ? '' : ` (${device.driver})`}`),
    ...row('set', device.notes.join(', ')),
    ...row(
      'other end',
      far === null ? null : `${far.name} ${farHome === null || farHome.role === 'host' ? 'of the host' : `in ${farHome.label}`}`,
    ),
    ...row('on', parent === null ? null : `${index.device(parent.to)?.name ?? '?'} (${parent.how})`),
    ...row('port of', master === null ? null : (index.device(master)?.name ?? master)),
    ...row(
      'port',
      port === undefined ? null : [port.state, ...(port.isolated ? ['isolated'] : []), ...(port.hairpin ? ['hairpin'] : [])].join(', '),
    ),
    ...index.peersOf(device.id).flatMap((peer) => row('tunnel to', peer)),
    ...row('unresolved', device.unresolved),
    ...sysctlsOf(device.name, within).flatMap((setting) => row('sysctl', setting)),
    ...rules.slice(0, MOST_RULES).flatMap((rule) => row('rule', rule)),
    ...(rules.length > MOST_RULES ? row('', `and ${rules.length - MOST_RULES} more rules that name it`) : []),
  ];
};

const MOST_RULES = 40;

const factsOf = (device: DeviceNode, facts: HostFacts): NamespaceFacts | null =>
  device.namespace === HOST_ID
    ? facts.self
    : (facts.namespaces.find((namespace) => `ns:${namespace.id}` === device.namespace)?.facts ?? null);

/** Settings of one interface that decide whether its packets are taken, forwarded or answered; ip-sysctl in the kernel's documentation. */
const SETTINGS = [
  'ipv4.conf.%.forwarding',
  'ipv4.conf.%.rp_filter',
  'ipv4.conf.%.accept_local',
  'ipv4.conf.%.route_localnet',
  'ipv4.conf.%.proxy_arp',
  'ipv4.conf.%.arp_ignore',
  'ipv4.conf.%.arp_announce',
  'ipv6.conf.%.disable_ipv6',
  'ipv6.conf.%.forwarding',
  'ipv6.conf.%.accept_ra',
] as const;

/** A dot in an interface's name is a slash in the name of its setting (sysctl(8)). */
const sysctlsOf = (name: string, within: NamespaceFacts | null): string[] =>
  SETTINGS.flatMap((setting) => {
    const key = `net.${setting.replace('%', name.replace(/\./g, '/'))}`;
    const value = within?.sysctls?.get(key);
    return value === undefined ? [] : [`${key} = ${value}`];
  });

/** Rules of iptables whose `-i`, `-o` or physdev names the interface; a trailing `+` stands for any ending (iptables(8)). */
const rulesNaming = (name: string, facts: HostFacts): string[] =>
  facts.self.rulesets.flatMap((ruleset) =>
    ruleset.tables.flatMap((table) =>
      table.chains.flatMap((chain) =>
        chain.rules.flatMap((rule) =>
          names(rule.text, name)
            ? [`${ruleset.family === 'ip6' ? 'ip6 ' : ''}${table.name} ${chain.name} #${rule.number}  ${rule.text}`]
            : [],
        ),
      ),
    ),
  );

const names = (rule: string, name: string): boolean => {
  for (const [, quoted, plain] of rule.matchAll(/(?:^| )(?:-i|-o|--physdev-in|--physdev-out) (?:"([^"]*)"|(\S+))/g)) {
    const written = quoted ?? plain ?? '';
    if (written === name || (written.endsWith('+') && name.startsWith(written.slice(0, -1)))) return true;
  }
  return false;
};

const hostLines = (facts: HostFacts): string[] => {
  const rules = facts.self.rulesets.reduce(
    (sum, ruleset) =>
      sum + ruleset.tables.reduce((inner, table) => inner + table.chains.reduce((most, chain) => most + chain.rules.length, 0), 0),
    0,
  );
  const setting = (key: string): string[] =>
    row('sysctl', facts.self.sysctls?.get(key) === undefined ? null : `${key} = ${facts.self.sysctls.get(key)}`);
  return [
    `host ${facts.hostName}`,
    ...row('docker', facts.dockerVersion),
    ...row('rules', `${rules} of iptables, ${(facts.self.nftables ?? []).length} tables of nftables`),
    ...setting('net.ipv4.ip_forward'),
    ...setting('net.ipv6.conf.all.forwarding'),
    ...setting('net.bridge.bridge-nf-call-iptables'),
    ...setting('net.bridge.bridge-nf-call-ip6tables'),
    ...(facts.self.routes ?? [])
      .filter((route) => route.table === 'main')
      .slice(0, MOST_RULES)
      .flatMap((route) => row('route', route.text)),
  ];
};
