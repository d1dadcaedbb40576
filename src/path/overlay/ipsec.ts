/**
 * IPsec around a tunnel's packets, as an encrypted overlay network has it: a rule marks them, a policy is about marked ones, and a state
 * (security association) carries the policy out. xfrm_lookup and xfrm_tmpl_resolve in net/xfrm/xfrm_policy.c, xfrm_input.c.
 */
import { formatIp, type IpAddress, sameIp } from '../../base/ip-address.ts';
import type { DockerNetwork, XfrmPolicy, XfrmState, XfrmTemplate } from '../../host/facts.ts';
import type { Skb } from '../../netfilter/skb.ts';
import { isAbout } from '../env.ts';
import type { HostModel } from '../model.ts';
import type { DecidedBy } from '../verdict.ts';

export type Securing =
  /** No policy is about the packet: it leaves as it is. */
  | { readonly kind: 'plain' }
  | { readonly kind: 'encrypted'; readonly policy: XfrmPolicy; readonly state: XfrmState; readonly template: XfrmTemplate }
  | { readonly kind: 'lost'; readonly by: DecidedBy; readonly note: string }
  | { readonly kind: 'unknown'; readonly by: DecidedBy; readonly reason: string };

/** The packet behind the host's last hook, its mark as the rules left it. */
export const securing = (model: HostModel, skb: Skb): Securing => {
  const policies = model.self.xfrmPolicies ?? null;
  if (policies === null) {
    const text = 'IPsec policies (ip xfrm policy)';
    return { kind: 'unknown', by: { kind: 'default', text }, reason: `${text} were not read` };
  }
  const policy = policies.find((each) => each.direction === 'out' && isAbout(each, skb));
  if (policy === undefined) return { kind: 'plain' };
  const by: DecidedBy = { kind: 'default', text: policy.text, about: { address: formatIp(skb.dst) } };
  if (policy.blocks) return { kind: 'lost', by: { ...by, reason: 'ipsec-policy' }, note: 'the policy blocks what it is about' };
  const template = policy.templates?.[0];
  if (template === undefined) return { kind: 'plain' };
  const states = model.self.xfrmStates ?? null;
  if (states === null)
    return {
      kind: 'unknown',
      by,
      reason: 'IPsec states (ip xfrm state) were not read: whether the policy can be carried out is not known',
    };
  const state = states.find((each) => carriesOut(each, template));
  if (state === undefined)
    return { kind: 'lost', by: { ...by, reason: 'ipsec-state' }, note: `no IPsec state carries it out: ${template.text}` };
  return { kind: 'encrypted', policy, state, template };
};

const carriesOut = (state: XfrmState, { src, dst, protocol, spi }: XfrmTemplate): boolean =>
  state.protocol === protocol && sameIp(state.src, src) && sameIp(state.dst, dst) && (spi === 0 || spi === state.spi);

/** The state by which the receiver reads what was encrypted: xfrm_state_lookup by destination, index and protocol. */
export const reads = (model: HostModel, { dst, protocol, spi }: XfrmState): 'yes' | 'no' | 'unknown' => {
  const states = model.self.xfrmStates ?? null;
  if (states === null) return 'unknown';
  return states.some((each) => each.protocol === protocol && each.spi === spi && sameIp(each.dst, dst)) ? 'yes' : 'no';
};

/** `docker network create --opt encrypted` leaves the option without a value. */
export const isEncrypted = (network: DockerNetwork | null): boolean => {
  const value = network?.options['encrypted'];
  return value !== undefined && value !== 'false' && value !== '0';
};

export const endsOf = (src: IpAddress, dst: IpAddress): string => `${formatIp(src)} → ${formatIp(dst)}`;
