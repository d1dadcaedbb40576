/** The port is published, but for another address of the host than the one that was asked. */
import { formatIp, parseIp, sameIp } from '../../base/ip-address.ts';
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
    const fits = bindings.some(({ ip }) => ip === null || isAny(ip) || sameIp(ip, asked));
    const [binding] = bindings;
    if (binding === undefined || fits) return null;
    const { container, port } = binding;
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

const isAny = (ip: { a: number; b: number; c: number; d: number }): boolean => ip.a === 0 && ip.b === 0 && ip.c === 0 && ip.d === 0;
