/** The diagnoses of a case, best first, and the sentences that a person reads: cause, evidence, what to do. */
import { formatIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import { buildCase, splitAddress } from './case.ts';
import { CAUSES } from './causes.ts';
import type { Diagnosis, DiagnosisInput } from './diagnosis.ts';
import { plainSentences } from './plain.ts';

export type { Diagnosis, DiagnosisInput } from './diagnosis.ts';

/** Causes before notes, each in the order of causes.ts; empty where nothing stands out. */
export const diagnose = (input: DiagnosisInput): Diagnosis[] => {
  const found = ofCase(input);
  const causes = found.filter(({ weight }) => weight === 'cause');
  const [first, ...others] = causes;
  const notes = found.filter(({ weight }) => weight === 'note');
  const behind = first === undefined ? [] : behindProxyOf(input);
  return first === undefined ? notes : [first, ...behind, ...others, ...notes];
};

/** What stops the connection that docker-proxy makes: a case of its own. */
const behindProxyOf = (input: DiagnosisInput): Diagnosis[] => {
  const to = input.verdict.proxiedTo;
  if (to === undefined || to.verdict === null || to.from === null || to.client === 'carried') return [];
  const { ip, port } = splitAddress(to.address);
  if (ip === null || port === null) return [];
  const { facts, topology, spec } = input;
  const second = { in: null, src: to.from, dst: formatIp(ip), proto: spec.proto, dport: port };
  const found = ofCase({ spec: second, verdict: to.verdict, reply: to.reply, flow: null, facts, topology });
  return found.filter(({ weight }) => weight === 'cause');
};

const ofCase = (input: DiagnosisInput): Diagnosis[] => {
  const subject = buildCase(input);
  const by = subject.obstacle?.verdict.decidedBy;
  // A tunnel's packet is another one than what was asked about.
  const isInside = by?.namespace !== undefined || by?.tunnel !== undefined;
  return CAUSES.flatMap((cause): Diagnosis[] => {
    if (isInside && cause.inside !== true) return [];
    const finding = cause.find(subject);
    if (finding === null) return [];
    return [
      {
        id: cause.id,
        weight: finding.weight ?? 'cause',
        sentence: printable(finding.sentence),
        evidence: (finding.evidence ?? []).map(printable),
        fix: finding.fix === undefined ? null : printable(finding.fix),
        fixFor: finding.fix === undefined ? null : printable(finding.fixFor ?? 'To mend it'),
      },
    ];
  });
};

/** At least one sentence: the best cause, or in plain words what happens, and whatever else there is to know. */
export const whySentences = (input: DiagnosisInput): string[] => {
  const found = diagnose(input);
  const [best, ...others] = found;
  const lead = best?.weight === 'cause' ? told(best) : plainSentences(buildCase(input)).map(printable);
  const rest = best?.weight === 'cause' ? others : found;
  return [...lead, ...rest.slice(0, 2).flatMap((one) => (one.weight === 'cause' ? [`Also: ${one.sentence}`, ...fixOf(one)] : told(one)))];
};

const told = (one: Diagnosis): string[] => [one.sentence, ...one.evidence, ...fixOf(one)];

const fixOf = (one: Diagnosis): string[] => (one.fix === null ? [] : [`${one.fixFor ?? 'To mend it'}: ${one.fix}`]);
