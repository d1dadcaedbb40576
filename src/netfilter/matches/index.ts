/** Every match that can be evaluated: one line each. A match that is not here is kept as data and answers unknown. */
import { addrtype } from './addrtype.ts';
import { bpf } from './bpf.ts';
import { ah, CHANCE_MATCHES, esp } from './chance.ts';
import { comment } from './comment.ts';
import type { MatchModule } from './condition.ts';
import { connmark } from './connmark.ts';
import { conntrack } from './conntrack.ts';
import { dccp } from './dccp.ts';
import { dscp } from './dscp.ts';
import { ecn } from './ecn.ts';
import { generic } from './generic.ts';
import { icmp } from './icmp.ts';
import { icmp6 } from './icmp6.ts';
import { iprange } from './iprange.ts';
import { length } from './length.ts';
import { mac } from './mac.ts';
import { mark } from './mark.ts';
import { multiport } from './multiport.ts';
import { owner } from './owner.ts';
import { physdev } from './physdev.ts';
import { pkttype } from './pkttype.ts';
import { policy } from './policy.ts';
import { rpfilter } from './rpfilter.ts';
import { sctp } from './sctp.ts';
import { set } from './set.ts';
import { state } from './state.ts';
import { tcp } from './tcp.ts';
import { tcpmss } from './tcpmss.ts';
import { tos } from './tos.ts';
import { hl, ttl } from './ttl.ts';
import { u32 } from './u32.ts';
import { udp } from './udp.ts';

export const MATCHES: readonly MatchModule[] = [
  generic,
  addrtype,
  ah,
  bpf,
  comment,
  connmark,
  conntrack,
  dccp,
  dscp,
  ecn,
  esp,
  hl,
  icmp,
  icmp6,
  iprange,
  length,
  mac,
  mark,
  multiport,
  owner,
  physdev,
  pkttype,
  policy,
  rpfilter,
  sctp,
  set,
  state,
  tcp,
  tcpmss,
  tos,
  ttl,
  u32,
  udp,
  ...CHANCE_MATCHES,
];
