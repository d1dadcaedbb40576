/**
 * A host's own firewall keeps out, or in, what swarm nodes say to each other. Docker's documentation, "Open protocols and ports between
 * the hosts". What carries an overlay network's frames is judged on the frames' own way.
 */
import { formatIp } from '../../base/ip-address.ts';
import type { TunnelPacket } from '../../path/verdict.ts';
import type { Case, Obstacle } from '../case.ts';
import type { Cause, Finding } from '../diagnosis.ts';
import { iptables, rulingSentence } from '../words.ts';

const OVERLAY = 'overlay networks (VXLAN)';
const ENCRYPTED = 'encrypted overlay networks (ESP)';

const PORTS = new Map([
  ['tcp 2377', 'the managers of the swarm'],
  ['tcp 7946', 'discovery among the nodes'],
  ['udp 7946', 'discovery among the nodes'],
  ['udp 4789', OVERLAY],
]);

export const swarmPorts: Cause = {
  id: 'swarm-ports',
  inside: true,
  find: (subject) => {
    const { obstacle, dst, protocol, src, facts } = subject;
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by === undefined || (by.kind !== 'rule' && by.kind !== 'policy')) return null;
    if (by.tunnel !== undefined) return aroundFrame(subject, obstacle, by.tunnel);
    if (obstacle.direction !== 'request' || !dst.isHost || src.container !== null) return null;
    if (by.namespace !== undefined || !facts.networks.some(({ driver }) => driver === 'overlay')) return null;
    const esp = protocol === '50' || protocol === 'esp';
    const use = esp ? ENCRYPTED : PORTS.get(`${protocol} ${dst.port}`);
    if (use === undefined) return null;
    return {
      sentence: `The firewall of this host refuses what swarm node ${src.name} needs for ${use}.`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: `${iptables(subject, by)} -I INPUT -s ${subject.spec.src} -p ${esp ? 'esp' : protocol}${esp ? '' : ` --dport ${dst.port}`} -j ACCEPT`,
      fixFor: 'To let that node in',
    };
  },
};

/** The frame got as far as its tunnel; what stops the packet around it is a firewall between the two hosts. */
const aroundFrame = (subject: Case, obstacle: Obstacle, { src, dst, proto, dport, vni }: TunnelPacket): Finding => {
  const by = obstacle.verdict.decidedBy;
  const there = subject.facts.self.addresses?.some(({ ip }) => formatIp(ip) === dst) === true || by.namespace !== undefined;
  const where = by.namespace ?? 'this host';
  const what = proto === 'esp' ? 'ESP (IP protocol 50)' : `UDP ${dport ?? ''}`.trim();
  const [asker, asked] = obstacle.direction === 'request' ? [subject.src, subject.target] : [subject.target, subject.src];
  const match = proto === 'esp' ? '-p esp' : `-p udp --dport ${dport ?? ''}`.trim();
  return {
    sentence: `What ${asker.name} sends to ${asked.name} travels in VXLAN (VNI ${vni}) from ${src} to ${dst}, and the firewall of ${where} stops those packets (${what}), which ${proto === 'esp' ? ENCRYPTED : OVERLAY} need between all nodes.`,
    evidence: [rulingSentence(obstacle.verdict)],
    fix: `${iptables(subject, by)} -I ${there ? `INPUT -s ${src}` : `OUTPUT -d ${dst}`} ${match} -j ACCEPT`,
    fixFor: `On ${where}, to let them ${there ? 'in' : 'out'}`,
  };
};
