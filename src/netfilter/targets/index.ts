/** Every target that can be evaluated: one line each. Any other ends the evaluation with `unknown`. */
import { BESIDE_TARGETS } from './beside.ts';
import { connmark } from './connmark.ts';
import { ct, notrack } from './ct.ts';
import { HANDED_OVER_TARGETS } from './handed-over.ts';
import { dscp, ecn, hl, tos, ttl } from './header.ts';
import { audit, log, nflog, trace, ulog } from './log.ts';
import { hmark, mark } from './mark.ts';
import { dnat, masquerade, netmap, redirect, snat } from './nat.ts';
import { reject } from './reject.ts';
import { accept, drop, returnTarget } from './standard.ts';
import type { TargetModule } from './target.ts';

export const TARGETS: readonly TargetModule[] = [
  accept,
  audit,
  connmark,
  ct,
  dnat,
  drop,
  dscp,
  ecn,
  hl,
  hmark,
  log,
  mark,
  masquerade,
  netmap,
  nflog,
  notrack,
  redirect,
  reject,
  returnTarget,
  snat,
  tos,
  trace,
  ttl,
  ulog,
  ...BESIDE_TARGETS,
  ...HANDED_OVER_TARGETS,
];
