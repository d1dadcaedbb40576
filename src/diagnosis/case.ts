/**
 * One case: the question, both verdicts, and who the two ends are. Every cause reads it; nothing here judges. The ends are found
 * by address and bridge: an address may occur in several networks.
 */
import { formatIp, type IpAddress, inPrefix, parseIp, sameIp } from '../base/ip-address.ts';
import type { Flow } from '../flow/flow.ts';
import type { DockerNetwork, HostFacts, NamespaceFacts } from '../host/facts.ts';
import type { Rule } from '../netfilter/ruleset.ts';
import { isLimitedBroadcast, isLoopback, isMulticast } from '../path/address-kinds.ts';
import type { PacketSpec, Verdict, VerdictNat } from '../path/verdict.ts';
import { NameIndex } from '../topology/names.ts';
import type { ContainerNode, Endpoint, Topology } from '../topology/topology.ts';
import type { DiagnosisInput } from './diagnosis.ts';
import { nativeRule } from './native-rule.ts';
import { decidingRule } from './rule-shape.ts';

export interface End {
  readonly ip: IpAddress | null;
  readonly port: number | null;
  /** For sentences: `web1`, `host (test_net1 gateway)`, `203.0.113.2`. */
  readonly name: string;
  readonly container: ContainerNode | null;
  readonly endpoint: Endpoint | null;
  readonly network: DockerNetwork | null;
  /** The bridge of its network: the one that its cable is really plugged into, else the one Docker claims. */
  readonly bridge: string | null;
  readonly isHost: boolean;
}

/** The verdict that stands in the way: the request's, else the reply's. */
export interface Obstacle {
  readonly verdict: Verdict;
  readonly direction: 'request' | 'reply';
  /** The rule that decided, parsed; null where none did. */
  readonly rule: Rule | null;
}

export interface Case {
  readonly spec: PacketSpec;
  /** The host's part of the verdicts: steps and translations of other namespaces left out. */
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
  /** The verdicts with the steps of all namespaces. */
  readonly whole: { readonly verdict: Verdict; readonly reply: Verdict | null };
  readonly flow: Flow | null;
  readonly facts: HostFacts;
  readonly topology: Topology;
  readonly family: 4 | 6;
  readonly protocol: string;
  readonly src: End;
  /** As the sender wrote it. */
  readonly dst: End;
  /** Where it goes after translation; the same as `dst` where nothing is translated. */
  readonly target: End;
  readonly dnat: VerdictNat | null;
  readonly snat: VerdictNat | null;
  /** Null where request and reply pass. */
  readonly obstacle: Obstacle | null;
  /** Interface by which the host got the packet; null for its own. */
  readonly inDevice: string | null;
  /** Interface by which it leaves or would leave the host; null where that is not known. */
  readonly outDevice: string | null;
  /** True where packets were seen that the deciding rule did not count. */
  readonly notCounted: boolean;
  /** True where the conversation was seen and the other side never said anything. */
  readonly unanswered: boolean;
}

export const buildCase = (input: DiagnosisInput): Case => {
  const { spec, flow, facts, topology } = input;
  const whole = { verdict: input.verdict, reply: input.reply };
  const verdict = hostPart(input.verdict);
  const reply = input.reply === null ? null : hostPart(input.reply);
  const names = new NameIndex(topology, facts);
  const src = parseIp(spec.src);
  const dst = parseIp(spec.dst);
  const dnat = verdict.nat.find((nat) => nat.kind === 'dnat' || nat.kind === 'redirect') ?? null;
  const snat = verdict.nat.find((nat) => nat.kind === 'snat' || nat.kind === 'masquerade') ?? null;
  const translated = dnat === null ? null : splitAddress(dnat.to);
  const outDevice = verdict.out === 'local' ? null : (verdict.out ?? routedTo(verdict));
  const endOf = (ip: IpAddress | null, port: number | null, device: string | null, text: string): End =>
    endAt(facts, topology, names, ip, port, device, text);
  const isItself = input.verdict.decidedBy.reason === 'container-itself' || (spec.sender !== undefined && dst !== null && isLoopback(dst));
  const target =
    (isItself ? withinSender(input, dst, spec.dport ?? null) : null) ??
    endOf(translated?.ip ?? dst, translated?.port ?? spec.dport ?? null, outDevice, spec.dst);
  return {
    spec,
    verdict,
    reply,
    whole,
    flow,
    facts,
    topology,
    family: (src ?? dst)?.version ?? 4,
    protocol: protocolWord(spec.proto),
    src: withinSender(input, src, spec.sport ?? null) ?? endOf(src, spec.sport ?? null, spec.in, spec.src),
    dst: isItself ? target : dnat === null ? target : endOf(dst, spec.dport ?? null, null, spec.dst),
    target,
    dnat,
    snat,
    obstacle: obstacleOf(facts, verdict, reply, { in: spec.in, out: outDevice ?? target.bridge }),
    inDevice: spec.in,
    notCounted: input.notCounted === true,
    outDevice: outDevice ?? target.bridge,
    // What a group is told is answered by its members' own addresses, if at all.
    unanswered:
      flow !== null &&
      !(dst !== null && (isMulticast(dst) || isLimitedBroadcast(dst))) &&
      flow.packets[0] + flow.packets[1] > 0 &&
      (flow.packets[0] === 0 || flow.packets[1] === 0),
  };
};

