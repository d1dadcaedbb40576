/** The port is published, but for another address of the host than the one that was asked. */
import { formatIp, isUnspecified, parseIp, sameIp } from '../../base/ip-address.ts';
import type { Cause } from '../diagnosis.ts';

export const publishedElsewhere: Cause = {
  id: 'published-elsewhere',
  find: (subject) => {
    const { dst, dnat, protocol, verdict, facts } = subject;
    const asked = dst.ip;
    if (asked === null || !dst.isHost || dst.port === null || dnat !== null || verdict.proxiedTo !== undefined) return null;
    const bindings = facts.containers.flatMap((container) =>
      container.published
        .filter((port) => port.protocol === protocol && port.hostPort === dst.port)
        .map((port) => ({ container, port, ip: parseIp(port.hostIp) })),
    );
    const fits = bindings.some(({ ip }) => ip === null || (isUnspecified(ip) && ip.version === asked.version) || sameIp(ip, asked));
    const [binding] = bindings;
    if (binding === undefined || fits) return null;
    const { container, port } = binding;
    // An IPv6 socket may take IPv4 too, and then it does.
    if (
      binding.ip !== null &&
      isUnspecified(binding.ip) &&
      (binding.ip.version === 6 || verdict.steps.some(({ socket }) => socket === 'open'))
    )
      return null;
    if (binding.ip !== null && isUnspecified(binding.ip))
      return {
        sentence: `${container.name} publishes port ${port.hostPort} for IPv4 only; ${formatIp(asked)} is an IPv6 address.`,
        evidence: [`published as ${port.hostIp}:${port.hostPort} → ${port.containerPort}/${port.protocol}`],
        fix: 'docker network create --ipv6 …',
        fixFor: `To publish it for IPv6 without docker-proxy, ${container.name} needs a network with IPv6`,
      };
    const loopback = binding.ip !== null && binding.ip.version === 4 && binding.ip.a >>> 24 === 127;
    return {
      sentence: loopback
        ? `${container.name} publishes port ${port.hostPort} for this machine only (${port.hostIp}); ${formatIp(asked)}:${port.hostPort} is another address.`
        : `${container.name} publishes port ${port.hostPort} on ${port.hostIp}; you knock at ${formatIp(asked)}.`,
      evidence: [
        `published as ${port.hostIp}:${port.hostPort} → ${port.containerPort}/${port.protocol}; no DNAT rule takes ${formatIp(asked)}:${port.hostPort}`,
      ],
      fix: `docker run -p ${loopback ? '' : `${formatIp(asked)}:`}${port.hostPort}:${port.containerPort} …`,
      fixFor: `To publish it there (${container.name} must be created anew)`,
    };
  },
};
