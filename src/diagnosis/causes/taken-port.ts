/** A container publishes the port, but a program of the host sits on it. */
import { listenerFor } from '../../path/local-in.ts';
import { publicationAt } from '../../path/published.ts';
import type { Cause } from '../diagnosis.ts';

export const takenPort: Cause = {
  id: 'taken-port',
  find: ({ verdict, dst, dnat, facts, protocol, inDevice }) => {
    if (verdict.outcome !== 'accept' || verdict.out !== 'local' || dnat !== null || verdict.proxiedTo !== undefined) return null;
    if (dst.ip === null || dst.port === null || (protocol !== 'tcp' && protocol !== 'udp')) return null;
    const published = publicationAt(facts, protocol, dst.ip, dst.port);
    const listener = listenerFor(facts.self.listeners ?? [], protocol, dst.ip, dst.port, inDevice);
    if (published === null || listener === null || listener.program === null) return null;
    // Docker's own programs are no strangers to the port.
    if (listener.program === 'docker-proxy' || listener.program === 'dockerd') return null;
    return {
      sentence: `${published.container.name} publishes port ${dst.port}, but what is asked here is answered by ${listener.program} on the host itself.`,
      evidence: [`${listener.program} listens on ${protocol} port ${dst.port}`],
      fix: `ss -ltnup 'sport = :${dst.port}'`,
      fixFor: 'To see who holds it',
    };
  },
};
