/** A macvlan or ipvlan child and its own host cannot talk over the parent (drivers/net/macvlan.c). */
import { formatIp } from '../../base/ip-address.ts';
import type { Cause } from '../diagnosis.ts';

export const macvlanHost: Cause = {
  id: 'macvlan-host',
  find: ({ obstacle, src, target }) => {
    const by = obstacle?.verdict.decidedBy;
    const kind = by?.kind === 'bridge' ? /^(macvlan|ipvlan): /.exec(by.text)?.[1] : undefined;
    if (obstacle === null || by === undefined || kind === undefined) return null;
    const child = [target, src].find((end) => end.endpoint?.host?.kind === kind) ?? target;
    const parent = child.endpoint?.host?.parent ?? 'eth0';
    return {
      sentence: `${child.name} hangs on ${parent} by ${kind}, and the kernel never passes packets between such a child and its own host; other machines reach it.`,
      evidence: [by.text],
      fix: `ip link add shim link ${parent} type ${kind} mode ${kind === 'macvlan' ? 'bridge' : 'l2'} && ip link set shim up && ip route add ${child.ip === null ? 'ADDRESS' : formatIp(child.ip)} dev shim`,
      fixFor: 'To give the host a child of its own beside it',
    };
  },
};
