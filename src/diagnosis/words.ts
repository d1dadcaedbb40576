/** Phrases that many diagnoses share: a rule, a policy, a command for the right firewall backend. */
import { formatPrefix } from '../base/ip-address.ts';
import type { DockerNetwork } from '../host/facts.ts';
import { tunnelWords } from '../path/overlay/outer.ts';
import type { DecidedBy, PacketSpec, Verdict } from '../path/verdict.ts';
import type { Case, End } from './case.ts';
import { rulesetsOf } from './rule-shape.ts';

/** `rule 1 of DOCKER-ISOLATION-STAGE-2`, `rule 2 of PREROUTING in table raw`, `the policy of FORWARD`. */
export const deciderWords = (by: DecidedBy): string => {
  const where = `${by.chain ?? 'a chain'}${by.table === undefined || by.table === 'filter' ? '' : ` in table ${by.table}`}`;
  const backend =
    by.backend === 'legacy' ? ' (iptables-legacy)' : by.backend === 'nftables' ? ` (nftables, family ${by.family ?? 'inet'})` : '';
  const inside = by.namespace === undefined ? '' : ` ${by.tunnel === undefined ? 'inside' : 'on'} ${by.namespace}`;
  switch (by.kind) {
    case 'rule':
      return by.rule === undefined ? `a rule of ${where}${backend}${inside}` : `rule ${by.rule} of ${where}${backend}${inside}`;
    case 'policy':
      return `the policy of ${where}${backend}${inside}`;
    case 'route':
      return `the route "${by.text}"${inside}`;
    case 'sysctl':
      return `the setting ${by.text}${inside}`;
    case 'bridge':
    case 'neighbour':
    case 'default':
      return by.text;
  }
};

/** `  [12 packets so far]`, or nothing where there is no counter. */
export const countedWords = (counters: { readonly packets: number } | null | undefined): string =>
  counters === null || counters === undefined ? '' : `  [${counters.packets} packet${counters.packets === 1 ? '' : 's'} so far]`;

/** `rule 1 of DOCKER-ISOLATION-STAGE-2 drops it:  -A …`, with the counter where there is one. */
export const rulingLine = (verdict: Verdict): string => {
  const by = verdict.decidedBy;
  const it = by.tunnel === undefined ? 'it' : `the packet around it (${tunnelWords(by.tunnel)})`;
  const does = {
    accept: `lets ${it} pass`,
    drop: `drops ${it}`,
    reject: `refuses ${it}`,
    undetermined: by.tunnel === undefined ? 'may decide it' : `may decide about ${it}`,
  }[verdict.outcome];
  const counted = countedWords(by.counters);
  const decider = deciderWords(by);
  if (by.kind === 'rule') return `${decider} ${does}:  ${by.text}${counted}`;
  if (by.kind === 'policy') return `${decider} ${does}: no rule before it took the packet${counted}`;
  const note = verdict.steps.find((step) => step.text === by.text && step.note !== undefined)?.note;
  // Every namespace has a setting of that name.
  const inside = by.kind !== 'sysctl' || by.namespace === undefined || by.text.includes(by.namespace) ? '' : ` in ${by.namespace}`;
  return note === undefined ? `${by.text}${inside}` : `${by.text}${inside} (${note})`;
};

/** The same as the beginning of a sentence. */
export const rulingSentence = (verdict: Verdict): string =>
  rulingLine(verdict).replace(/^(rule|the|a) /, (word) => word.charAt(0).toUpperCase() + word.slice(1));

/** The program that edits this rule. With both backends in use the plain name says too little. */
export const iptables = (subject: Case, by: DecidedBy): string => {
  const base = (by.family ?? (subject.family === 4 ? 'ip' : 'ip6')) === 'ip6' ? 'ip6tables' : 'iptables';
  const both =
    new Set(
      rulesetsOf(subject.facts, subject.family)
        .filter((ruleset) => ruleset.tables.length > 0)
        .map((ruleset) => ruleset.backend),
    ).size > 1;
  return both && by.backend !== undefined ? `${base}-${by.backend === 'legacy' ? 'legacy' : 'nft'}` : base;
};

export const subnetOf = (network: DockerNetwork, family: 4 | 6): string | null => {
  const subnet = network.subnets.find((candidate) => candidate.address.version === family);
  return subnet === undefined ? null : formatPrefix(subnet);
};

/** `br-4a09bab7ac26` is known to a person by its network. */
export const bridgeWords = (subject: Case, device: string): string => {
  const network = subject.facts.networks.find((candidate) => candidate.claimedBridge === device);
  return network === undefined || network.name === device ? device : `${device} (${network.name})`;
};

/** `pub:80`, `[fd00::2]:80`; the name alone where the protocol has no ports. */
export const withPort = (end: End, port: number | null = end.port): string => {
  if (port === null) return end.name;
  return `${end.name.includes(':') ? `[${end.name}]` : end.name}:${port}`;
};

/** `icmp echo request`, `tcp`, `udp port 53`. */
export const kindWords = (spec: PacketSpec, protocol: string): string => {
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    const echo = protocol === 'icmp' ? 8 : 128;
    return spec.icmpType === echo || spec.icmpType === undefined ? 'ping' : `${protocol} type ${spec.icmpType}`;
  }
  return /^\d+$/.test(protocol) ? `IP protocol ${protocol}` : protocol;
};

export const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

export const list = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
