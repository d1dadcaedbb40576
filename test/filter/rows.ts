/** Flows to be filtered, with what a test cares about and the rest made plausible. */

import type { FilterRow, FilterVerdict } from '../../src/filter/row.ts';
import type { Flow } from '../../src/flow/flow.ts';
import type { DecidedBy, Verdict, VerdictNat, VerdictStep } from '../../src/path/verdict.ts';
import { ip } from '../addresses.ts';
import { aFlow } from '../flow/a-flow.ts';

export const verdictOf = (
  outcome: Verdict['outcome'],
  decidedBy: Partial<DecidedBy> = {},
  more: { readonly nat?: readonly VerdictNat[]; readonly steps?: readonly VerdictStep[]; readonly out?: string } = {},
): Verdict => ({
  outcome,
  decidedBy: { kind: 'rule', text: '-A FORWARD -j ACCEPT', table: 'filter', chain: 'FORWARD', rule: 9, ...decidedBy },
  nat: more.nat ?? [],
  out: more.out ?? null,
  steps: more.steps ?? [],
  unknowns: [],
  evidence: 'predicted',
});

export const seen = (verdict: Verdict, reply: Verdict | null = null): FilterVerdict => ({
  verdict,
  reply,
  contradiction: null,
  changes: [],
});

export const rowOf = (flow: Partial<Flow> = {}, row: Partial<FilterRow> = {}): FilterRow => ({
  flow: aFlow({
    a: ip('172.18.0.2'),
    b: ip('198.18.20.3'),
    aPort: 40_000,
    bPort: 80,
    aMac: 0x0242ac120002,
    bMac: 0x0242ac120001,
    vlan: 0,
    icmpType: 0,
    icmpCode: 0,
    packets: [3, 2],
    bytes: [300, 200],
    firstSec: 1,
    lastSec: 2,
    rttNs: 160_000,
    minRttNs: 160_000,
    ...flow,
  }),
  aName: 'web1',
  bName: 'web2',
  protocol: 'tcp',
  state: 'established',
  verdict: null,
  ...row,
});
