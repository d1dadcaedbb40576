/**
 * The second connection of docker-proxy: it takes the client's connection first and dials the container then, so what becomes of that
 * connection shows to the client as an end of one that it has already (cmd/docker-proxy, tcp_proxy_linux.go and udp_proxy_linux.go in moby).
 */
import { formatIp, parseIp } from '../base/ip-address.ts';
import { IPPROTO_UDP } from '../packet/packet.ts';
import { bookOf } from './env.ts';
import type { HostModel } from './model.ts';
import { protocolOf } from './packet-spec.ts';
import { selectAddress } from './source-address.ts';
import type { PacketSpec, ProxiedConnection, Verdict, VerdictOutcome, VerdictStep } from './verdict.ts';

export interface LegVerdicts {
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
}

/** Lays the second connection beside the verdict of one that docker-proxy takes; `judge` asks the path about it. */
export const withSecondLeg = (
  model: HostModel,
  spec: PacketSpec,
  verdict: Verdict,
  judge: (second: PacketSpec) => LegVerdicts,
): Verdict => {
  const target = verdict.proxiedTo;
  if (target === undefined) return verdict;
  const text = `docker-proxy dials ${target.address}`;
  const second = secondSpec(model, spec, target.address);
  if (typeof second === 'string') return { ...verdict, unknowns: [...verdict.unknowns, `${text}: ${second}`] };
  const legs = judge(second);
  const proxiedTo: ProxiedConnection = {
    container: target.container,
    address: target.address,
    from: second.src,
    outcome: outcomeOf(legs),
    client: clientSees(second, legs),
    verdict: legs.verdict,
    reply: legs.reply,
  };
  const step: VerdictStep = {
    hook: 'output',
    table: null,
    chain: null,
    rule: null,
    text,
    action: 'continue',
    note: `${legs.verdict.outcome} by ${legs.verdict.decidedBy.text}`,
  };
  return { ...verdict, steps: [...verdict.steps, step], proxiedTo };
};

/** The outcome of the whole: of the packet itself, and where docker-proxy takes it over of the packet that it sends then. */
export const wholeOutcome = ({ outcome, proxiedTo }: Verdict): VerdictOutcome =>
  outcome !== 'accept' || proxiedTo === undefined ? outcome : (proxiedTo.verdict?.outcome ?? 'undetermined');

/** Some port of a client: which one does not matter to any rule that is not about source ports. */
const PROXY_PORT = 40000;

/** Why it cannot be asked, where it cannot. */
const secondSpec = (model: HostModel, spec: PacketSpec, address: string): PacketSpec | string => {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(address);
  const dst = parseIp(match?.[1] ?? '');
  if (match === null || dst === null) return `${address} is no address with a port`;
  const route = model.fib.lookup({ dst, src: null, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  const dev = route?.kind === 'route' ? route.hop.dev : null;
  const src = route?.kind === 'route' ? (route.route.source ?? (dev === null ? null : selectAddress(bookOf(model), dev, dst))) : null;
  if (src === null) return 'from which address is not known';
  return { in: null, src: formatIp(src), dst: formatIp(dst), proto: spec.proto, sport: PROXY_PORT, dport: Number(match[2]) };
};

const outcomeOf = ({ verdict, reply }: LegVerdicts): VerdictOutcome =>
  verdict.outcome === 'accept' ? (reply?.outcome ?? 'accept') : verdict.outcome;

/** What ends a connection attempt at once (tcp_v4_connect fails, or an error comes), where others are only tried again in silence. */
const FAILS_AT_ONCE: ReadonlySet<string> = new Set(['no-route', 'refusing-route', 'container-no-network']);

const clientSees = (second: PacketSpec, legs: LegVerdicts): ProxiedConnection['client'] => {
  const outcome = outcomeOf(legs);
  if (outcome === 'undetermined') return 'unknown';
  // The UDP proxy tells its clients of no error.
  const refused = protocolOf(second.proto) === IPPROTO_UDP ? 'silent' : 'closed';
  const { verdict } = legs;
  if (verdict.outcome === 'reject' || FAILS_AT_ONCE.has(verdict.decidedBy.reason ?? '')) return refused;
  if (outcome !== 'accept') return 'silent';
  return verdict.steps.some(({ socket }) => socket === 'closed') ? refused : 'carried';
};

/** What the client has of it, as the end of a sentence about docker-proxy. */
export const clientWords = ({ client }: ProxiedConnection): string => {
  switch (client) {
    case 'carried':
      return 'what one side says is carried to the other';
    case 'closed':
      return 'the client finds its connection accepted and then reset or closed at once ("connection reset by peer", "empty reply")';
    case 'silent':
      return 'the client hears nothing; over TCP it finds its connection accepted, until docker-proxy gives up after about two minutes';
    case 'unknown':
      return 'what becomes of the second connection cannot be said';
  }
};
