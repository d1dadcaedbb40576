/** Conntrack still holds a decision from before the DNAT rule; nat is asked for new connections only (nf_nat_core.c). */
import { type IpAddress, sameIp } from '../../base/ip-address.ts';
import { isLoopback } from '../../path/address-kinds.ts';
import { listenerFor } from '../../path/local-in.ts';
import type { Case } from '../case.ts';
import type { Cause, Finding } from '../diagnosis.ts';
import { coversDestinationPort, rulesetsOf, rulesIn } from '../rule-shape.ts';

const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = { tcp: 6, udp: 17 };

export const staleConntrack: Cause = {
  id: 'stale-conntrack',
  find: (subject) => {
    const { facts, src, dst, dnat, protocol, spec } = subject;
    const { ip, port } = dst;
    const from = src.ip;
    if (ip === null || from === null || port === null || !dst.isHost || dnat !== null) return kept(subject);
    const published = facts.containers.find((container) =>
      container.published.some((entry) => entry.protocol === protocol && entry.hostPort === port),
    );
    if (published === undefined || isProxied(subject, ip, port)) return kept(subject);
    const stale = facts.self.conntrack?.find(
      ({ protocol: number, original, reply }) =>
        number === PROTOCOL_NUMBERS[protocol] &&
        sameIp(original.src, from) &&
        sameIp(original.dst, ip) &&
        original.dstPort === port &&
        (spec.sport === undefined || original.srcPort === spec.sport) &&
        sameIp(reply.src, original.dst) &&
        reply.srcPort === original.dstPort,
    );
    if (stale === undefined) return kept(subject);
    return {
      sentence: `The kernel still uses the decision it made when this conversation began, before port ${port} was published for ${published.name}: an established conversation is not translated anew.`,
      evidence: [
        `conntrack: ${protocol} ${spec.src}:${stale.original.srcPort ?? '?'} → ${spec.dst}:${port}, answered by ${spec.dst} itself${stale.timeoutSec === null ? '' : `, for ${stale.timeoutSec} s more`}`,
      ],
      fix: `conntrack -D -p ${protocol} --orig-port-dst ${port}`,
      fixFor: 'To forget it',
    };
  },
};

/** Any other connection that keeps what the rules would not give it any more. */
const kept = ({ verdict, protocol, spec, dst }: Case): Finding | null => {
  if (verdict.decidedBy.reason !== 'conntrack-entry') return null;
  return {
    sentence:
      'The kernel still uses the decision it made when this conversation began: an established conversation is not translated anew, whatever the rules say now.',
    evidence: [verdict.decidedBy.text, ...verdict.unknowns.slice(-1)],
    fix: `conntrack -D -p ${protocol} -s ${spec.src}${dst.port === null ? '' : ` --orig-port-dst ${dst.port}`}`,
    fixFor: 'To forget it',
  };
};

/** docker-proxy takes it and is meant to: no rule would translate it, whenever it began. */
const isProxied = ({ facts, family, protocol, src, inDevice }: Case, ip: IpAddress, port: number): boolean => {
  if (protocol !== 'tcp' && protocol !== 'udp') return false;
  const listener = listenerFor(facts.self.listeners ?? [], protocol, ip, port, inDevice);
  if (listener?.program !== 'docker-proxy') return false;
  if (src.container !== null || isLoopback(ip)) return true;
  return !rulesetsOf(facts, family).some((ruleset) =>
    rulesIn(ruleset, 'nat').some(({ rule }) => rule.target?.name === 'DNAT' && coversDestinationPort(rule, port) !== false),
  );
};
