/** macvlan, ipvlan and overlay traffic passes below or beside the host's rules: no rule of the host is asked. */
import type { Cause } from '../diagnosis.ts';

export const besideHostRules: Cause = {
  id: 'beside-host-rules',
  find: ({ obstacle, src, target }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'beside-host-rules') return null;
    const end = [src, target].find(({ network, container }) => container !== null && network !== null && network.driver !== 'bridge');
    if (end?.network == null) return null;
    const { driver, name } = end.network;
    const parent = end.endpoint?.host?.parent ?? null;
    const way =
      driver === 'overlay'
        ? 'it travels inside VXLAN (UDP 4789), and the host sees only that'
        : `its frames leave by ${parent ?? 'the parent interface'} below the firewall`;
    return {
      sentence: `${end.name} is on network ${name} (${driver}): ${way}. No rule of this host touches it; what happens is decided elsewhere.`,
      evidence: obstacle.verdict.unknowns.slice(0, 1),
      ...(parent === null ? {} : { fix: `vethscope capture ${end.name}`, fixFor: 'To see what really passes' }),
    };
  },
};
