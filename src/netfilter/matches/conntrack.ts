/** -m conntrack: what connection tracking knows of the packet. conntrack_mt in xt_conntrack.c; iptables-extensions(8). */
import { type IpAddress, inPrefix, parsePrefix } from '../../base/ip-address.ts';
import { protocolNumberOf } from '../protocols.ts';
import type { MatchSpec, RuleOption } from '../ruleset.ts';
import type { CtView } from '../skb.ts';
import { type Answer, type Ask, badValue, NEVER, type OptionCompiler, optionMatch } from './condition.ts';
import { ctStateAsk } from './ct-state.ts';
import { inRange, parseRange } from './values.ts';

/** A packet without a connection: the kernel asks --ctstate only, and says no where the rule has none. */
const withoutConnection = (spec: MatchSpec): Answer => (spec.options.some((option) => option.name === '--ctstate') ? 'skip' : NEVER);

const connectionAsk = (spec: MatchSpec, option: RuleOption, ask: (ct: CtView) => boolean | string): Ask => {
  const missing = withoutConnection(spec);
  const skipped = !option.negated;
  return (skb) => {
    if (skb.ct.state === 'INVALID' || skb.ct.state === 'UNTRACKED') return missing === 'skip' ? skipped : NEVER;
    return ask(skb.ct);
  };
};

const addressOption =
  (pick: (ct: CtView) => IpAddress): OptionCompiler =>
  (option, _context, spec) => {
    const prefix = parsePrefix(option.values[0] ?? '');
    return prefix === null ? badValue(option) : connectionAsk(spec, option, (ct) => inPrefix(pick(ct), prefix));
  };

const PORT_UNKNOWN = "the connection's port is not known";

const portOption =
  (pick: (ct: CtView) => number | null): OptionCompiler =>
  (option, _context, spec) => {
    const range = parseRange(option.values[0], 0xffff);
    if (range === null) return badValue(option);
    return connectionAsk(spec, option, (ct) => {
      const port = pick(ct);
      return port === null ? PORT_UNKNOWN : inRange(port, range);
    });
  };

const STATUS_TESTS: Readonly<Record<string, (ct: CtView) => boolean>> = {
  // No bit at all is asked for, so none is ever found: the kernel's mask test is false for every connection.
  NONE: () => false,
  EXPECTED: (ct) => ct.expected,
  SEEN_REPLY: (ct) => ct.seenReply,
  ASSURED: (ct) => ct.assured,
  CONFIRMED: (ct) => ct.confirmed,
};

export const conntrack = optionMatch('conntrack', {
  '--ctstate': (option) => ctStateAsk(option, true),
  '--ctstatus': (option, _context, spec) => {
    const names = (option.values[0] ?? '').split(',');
    if (names.some((name) => !Object.hasOwn(STATUS_TESTS, name))) return badValue(option);
    const tests = names.map((name) => STATUS_TESTS[name] as (ct: CtView) => boolean);
    return connectionAsk(spec, option, (ct) => tests.some((test) => test(ct)));
  },
  '--ctproto': (option, _context, spec) => {
    const protocol = protocolNumberOf(option.values[0] ?? '');
    return protocol === null ? badValue(option) : connectionAsk(spec, option, (ct) => ct.protocol === protocol);
  },
  '--ctdir': (option, _context, spec) => {
    const direction = { ORIGINAL: 'original', REPLY: 'reply' }[option.values[0] ?? ''];
    return direction === undefined ? badValue(option) : connectionAsk(spec, option, (ct) => ct.direction === direction);
  },
  '--ctorigsrc': addressOption((ct) => ct.original.src),
  '--ctorigdst': addressOption((ct) => ct.original.dst),
  '--ctreplsrc': addressOption((ct) => ct.reply.src),
  '--ctrepldst': addressOption((ct) => ct.reply.dst),
  '--ctorigsrcport': portOption((ct) => ct.original.srcPort),
  '--ctorigdstport': portOption((ct) => ct.original.dstPort),
  '--ctreplsrcport': portOption((ct) => ct.reply.srcPort),
  '--ctrepldstport': portOption((ct) => ct.reply.dstPort),
  '--ctexpire': (option, _context, spec) => connectionAsk(spec, option, () => "how long the connection's entry still lives is not known"),
});
