/** A verdict as JSON, as docs/formats.md has it. Field names and order are a contract with other programs. */
import type { DecidedBy, ProxiedConnection, Verdict, VerdictNat, VerdictNearMiss, VerdictPhase, VerdictStep } from '../path/verdict.ts';

/** Absent fields are left out; `unknowns` and `nat` are there even when empty. */
export const verdictJson = (verdict: Verdict): Record<string, unknown> => ({
  outcome: verdict.outcome,
  decidedBy: decidedByJson(verdict.decidedBy),
  ...(verdict.rejectWith === undefined ? {} : { rejectWith: verdict.rejectWith }),
  nat: verdict.nat.map(natJson),
  out: verdict.out,
  ...(verdict.deliveredTo === undefined
    ? {}
    : { deliveredTo: { container: verdict.deliveredTo.container, network: verdict.deliveredTo.network } }),
  ...(verdict.proxiedTo === undefined ? {} : { proxiedTo: proxiedJson(verdict.proxiedTo) }),
  steps: verdict.steps.map(stepJson),
  unknowns: verdict.unknowns,
  evidence: verdict.evidence,
  ...(verdict.nearMisses === undefined ? {} : { nearMisses: verdict.nearMisses.map(nearMissJson) }),
  ...(verdict.phases === undefined ? {} : { phases: verdict.phases.map(phaseJson) }),
});

const proxiedJson = (proxied: ProxiedConnection): Record<string, unknown> => ({
  container: proxied.container,
  address: proxied.address,
  from: proxied.from,
  outcome: proxied.outcome,
  client: proxied.client,
  verdict: proxied.verdict === null ? null : verdictJson(proxied.verdict),
  reply: proxied.reply === null ? null : verdictJson(proxied.reply),
});

export const decidedByJson = (by: DecidedBy): Record<string, unknown> => ({
  kind: by.kind,
  ...(by.backend === undefined ? {} : { backend: by.backend }),
  ...(by.family === undefined ? {} : { family: by.family }),
  ...(by.table === undefined ? {} : { table: by.table }),
  ...(by.chain === undefined ? {} : { chain: by.chain }),
  ...(by.rule === undefined ? {} : { rule: by.rule }),
  text: by.text,
  ...(by.counters === undefined ? {} : { counters: { packets: by.counters.packets, bytes: by.counters.bytes } }),
  ...(by.reason === undefined ? {} : { reason: by.reason }),
  ...(by.about === undefined ? {} : { about: by.about }),
  ...(by.namespace === undefined ? {} : { namespace: by.namespace }),
  ...(by.tunnel === undefined ? {} : { tunnel: by.tunnel }),
});

export const natJson = (nat: VerdictNat): Record<string, unknown> => ({
  kind: nat.kind,
  from: nat.from,
  to: nat.to,
  by: { table: nat.by.table, chain: nat.by.chain, rule: nat.by.rule, text: nat.by.text },
  ...(nat.namespace === undefined ? {} : { namespace: nat.namespace }),
});

export const stepJson = (step: VerdictStep): Record<string, unknown> => ({
  hook: step.hook,
  table: step.table,
  chain: step.chain,
  rule: step.rule,
  text: step.text,
  action: step.action,
  ...(step.backend === undefined ? {} : { backend: step.backend }),
  ...(step.family === undefined ? {} : { family: step.family }),
  ...(step.note === undefined ? {} : { note: step.note }),
  ...(step.uncertain === undefined ? {} : { uncertain: step.uncertain }),
  ...(step.namespace === undefined ? {} : { namespace: step.namespace }),
});

const phaseJson = (phase: VerdictPhase, index: number): Record<string, unknown> => ({
  phase: index + 1,
  kind: phase.kind,
  ...(phase.namespace === undefined ? {} : { namespace: phase.namespace }),
  hook: phase.hook,
  ...(phase.backend === undefined ? {} : { backend: phase.backend }),
  ...(phase.family === undefined ? {} : { family: phase.family }),
  table: phase.table,
  chain: phase.chain,
  result: phase.result,
  text: phase.text,
  ...(phase.note === undefined ? {} : { note: phase.note }),
  ...(phase.asked === undefined ? {} : { asked: phase.asked }),
  ...(phase.matched === undefined ? {} : { matched: phase.matched }),
  steps: [phase.steps[0], phase.steps[1]],
  packet: { src: phase.packet.src, dst: phase.packet.dst },
  ...(phase.sent === undefined ? {} : { sent: { src: phase.sent.src, dst: phase.sent.dst } }),
});

const nearMissJson = (miss: VerdictNearMiss): Record<string, unknown> => ({
  hook: miss.hook,
  table: miss.table,
  chain: miss.chain,
  rule: miss.rule,
  text: miss.text,
  failed: miss.failed,
  ...(miss.has === undefined ? {} : { has: miss.has }),
  ...(miss.namespace === undefined ? {} : { namespace: miss.namespace }),
});