/** An end inside the namespace of whoever sends, where addresses mean what they mean there. */
const withinSender = ({ spec, facts, topology }: DiagnosisInput, ip: IpAddress | null, port: number | null): End | null => {
  const container = topology.containers.find(({ name }) => name === spec.sender);
  if (container === undefined || ip === null) return null;
  const has = ({ ipv4, ipv6 }: Endpoint): boolean => [ipv4, ipv6].some((own) => own !== null && sameIp(own, ip));
  const endpoint = container.endpoints.find(has) ?? null;
  const network = endpoint === null ? null : networkNamed(facts, endpoint.network);
  const bridge = endpoint?.host?.bridge ?? network?.claimedBridge ?? null;
  return { ip, port, name: container.name, container, endpoint, network, bridge, isHost: false };
};

const hostPart = (verdict: Verdict): Verdict => {
  const own = (item: { readonly namespace?: string }): boolean => item.namespace === undefined;
  return verdict.steps.every(own) ? verdict : { ...verdict, steps: verdict.steps.filter(own), nat: verdict.nat.filter(own) };
};

interface Devices {
  readonly in: string | null;
  readonly out: string | null;
}

const obstacleOf = (facts: HostFacts, verdict: Verdict, reply: Verdict | null, devices: Devices): Obstacle | null => {
  const ruleOf = (which: Verdict, way: Devices): Rule | null =>
    which.decidedBy.namespace !== undefined
      ? null
      : which.decidedBy.backend === 'nftables'
        ? nativeRule(facts, which, way)
        : decidingRule(facts, which.decidedBy);
  if (verdict.outcome !== 'accept') return { verdict, direction: 'request', rule: ruleOf(verdict, devices) };
  if (reply !== null && reply.outcome !== 'accept')
    return { verdict: reply, direction: 'reply', rule: ruleOf(reply, { in: devices.out, out: devices.in }) };
  return null;
};

/** The device of the last routing decision on the way. */
export const routedTo = (verdict: Verdict): string | null => verdict.steps.findLast((step) => step.device !== undefined)?.device ?? null;

/** `10.0.0.1:80`, `[fd00::1]:80`, or a bare address. */
export const splitAddress = (text: string): { readonly ip: IpAddress | null; readonly port: number | null } => {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  if (bracketed !== null) return { ip: parseIp(bracketed[1] ?? ''), port: bracketed[2] === undefined ? null : Number(bracketed[2]) };
  const bare = parseIp(text);
  if (bare !== null) return { ip: bare, port: null };
  const colon = text.lastIndexOf(':');
  return { ip: parseIp(text.slice(0, colon)), port: Number(text.slice(colon + 1)) };
};

const PROTOCOL_WORDS = new Map([
  ['1', 'icmp'],
  ['6', 'tcp'],
  ['17', 'udp'],
  ['58', 'icmpv6'],
]);

const protocolWord = (proto: string | number): string => PROTOCOL_WORDS.get(String(proto)) ?? String(proto).toLowerCase();

const endAt = (
  facts: HostFacts,
  topology: Topology,
  names: NameIndex,
  ip: IpAddress | null,
  port: number | null,
  device: string | null,
  text: string,
): End => {
  const own =
    ip !== null && ((facts.self.addresses ?? []).some((address) => sameIp(address.ip, ip)) || (ip.version === 4 && ip.a >>> 24 === 127));
  const joined = ip === null || own ? null : containerAt(topology, ip, device);
  const bridge = joined?.endpoint.host?.bridge ?? null;
  const network = joined === null ? networkOfBridge(facts, own ? null : device, ip) : networkNamed(facts, joined.endpoint.network);
  const label = joined?.container.name ?? (ip === null ? null : names.nameOf(ip)) ?? (ip === null ? text : formatIp(ip));
  return {
    ip,
    port,
    name: label,
    container: joined?.container ?? null,
    endpoint: joined?.endpoint ?? null,
    network,
    bridge: bridge ?? network?.claimedBridge ?? null,
    isHost: own,
  };
};

const containerAt = (topology: Topology, ip: IpAddress, device: string | null): { container: ContainerNode; endpoint: Endpoint } | null => {
  const all = topology.containers.flatMap((container) =>
    container.endpoints
      .filter((endpoint) => (endpoint.ipv4 !== null && sameIp(endpoint.ipv4, ip)) || (endpoint.ipv6 !== null && sameIp(endpoint.ipv6, ip)))
      .map((endpoint) => ({ container, endpoint })),
  );
  return (
    all.find(({ endpoint }) => device !== null && endpoint.host?.bridge === device) ??
    all.find(({ container }) => container.state === 'running') ??
    all[0] ??
    null
  );
};

const networkNamed = (facts: HostFacts, name: string | null): DockerNetwork | null =>
  name === null ? null : (facts.networks.find((network) => network.name === name) ?? null);

/** An address of a Docker subnet that no container has still belongs to that network, if it is on that bridge. */
const networkOfBridge = (facts: HostFacts, device: string | null, ip: IpAddress | null): DockerNetwork | null =>
  facts.networks.find(
    (network) =>
      device !== null && network.claimedBridge === device && ip !== null && network.subnets.some((subnet) => inPrefix(ip, subnet)),
  ) ?? null;

/** The network that Docker keeps on a bridge. */
export const networkOn = (subject: Case, bridge: string | null): DockerNetwork | null =>
  bridge === null ? null : (subject.facts.networks.find((network) => network.claimedBridge === bridge) ?? null);

/** What could be read of a container's own namespace. */
export const insideOf = (subject: Case, container: ContainerNode | null): NamespaceFacts | null =>
  container === null ? null : (subject.facts.namespaces.find((namespace) => namespace.id === container.netns)?.facts ?? null);

export const sysctl = (subject: Case, name: string): string | null => subject.facts.self.sysctls?.get(name) ?? null;
