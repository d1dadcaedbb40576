/** A macvlan or ipvlan child and its own host cannot talk over the parent (drivers/net/macvlan.c). */
import { formatIp } from '../../base/ip-address.ts';
import type { End } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

const isChild = ({ network }: End): boolean => network?.driver === 'macvlan' || network?.driver === 'ipvlan';

export const macvlanHost: Cause = {
  id: 'macvlan-host',
  find: ({ obstacle, src, target }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'parent-and-child') return null;
    const child = [target, src].find((end) => isChild(end)) ?? target;
    const kind = child.network?.driver === 'ipvlan' ? 'ipvlan' : 'macvlan';
    const parent = by.about?.device ?? child.endpoint?.host?.parent ?? 'eth0';
    return {
      sentence: `${child.name} hangs on ${parent} by ${kind}, and the kernel never passes packets between such a child and its own host; other machines reach it.`,
      evidence: [by.text],
      fix: `ip link add shim link ${parent} type ${kind} mode ${kind === 'macvlan' ? 'bridge' : 'l2'} && ip link set shim up && ip route add ${child.ip === null ? 'ADDRESS' : formatIp(child.ip)} dev shim`,
      fixFor: 'To give the host a child of its own beside it',
    };
  },
};
