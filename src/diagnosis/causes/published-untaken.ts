/**
 * A container publishes the port here, yet no DNAT rule takes the packet and no docker-proxy: without its proxy dockerd binds the ports that
 * it publishes, so that nobody else takes them, and never accepts. The kernel then completes one handshake, which nobody ever answers.
 */

import { type IpAddress, parseIp } from '../../base/ip-address.ts';
import { listenerFor } from '../../path/local-in.ts';
import { publicationAt } from '../../path/published.ts';
import type { Cause } from '../diagnosis.ts';

export const publishedUntaken: Cause = {
  id: 'published-untaken',
  find: ({ verdict, dst, dnat, facts, protocol, inDevice }) => {
    const { listeners } = facts.self;
    if (verdict.outcome !== 'accept' || verdict.out !== 'local' || dnat !== null || verdict.proxiedTo !== undefined) return null;
    if (dst.ip === null || dst.port === null || listeners === null || (protocol !== 'tcp' && protocol !== 'udp')) return null;
    const published = publicationAt(facts, protocol, dst.ip, dst.port);
    const listener = listenerFor(listeners, protocol, dst.ip, dst.port, inDevice);
    if (published === null || !isBoundFor(published.port.hostIp, dst.ip) || (listener !== null && listener.program !== 'dockerd'))
      return null;
    const { container } = published;
    const what =
      listener === null
        ? 'nobody listens there'
        : protocol === 'udp'
          ? 'dockerd only keeps the port busy, and reads nothing'
          : 'dockerd only keeps the port busy: a first client may be connected, but nobody ever answers it, and others time out';
    return {
      sentence: `${container.name} publishes port ${dst.port}, but neither a DNAT rule nor docker-proxy takes this packet: ${what}.`,
      evidence: [listener === null ? `nothing listens on ${protocol} port ${dst.port}` : `dockerd listens on ${protocol} port ${dst.port}`],
      fix: 'systemctl restart docker',
      fixFor: "To have Docker's rules written again",
    };
  },
};

const isBoundFor = (hostIp: string, ip: IpAddress): boolean => hostIp === '' || parseIp(hostIp)?.version === ip.version;
