/** The host's own firewall keeps out what swarm nodes say to each other. Docker's documentation, "Open protocols and ports between the hosts". */
import type { Cause } from '../diagnosis.ts';
import { iptables, rulingSentence } from '../words.ts';

const PORTS = new Map([
  ['tcp 2377', 'the managers of the swarm'],
  ['tcp 7946', 'discovery among the nodes'],
  ['udp 7946', 'discovery among the nodes'],
  ['udp 4789', 'overlay networks (VXLAN)'],
]);

export const swarmPorts: Cause = {
  id: 'swarm-ports',
  find: (subject) => {
    const { obstacle, dst, protocol, src, facts } = subject;
    if (obstacle === null || obstacle.direction !== 'request' || !dst.isHost || src.container !== null) return null;
    const by = obstacle.verdict.decidedBy;
    if ((by.kind !== 'rule' && by.kind !== 'policy') || !facts.networks.some(({ driver }) => driver === 'overlay')) return null;
    const esp = protocol === '50' || protocol === 'esp';
    const use = esp ? 'encrypted overlay networks (ESP)' : PORTS.get(`${protocol} ${dst.port}`);
    if (use === undefined) return null;
    return {
      sentence: `The firewall of this host refuses what swarm node ${src.name} needs for ${use}.`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: `${iptables(subject, by)} -I INPUT -s ${subject.spec.src} -p ${esp ? 'esp' : protocol}${esp ? '' : ` --dport ${dst.port}`} -j ACCEPT`,
      fixFor: 'To let that node in',
    };
  },
};
