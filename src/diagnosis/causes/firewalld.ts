/** Firewalld's own nftables table, which decides beside Docker's rules. Its chains have priorities just behind iptables'. */
import { formatIp } from '../../base/ip-address.ts';
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

/** RFC 792 and RFC 1812 5.2.7.1: host, network and communication administratively prohibited; RFC 4443 3.1. */
const PROHIBITED_V4 = new Set([9, 10, 13]);
const PROHIBITED_V6 = new Set([1, 5]);

export const firewalld: Cause = {
  id: 'firewalld',
  find: (subject) => {
    const { facts, flow, dnat, obstacle } = subject;
    const table = facts.self.nftables?.find((candidate) => candidate.name === 'firewalld');
    const iptablesVersion =
      subject.obstacle?.verdict.rejectWith?.includes('prohibited') === true &&
      /^(FWD|IN)_|^(FORWARD|INPUT)_/.test(subject.obstacle.verdict.decidedBy.chain ?? '');
    if (table === undefined && !iptablesVersion) return null;
    const error = flow?.error ?? null;
    const refused =
      error !== null &&
      (error.version === 4 ? error.type === 3 && PROHIBITED_V4.has(error.code) : error.type === 1 && PROHIBITED_V6.has(error.code));
    const by = obstacle?.verdict.decidedBy;
    const ruling = by?.backend === 'nftables' && by.table === 'firewalld' ? obstacle : null;
    const depends = ruling?.verdict.outcome === 'undetermined';
    const rules = ruling !== null && !depends;
    if (!refused && ruling === null && !iptablesVersion) return null;
    const bridge =
      [subject.inDevice, subject.outDevice].find((device) => networkOn(subject, device) !== null) ??
      subject.src.bridge ??
      subject.target.bridge;
    const evidence = [
      ...(refused ? [`the sender was told "administratively prohibited" (ICMP ${error.type}/${error.code})`] : []),
      ...(table === undefined
        ? []
        : [`table ${table.family} ${table.name} has ${table.chains.filter((chain) => chain.base !== null).length} base chains of its own`]),
    ];
    if (dnat !== null && (refused || rules)) {
      return {
        sentence:
          'firewalld refuses a port that Docker opened: it is set to be strict about forwarded ports (StrictForwardPorts), or the bridge is not in its zone "docker".',
        evidence,
        fix: `firewall-cmd --add-forward-port=port=${subject.dst.port}:proto=${subject.protocol}:toport=${subject.target.port}:toaddr=${subject.target.ip === null ? subject.spec.dst : formatIp(subject.target.ip)}`,
        fixFor: 'To open it in firewalld',
      };
    }
    return {
      sentence: `firewalld has the last word beside Docker's rules${depends ? ', and what it does here is not known' : ', and refuses this'}: it refuses packets of bridges that are not in its zone "docker".`,
      evidence,
      fix: `firewall-cmd --zone=docker --add-interface=${bridge ?? 'BRIDGE'}`,
      fixFor: 'To make the bridge known to it',
    };
  },
};
