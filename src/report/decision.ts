/** What decided a packet's fate, in the words that rows and lines use: `filter DOCKER-ISOLATION-STAGE-2 #1`, `FORWARD policy`. */
import { assertNever } from '../base/assert-never.ts';
import { printable } from '../base/printable.ts';
import type { DecidedBy, ProxiedConnection, Verdict, VerdictNat, VerdictNearMiss, VerdictOutcome, VerdictStep } from '../path/verdict.ts';

/** Verdicts are shouted in text, so that they stand out without colour. */
export const outcomeWord = (outcome: VerdictOutcome): string => outcome.toUpperCase();

export const outcomeTone = (outcome: VerdictOutcome): 'good' | 'warn' | 'bad' =>
  outcome === 'accept' ? 'good' : outcome === 'undetermined' ? 'warn' : 'bad';

/** A route as `ip route` prints it, as opposed to a sentence about routes. */
const ROUTE = /^(default|unicast|local|broadcast|multicast|anycast|blackhole|unreachable|prohibit|throw|[0-9a-f:.]+(\/\d+)?) /;

/** `filter FORWARD #9`. The backend is named where it is not the usual one: two may be active at once and rule each on its own. */
export const decisionWords = (verdict: Verdict): string => decidedByWords(verdict.decidedBy);

export const decidedByWords = (by: DecidedBy): string =>
  by.namespace === undefined || by.text.includes(by.namespace) ? ownWords(by) : printable(`${ownWords(by)} in ${by.namespace}`);

const ownWords = (by: DecidedBy): string => {
  switch (by.kind) {
    case 'rule':
      return printable(`${place(by)}${by.rule === undefined ? '' : ` #${by.rule}`}${backendNote(by)}`);
    case 'policy':
      return printable(`${by.table === 'filter' ? (by.chain ?? '') : place(by)} policy${backendNote(by)}`);
    case 'route':
      return printable(ROUTE.test(by.text) ? `route ${by.text}` : by.text || 'no route');
    case 'sysctl':
      return printable(`sysctl ${by.text}`);
    case 'bridge':
      return printable(by.text.startsWith('port ') ? `bridge ${by.text}` : by.text);
    case 'neighbour':
      return printable(`neighbour ${by.text}`);
    case 'default':
      return printable(by.text);
    default:
      return assertNever(by.kind);
  }
};

/** `DNAT → 172.17.0.2:80`, `MASQUERADE as 203.0.113.1`; null where nothing is translated. */
export const natWords = (verdict: Verdict, arrow = '→'): string | null =>
  verdict.nat.length === 0 ? null : verdict.nat.map((nat) => natPhrase(nat, arrow)).join(' · ');

/** Decision and translations in the order in which they happen: destination first, the source last. */
export const byWords = (verdict: Verdict, arrow = '→'): string => {
  const early = verdict.nat.filter((nat) => isDestination(nat)).map((nat) => natPhrase(nat, arrow));
  const late = verdict.nat.filter((nat) => !isDestination(nat)).map((nat) => natPhrase(nat, arrow));
  const proxied = verdict.proxiedTo === undefined ? [] : [proxyPhrase(verdict.proxiedTo, arrow)];
  return [...early, decisionWords(verdict), ...late, ...proxied].join(' · ');
};

/** `docker-proxy → pub 172.17.0.2:80`, with the outcome where its own connection does not get there. */
export const proxyPhrase = (proxied: ProxiedConnection, arrow = '→'): string => {
  const fate = { carried: '', closed: ' (refused there)', silent: ' (lost there)', unknown: '' }[proxied.client];
  return printable(`docker-proxy ${arrow} ${proxied.container === null ? '' : `${proxied.container} `}${proxied.address}${fate}`);
};

export const natPhrase = (nat: VerdictNat, arrow = '→'): string =>
  printable(
    `${nat.kind.toUpperCase()} ${isDestination(nat) ? arrow : 'as'} ${nat.to}${nat.namespace === undefined ? '' : ` in ${nat.namespace}`}`,
  );

const isDestination = (nat: VerdictNat): boolean => nat.kind === 'dnat' || nat.kind === 'redirect';

const place = (by: DecidedBy): string =>
  [by.backend === 'nftables' ? `nft ${by.family ?? ''}` : '', by.table ?? '', by.chain ?? ''].filter(Boolean).join(' ').replace('  ', ' ');

const backendNote = (by: DecidedBy): string => (by.backend === 'legacy' ? ' (legacy)' : '');

/** Index of the step that is the verdict's decider, -1 where the path ends on something that is no step. */
export const decisiveStep = (verdict: Verdict): number => {
  const { decidedBy } = verdict;
  for (let index = verdict.steps.length - 1; index >= 0; index--) {
    const step = verdict.steps[index] as VerdictStep;
    const sameBackend = (step.backend ?? null) === (decidedBy.backend ?? null) && (step.family ?? null) === (decidedBy.family ?? null);
    if (!sameBackend || step.namespace !== decidedBy.namespace) continue;
    const sameRule =
      step.table === (decidedBy.table ?? null) && step.chain === (decidedBy.chain ?? null) && step.rule === (decidedBy.rule ?? null);
    if (sameRule && step.text === decidedBy.text) return index;
    if (decidedBy.kind === 'policy' && step.action === 'policy' && step.table === decidedBy.table && step.chain === decidedBy.chain)
      return index;
  }
  return -1;
};

/** The rule without `-A CHAIN`, for where the chain stands before it already. */
export const inChain = (step: { readonly chain: string | null; readonly text: string }): string => {
  const start = `-A ${step.chain ?? ''} `;
  return step.chain !== null && step.text.startsWith(start) ? step.text.slice(start.length) : step.text;
};

/** `--dport 8080: the packet has dport 80`. */
export const missWords = (miss: VerdictNearMiss): string =>
  miss.has === undefined ? miss.failed : `${miss.failed}: the packet has ${miss.has}`;
