/**
 * Will an answer come back at all to a packet that left the host? Not to a source that nobody on the link answers for; and where the
 * source is not the host's own, whether others know the way to it cannot be seen from here.
 */
import { formatIp, inPrefix } from '../base/ip-address.ts';
import { isLocalAddress } from './env.ts';
import type { HostModel } from './model.ts';
import { answersFor } from './proxy.ts';
import type { DecidedBy, PacketSpec } from './verdict.ts';
import { drop, undetermined, type Walk, walkWith } from './walk.ts';

/** `reply` is the answer's own way through the host, `blank` a walk of it that has not begun. */
export const withWayBack = (model: HostModel, spec: PacketSpec, request: Walk, reply: readonly Walk[], blank: Walk): readonly Walk[] => {
  const gap = gapOf(model, spec, request);
  if (gap === null) return reply;
  if (gap.sure) return [drop(blank, 'routing', gap.by, gap.text)];
  // What the host would drop anyway is dropped, whoever brings it back.
  return reply.map((walk) => (walk.end?.outcome === 'accept' ? undetermined(walkWith(walk, { end: null }), gap.by, gap.text) : walk));
};

interface Gap {
  /** True where the answer is lost for sure. */
  readonly sure: boolean;
  readonly by: DecidedBy;
  readonly text: string;
}

const gapOf = (model: HostModel, spec: PacketSpec, request: Walk): Gap | null => {
  const { end, skb } = request;
  if (end === null || end.out === null || end.out === 'local' || end.deliveredTo !== undefined || end.out === spec.in) return null;
  const own = isLocalAddress(model, skb.src);
  const src = formatIp(skb.src);
  const made = request.nat.some((nat) => nat.kind === 'snat' || nat.kind === 'masquerade') ? 'made up by the rule' : 'not translated';
  const onLink = model.addressesOf(end.out).some((entry) => entry.ip.version === skb.family && inPrefix(skb.src, entry.prefix));
  if (!onLink) {
    if (own === true) return null;
    const peer = formatIp(request.nextHop ?? skb.dst);
    const by: DecidedBy = { kind: 'route', text: `the way of ${peer} back to ${src}`, reason: 'way-back-unknown', about: { address: src } };
    return {
      sure: false,
      by,
      text: `whether ${peer} has a route back to ${src} by this host is not seen from here: the source is ${made}`,
    };
  }
  const answers = answersFor(model, end.out, skb.src, request.nextHop ?? skb.dst);
  if (answers.value === true) return null;
  const asks = skb.family === 4 ? 'ARP' : 'neighbour solicitation';
  const by: DecidedBy = {
    kind: kindOf(answers.text),
    text: answers.text,
    reason: 'answer-unasked',
    about: { address: src, device: end.out },
  };
  if (answers.value === null)
    return { sure: false, by, text: `whether the host answers the ${asks} for ${src} on ${end.out} is not known` };
  return {
    sure: true,
    by,
    text: `the answer is for ${src}, which is on the link of ${end.out}, and nobody there answers the ${asks} for it`,
  };
};

const kindOf = (text: string): DecidedBy['kind'] =>
  text.startsWith('net.') ? 'sysctl' : text.startsWith('proxy ') ? 'neighbour' : 'route';
