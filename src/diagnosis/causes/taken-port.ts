/** A container publishes the port, but a program of the host sits on it. */
import type { Cause } from '../diagnosis.ts';

export const takenPort: Cause = {
  id: 'taken-port',
  find: ({ verdict, dst, dnat, facts, protocol }) => {
    if (verdict.outcome !== 'accept' || verdict.out !== 'local' || dnat !== null || dst.port === null || verdict.proxiedTo !== undefined)
      return null;
    const published = facts.containers.find((container) =>
      container.published.some((port) => port.protocol === protocol && port.hostPort === dst.port),
    );
    const listener = facts.self.listeners?.find(
      (candidate) => candidate.protocol === protocol && candidate.port === dst.port && candidate.program !== 'docker-proxy',
    );
    if (published === undefined || listener?.program == null) return null;
    return {
      sentence: `${published.name} publishes port ${dst.port}, but what is asked here is answered by ${listener.program} on the host itself.`,
      evidence: [`${listener.program} listens on ${protocol} port ${dst.port}`],
      fix: `ss -ltnup 'sport = :${dst.port}'`,
      fixFor: 'To see who holds it',
    };
  },
};
