/**
 * Conversations that are foretold and then really held, with the kernel's trace of each packet beside the prediction: every rule that
 * matched, where it went in the end and as what, the answer's way back, and whether the two ends heard each other.
 */
import { formatIp, type IpAddress } from '../../src/base/ip-address.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../../src/packet/packet.ts';
import { judge, judgeBoth } from '../../src/path/judge.ts';
import type { HostModel } from '../../src/path/model.ts';
import type { PacketSpec, Verdict } from '../../src/path/verdict.ts';
import { compareTrace, describeKernelStep, isAbsent, type TraceComparison } from '../../src/trace/compare.ts';
import type { TraceEvent, TracePacket } from '../../src/trace/event.ts';
import type { Passage } from '../../src/trace/passages.ts';
import type { RuleIndex } from '../../src/trace/rule-index.ts';
import { type KernelTrace, lastVisit, TRACER } from './kernel-trace.ts';
import type { Conversation, Spoken, Talk } from './talk.ts';

export interface Plan extends Conversation {
  /** `web1 → 172.18.0.3 tcp:80`, for people. */
  readonly words: string;
  readonly spec: PacketSpec;
  /** The answer where the host's rules have no say. */
  readonly settled: Verdict | null;
  /** Who would hear it, where somebody of ours listens there. */
  readonly listener: boolean;
}

export interface Held {
  readonly plan: Plan;
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
  readonly result: string;
  readonly comparisons: readonly TraceComparison[];
  /** Sentences about what differs; empty where all is as foretold. */
  readonly differences: readonly string[];
  readonly passages: readonly Passage[];
}

export interface Extra {
  readonly passage: Passage;
  readonly verdict: Verdict;
  readonly differences: readonly string[];
}

export interface Outcome {
  readonly held: readonly Held[];
  /** Packets that nobody planned: what docker-proxy dials. */
  readonly extras: readonly Extra[];
  /** Packets that were not compared, by kind: neighbour discovery, errors. */
  readonly left: ReadonlyMap<string, number>;
}

export interface ReachOptions {
  readonly model: HostModel;
  readonly talk: Talk;
  readonly trace: KernelTrace;
  /** Something that surely passes the host and comes last: its port is SENTINEL. */
  readonly sentinel: Conversation;
  /** Conversations held at once. */
  readonly batch?: number;
}

export const SENTINEL = 65535;
const FIRST_SENTINEL_PORT = 20_000;
const QUIET_MS = 120;
const MOST_MS = 2500;
const TRACE_MS = 20_000;

