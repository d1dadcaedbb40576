/** What happens to a packet in plain words, true of every verdict: who lets it pass or stops it, what is translated, where it ends. */
import { assertNever } from '../base/assert-never.ts';
import type { Verdict, VerdictNat } from '../path/verdict.ts';
import { type Case, networkOn, splitAddress } from './case.ts';
import { bridgeWords, deciderWords, kindWords, rulingLine, rulingSentence, withPort } from './words.ts';

export const plainSentences = (subject: Case): string[] => {
  const { verdict } = subject;
  switch (verdict.outcome) {
    case 'accept':
      return [...accepted(subject), ...translations(subject), ...replySentences(subject)];
    case 'drop':
      return [`${what(subject)} is dropped silently: ${subject.src.name} hears nothing and waits.`, ...stopped(subject)];
    case 'reject':
      return [`${what(subject)} is refused, and ${subject.src.name} is told so${answerWords(verdict)}.`, ...stopped(subject)];
    case 'undetermined':
      return undeterminedSentences(subject);
    default:
      return assertNever(verdict.outcome);
  }
};

const what = (subject: Case): string => {
  const port = subject.protocol === 'tcp' || subject.protocol === 'udp' ? subject.dst.port : null;
  return `${capital(kindWords(subject.spec, subject.protocol))} from ${subject.src.name} to ${withPort(subject.dst, port)}`;
};

const capital = (text: string): string =>
  /^(tcp|udp)$/.test(text) ? text.toUpperCase() : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const accepted = (subject: Case): string[] => {
  const { verdict, src } = subject;
  const by = verdict.decidedBy;
  const allows =
    by.kind === 'rule'
      ? rulingLine(verdict)
      : by.kind === 'policy'
        ? `no rule objects and ${deciderWords(by)} lets it pass.`
        : `${by.text}.`;
  const told = (how: string): string[] => [`${what(subject)} ${how}; ${allows}`];
  if (verdict.out === 'local') {
    const closed = verdict.steps.find((step) => step.socket === 'closed');
    return told(
      closed === undefined
        ? 'is delivered to the host itself'
        : `reaches the host itself, where ${closed.text} (${closed.note ?? 'it is refused'})`,
    );
  }
  const receiver = verdict.deliveredTo;
  if (receiver !== undefined) {
    const inside = src.bridge !== null && src.bridge === verdict.out;
    return told(`is delivered to ${receiver.container} ${inside ? 'inside' : 'in'} network ${receiver.network}`);
  }
  if (verdict.out === null) return told('passes');
  return told(
    networkOn(subject, verdict.out) === null ? `leaves the host by ${verdict.out}` : `goes to ${bridgeWords(subject, verdict.out)}`,
  );
};

const translations = (subject: Case): string[] => subject.verdict.nat.map((nat) => translation(nat));

const translation = (nat: VerdictNat): string => {
  const rule = nat.by.rule === 0 ? nat.by.text : `rule ${nat.by.rule} of ${nat.by.chain} in table ${nat.by.table}`;
  switch (nat.kind) {
    case 'dnat':
      return `${capital(rule)} sends what is for ${nat.from} to ${nat.to} (DNAT).`;
    case 'redirect':
      return `${capital(rule)} redirects what is for ${nat.from} to ${nat.to} on the host.`;
    case 'snat':
    case 'masquerade': {
      const address = nat.to.replace(/:\d+$/, splitAddress(nat.to).port === null ? '$&' : '');
      return `${capital(rule)} hides ${nat.from} behind ${address} (${nat.kind === 'snat' ? 'SNAT' : 'MASQUERADE'}).`;
    }
    default:
      return assertNever(nat.kind);
  }
};

const replySentences = (subject: Case): string[] => {
  const { reply, target } = subject;
  if (reply === null) return [];
  switch (reply.outcome) {
    case 'accept':
      return ['The answer is let through as well.'];
    case 'drop':
      return [`But the answer of ${target.name} is dropped: ${rulingLine(reply)}`];
    case 'reject':
      return [`But the answer of ${target.name} is refused: ${rulingLine(reply)}`];
    case 'undetermined':
      return [`Whether the answer gets through depends on ${deciderWords(reply.decidedBy)}.`];
    default:
      return assertNever(reply.outcome);
  }
};

const stopped = (subject: Case): string[] => [rulingSentence(subject.verdict), ...translations(subject)];

/** What the sender's program sees; RFC 792, RFC 1122 4.2.3.9, Linux ip(7). */
const answerWords = (verdict: Verdict): string => {
  const way = verdict.rejectWith ?? '';
  if (way === '') return '';
  if (way === 'tcp-reset') return ' by a reset ("Connection refused")';
  if (/port-unreach/.test(way)) return ' by "port unreachable" ("Connection refused")';
  if (/proto-unreach/.test(way)) return ' by "protocol unreachable"';
  if (/net-unreach|no-route/.test(way)) return ' by "network unreachable"';
  return ` by ${way} ("No route to host")`;
};

const undeterminedSentences = (subject: Case): string[] => {
  const { verdict } = subject;
  const reasons = verdict.unknowns.slice(0, 3);
  return [
    `What happens to ${kindWords(subject.spec, subject.protocol)} from ${subject.src.name} to ${subject.dst.name} cannot be said: it depends on ${deciderWords(verdict.decidedBy)}.`,
    ...(verdict.decidedBy.kind === 'rule' ? [verdict.decidedBy.text] : []),
    ...reasons.map((reason) => `Not known: ${reason}.`),
    ...(verdict.unknowns.length > reasons.length ? [`And ${verdict.unknowns.length - reasons.length} more things are not known.`] : []),
  ];
};
