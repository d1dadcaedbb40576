/** The host's end of a container's cable is not plugged into the bridge of its network, or is down. */
import type { HostFacts } from '../../host/facts.ts';
import type { Cause } from '../diagnosis.ts';

const isDown = (facts: HostFacts, name: string): boolean => {
  const link = facts.self.links?.find((candidate) => candidate.name === name);
  return link !== undefined && link.flags.length > 0 && !link.flags.includes('UP');
};

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
        obstacle.verdict.decidedBy.reason === 'port-down' &&
        obstacle.verdict.decidedBy.about?.device === host.interface;
      const down = [host.interface, host.bridge].find((name) => name !== null && isDown(facts, name)) ?? undefined;
      if (!loose && !closed && (down === undefined || (obstacle === null && !unanswered))) continue;
      const what = loose
        ? host.bridge === null
          ? `is not plugged into its bridge ${network.claimedBridge}`
          : `is plugged into ${host.bridge} instead of ${network.claimedBridge}`
        : down !== undefined
          ? `is dead: ${down === host.bridge ? `bridge ${down}` : down} is down`
          : `is cut: its bridge port is ${port?.state ?? 'closed'}`;
      return {
        sentence: `${container.name}'s cable (${host.interface}) ${what}; something else manages that interface, such as NetworkManager or systemd-networkd.`,
        evidence: [endpoint.warnings[0] ?? obstacle?.verdict.decidedBy.text ?? `${host.interface} master ${host.bridge ?? 'none'}`],
        fix: loose ? `ip link set ${host.interface} master ${network.claimedBridge} up` : `ip link set ${down ?? host.interface} up`,
        fixFor: 'To plug it in again',
      };
    }
    return null;
  },
};