export const hold = async (plans: readonly Plan[], options: ReachOptions): Promise<Outcome> => {
  const { talk, trace, sentinel, batch = 120 } = options;
  let last = 0;
  // Each time to another port, that no earlier one is taken for it.
  const end = async (timeoutMs: number): Promise<readonly Passage[]> => {
    const dport = FIRST_SENTINEL_PORT + last++;
    await talk.speak([{ ...sentinel, dport }], 10, 50);
    const isIt = ({ table, chain, packet }: TraceEvent): boolean =>
      table === TRACER && chain === 'last-input' && packet?.srcPort === SENTINEL && packet.dstPort === dport;
    return trace.passagesUntil(isIt, timeoutMs);
  };
  // The trace is on when it shows something.
  for (let tries = 0; ; tries++) {
    try {
      await end(300);
      break;
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
  const outcome: { held: Held[]; extras: Extra[]; left: Map<string, number> } = { held: [], extras: [], left: new Map() };
  for (let at = 0; at < plans.length; at += batch) {
    const some = plans.slice(at, at + batch);
    const foretold = new Map(some.map((plan) => [plan.key, foretell(options.model, plan)]));
    const said = some.map((plan) => ({ ...plan, awaited: isAnswered(plan, foretold.get(plan.key)) }));
    const spoken = await talk.speak(said, QUIET_MS, MOST_MS);
    sort(some, spoken, await end(TRACE_MS), { model: options.model, index: trace.index, foretold }, outcome);
  }
  return outcome;
};

interface Foretold {
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
}

const foretell = (model: HostModel, plan: Plan): Foretold =>
  plan.settled === null ? judgeBoth(model, plan.spec) : { verdict: plan.settled, reply: null };

const isAnswered = (plan: Plan, foretold: Foretold | undefined): boolean =>
  foretold?.verdict.outcome === 'accept' && (plan.settled !== null || foretold.reply?.outcome === 'accept');

interface Ground {
  readonly model: HostModel;
  readonly index: RuleIndex;
  /** By the plan's key. */
  readonly foretold: ReadonlyMap<number, Foretold>;
}

const sort = (
  plans: readonly Plan[],
  spoken: Spoken,
  passages: readonly Passage[],
  on: Ground,
  outcome: { held: Held[]; extras: Extra[]; left: Map<string, number> },
): void => {
  const byKey = new Map(plans.map((plan) => [plan.key, plan]));
  const there = new Map<number, Passage[]>();
  const back = new Map<number, Passage[]>();
  for (const passage of passages) {
    const { packet } = passage;
    const kind = kindOf(packet, byKey);
    if (kind.is === 'there' || kind.is === 'back') {
      const list = kind.is === 'there' ? there : back;
      list.set(kind.key, [...(list.get(kind.key) ?? []), passage]);
    } else if (kind.is === 'extra') outcome.extras.push(extraOf(on, passage));
    else if (kind.is === 'left') outcome.left.set(kind.what, (outcome.left.get(kind.what) ?? 0) + 1);
  }
  for (const plan of plans) outcome.held.push(examine(on, plan, spoken, there.get(plan.key) ?? [], back.get(plan.key) ?? []));
};

type Kind = { is: 'there' | 'back'; key: number } | { is: 'extra' } | { is: 'left'; what: string } | { is: 'nothing' };

const ECHO_REQUESTS: ReadonlySet<number> = new Set([8, 128]);
const ECHO_REPLIES: ReadonlySet<number> = new Set([0, 129]);

const kindOf = (packet: TracePacket, plans: ReadonlyMap<number, Plan>): Kind => {
  const { protocol, icmpType: type } = packet;
  if (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6) {
    const isV6 = protocol === IPPROTO_ICMPV6;
    const key = packet.icmpId ?? -1;
    if (type !== null && ECHO_REQUESTS.has(type) && plans.has(key)) return { is: 'there', key };
    if (type !== null && ECHO_REPLIES.has(type) && (isV6 || type === 0) && plans.has(key)) return { is: 'back', key };
    return { is: 'left', what: `${isV6 ? 'icmpv6' : 'icmp'} type ${type}` };
  }
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return { is: 'left', what: `protocol ${protocol}` };
  const { srcPort, dstPort } = packet;
  if (srcPort === SENTINEL || dstPort === SENTINEL) return { is: 'nothing' };
  if (srcPort !== null && plans.has(srcPort)) return { is: 'there', key: srcPort };
  if (dstPort !== null && plans.has(dstPort)) return { is: 'back', key: dstPort };
  // A dial of docker-proxy; its answers follow the dial's connection.
  return packet.inDev === null && protocol === IPPROTO_TCP && dstPort === 80
    ? { is: 'extra' }
    : { is: 'left', what: 'answers to docker-proxy' };
};

const extraOf = (on: Ground, passage: Passage): Extra => {
  const { packet } = passage;
  const verdict = judge(on.model, specOfPassage(packet));
  return { passage, verdict, differences: wayDifferences(on, verdict, passage).differences };
};

const specOfPassage = (packet: TracePacket): PacketSpec => ({
  in: packet.inDev,
  src: packet.src === null ? '' : formatIp(packet.src),
  dst: packet.dst === null ? '' : formatIp(packet.dst),
  proto: packet.protocol ?? 0,
  ...(packet.srcPort === null ? {} : { sport: packet.srcPort }),
  ...(packet.dstPort === null ? {} : { dport: packet.dstPort }),
});

const examine = (on: Ground, plan: Plan, spoken: Spoken, there: readonly Passage[], back: readonly Passage[]): Held => {
  const { verdict, reply } = on.foretold.get(plan.key) ?? foretell(on.model, plan);
  const result = spoken.results.get(plan.key) ?? 'nothing';
  const comparisons: TraceComparison[] = [];
  const differences: string[] = [];
  const compare = (what: string, predicted: Verdict, passages: readonly Passage[]): void => {
    const first = passages[0];
    if (first === undefined) {
      if (predicted.outcome !== 'undetermined' && predicted.steps.some(({ table, namespace }) => table !== null && namespace === undefined))
        differences.push(`${what}: rules were predicted to match, but the kernel showed no such packet`);
      return;
    }
    const { comparison, differences: found } = wayDifferences(on, predicted, first, what === 'reply');
    comparisons.push(comparison);
    differences.push(...found.map((text) => `${what}: ${text}`));
  };
  if (plan.settled !== null) {
    if (there.length > 0 && verdict.outcome !== 'undetermined') differences.push('there: it was not to come to the host, but it did');
  } else compare('there', verdict, there);
  if (reply !== null) compare('reply', reply, back);
  else if (back.length > 0 && verdict.outcome !== 'undetermined') differences.push('reply: none was predicted, but there is one');
  // Where the answer is stopped the connection is never whole and the listener is not told of it: that it was answered says enough.
  const arrived =
    (plan.proto === 'tcp' && plan.settled === null && back.length > 0) ||
    (plan.listener && spoken.arrivals.some(({ proto, port }) => proto === plan.proto && port === plan.key));
  const answered = result === 'answered' || (plan.proto !== 'icmp' && result === 'ECONNREFUSED');
  if (verdict.outcome === 'accept' && plan.settled === null && plan.listener && !arrived)
    differences.push(`said to be delivered, but the receiver did not hear it (${result})`);
  if (verdict.outcome !== 'accept' && verdict.outcome !== 'undetermined' && arrived)
    differences.push('said to be stopped, but the receiver heard it');
  const hears = isAnswered(plan, { verdict, reply });
  if (hears && !answered) differences.push(`the sender was to be answered, but it heard: ${result}`);
  if (verdict.outcome !== 'undetermined' && reply?.outcome !== 'undetermined' && !hears && answered && verdict.outcome !== 'reject')
    differences.push(`the sender was not to be answered, but it heard: ${result}`);
  return { plan, verdict, reply, result, comparisons, differences, passages: [...there, ...back] };
};

/** Rule by rule, then where it went and as what. */
const wayDifferences = (
  on: Ground,
  verdict: Verdict,
  passage: Passage,
  isReply = false,
): { readonly comparison: TraceComparison; readonly differences: readonly string[] } => {
  const comparison = compareTrace(verdict, passage, { sources: ['nft', 'legacy'], untraced: (step) => isAbsent(on.index, step) });
  const differences = comparison.reason === null ? [] : [comparison.reason];
  if (verdict.outcome === 'undetermined') return { comparison, differences };
  const last = lastVisit(passage);
  if (verdict.outcome !== 'accept') {
    const isLooped = last?.hook === 'postrouting' && last.packet.outDev === 'lo';
    if (last !== null && !isLooped && !isBehindHooks(verdict))
      differences.push(`predicted ${verdict.outcome}, but the kernel let it through ${last.hook}`);
    return { comparison, differences };
  }
  if (last === null) {
    const visit = passage.visits.at(-1);
    return {
      comparison,
      differences: [...differences, `predicted accept, but the kernel showed it last at ${visit?.hook ?? '?'} ${visit?.chain ?? ''}`],
    };
  }
  const out = last.hook === 'input' ? 'local' : last.packet.outDev;
  if (verdict.out !== out) differences.push(`predicted to leave by ${verdict.out}, but the kernel sent it to ${out}`);
  const first = passage.packet;
  let [src, dst] = [end(first.src, first.srcPort), end(first.dst, first.dstPort)];
  for (const nat of verdict.nat) {
    const { from, to } = nat;
    const isForward = (nat.kind === 'dnat' || nat.kind === 'redirect') !== isReply;
    if (from === dst && (isForward || from !== src)) dst = to;
    else if (from === src) src = to;
    else differences.push(`predicted to be translated from ${from}, which it never was`);
  }
  const kernel = `${end(last.packet.src, last.packet.srcPort)} > ${end(last.packet.dst, last.packet.dstPort)}`;
  if (kernel !== `${src} > ${dst}`) differences.push(`predicted as ${src} > ${dst}, in the kernel it was ${kernel}`);
  return { comparison, differences };
};

/** Stopped where no hook shows it any more. */
const isBehindHooks = (verdict: Verdict): boolean => verdict.decidedBy.kind === 'neighbour' || verdict.decidedBy.kind === 'bridge';

const end = (ip: IpAddress | null, port: number | null): string => {
  if (ip === null) return '?';
  const text = formatIp(ip);
  return port === null ? text : text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
};

export const tellHeld = ({ plan, verdict, reply, result, comparisons, differences, passages }: Held): string =>
  [
    `${plan.words}   (${JSON.stringify(plan.spec)})`,
    ...differences.map((text) => `  ! ${text}`),
    `  predicted ${verdict.outcome} by ${verdict.decidedBy.text}; the sender heard: ${result}`,
    ...(reply === null ? [] : [`  reply predicted ${reply.outcome} by ${reply.decidedBy.text}`]),
    ...[...verdict.unknowns, ...(reply?.unknowns ?? [])].map((text) => `  unknown: ${text}`),
    ...comparisons.flatMap(tellComparison),
    ...passages.flatMap(tellPassage),
  ].join('\n');

const tellComparison = ({ lines }: TraceComparison): readonly string[] => [
  '  --',
  ...lines.map(({ state, predicted, kernel }) => {
    const left =
      predicted === null
        ? ''
        : `${predicted.hook} ${predicted.table ?? ''} ${predicted.chain ?? ''} ${predicted.rule ?? ''} ${predicted.action} ${predicted.text}`;
    const right = kernel === null || state === 'same' ? '' : ` | kernel: ${kernel.hook} ${describeKernelStep(kernel)} ${kernel.text ?? ''}`;
    return `  ${state.padEnd(9)} ${left}${right}`;
  }),
];

const tellPassage = (passage: Passage): readonly string[] => [
  '  ==',
  ...passage.visits.map(
    ({ hook, table, chain, packet }) =>
      `  seen at ${hook} ${table} ${chain}: ${packet.inDev ?? '-'}>${packet.outDev ?? '-'} ${end(packet.src, packet.srcPort)} > ${end(packet.dst, packet.dstPort)}`,
  ),
];

export interface Count {
  readonly conversations: number;
  readonly passages: number;
  /** Steps that both showed. */
  readonly steps: number;
  readonly differing: readonly string[];
  /** Reasons of undetermined answers, with how many have it. */
  readonly undetermined: ReadonlyMap<string, number>;
}

export const countOf = ({ held, extras }: Outcome): Count => {
  const comparisons = held.flatMap((each) => each.comparisons);
  const undetermined = new Map<string, number>();
  for (const { verdict, reply } of held)
    for (const each of [verdict, reply])
      if (each?.outcome === 'undetermined')
        undetermined.set(each.unknowns.join(' | '), (undetermined.get(each.unknowns.join(' | ')) ?? 0) + 1);
  return {
    conversations: held.length,
    passages: comparisons.length + extras.length,
    steps: comparisons.reduce((sum, { matched }) => sum + matched, 0),
    differing: [
      ...held.filter(({ differences }) => differences.length > 0).map(tellHeld),
      ...extras
        .filter(({ differences }) => differences.length > 0)
        .map(({ passage, verdict, differences }) =>
          [
            'unplanned',
            ...differences.map((text) => `  ! ${text}`),
            `  predicted ${verdict.outcome} by ${verdict.decidedBy.text}`,
            ...tellPassage(passage),
          ].join('\n'),
        ),
    ],
    undetermined,
  };
};
