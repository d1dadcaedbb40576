/** The host's end of a container's cable is not plugged into the bridge of its network, or is down. */
import type { Cause } from '../diagnosis.ts';

export const unplugged: Cause = {
  id: 'unplugged',
  find: ({ src, target, obstacle, unanswered, facts }) => {
    for (const end of [target, src]) {
      const { container, endpoint, network } = end;
      const host = endpoint?.host ?? null;
      if (container === null || endpoint === null || host?.kind !== 'veth' || host.interface === null || network?.claimedBridge == null)
        continue;
      const loose = host.bridge !== network.claimedBridge;
      const port = facts.self.bridgePorts?.find((candidate) => candidate.dev === host.interface) ?? null;
      const closed =
        obstacle !== null &&
        obstacle.verdict.decidedBy.kind === 'bridge' &&
        obstacle.verdict.decidedBy.text.startsWith(`port ${host.interface} of`) &&
        obstacle.verdict.decidedBy.text.includes(': state ');
      const down = endpoint.warnings.find((warning) => warning.endsWith(' is down'));
      if (!loose && !closed && (down === undefined || (obstacle === null && !unanswered))) continue;
      const what = loose
        ? host.bridge === null
          ? `is not plugged into its bridge ${network.claimedBridge}`
          : `is plugged into ${host.bridge} instead of ${network.claimedBridge}`
        : down !== undefined
          ? `is dead: ${down}`
          : `is cut: its bridge port is ${port?.state ?? 'closed'}`;
      return {
        sentence: `${container.name}'s cable (${host.interface}) ${what}; something else manages that interface, such as NetworkManager or systemd-networkd.`,
        evidence: [endpoint.warnings[0] ?? obstacle?.verdict.decidedBy.text ?? `${host.interface} master ${host.bridge ?? 'none'}`],
        fix: loose
          ? `ip link set ${host.interface} master ${network.claimedBridge} up`
          : `ip link set ${down?.replace(/^bridge /, '').split(' ')[0] ?? host.interface} up`,
        fixFor: 'To plug it in again',
      };
    }
    return null;
  },
};
