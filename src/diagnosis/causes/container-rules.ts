/** Rules of the container's own namespace stop it, on either end: a kill-switch as VPN containers set it, a firewall inside, a mesh. */
import { formatIp } from '../../base/ip-address.ts';
import { insideOf } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { iptables, list, rulingLine } from '../words.ts';

export const containerRules: Cause = {
  id: 'container-rules',
  inside: true,
  find: (subject) => {
    const { obstacle, topology } = subject;
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by === undefined || by.namespace === undefined || (by.kind !== 'rule' && by.kind !== 'policy')) return null;
    if (obstacle.verdict.outcome !== 'drop' && obstacle.verdict.outcome !== 'reject') return null;
    const container = topology.containers.find(({ name }) => name === by.namespace);
    if (container === undefined) return null;
    const { name } = container;
    const leaving =
      /^(OUTPUT|POSTROUTING)$/i.test(by.chain ?? '') || obstacle.verdict.steps.every(({ hook }) => hook === 'output' || hook === 'routing');
    const isKillSwitch = by.kind === 'policy' && leaving;
    const sharing = topology.containers.filter((other) => other.sharesWith === name).map((other) => other.name);
    const shared = sharing.length === 0 ? '' : ` (shared by ${list(sharing)})`;
    const what = obstacle.direction === 'request' ? 'the packet' : 'its answer';
    const where = isKillSwitch
      ? `its OUTPUT lets nothing out that no rule allows, a kill-switch as VPN containers set it`
      : leaving
        ? 'they stop it before it leaves'
        : 'they stop it where it arrives';
    const end = obstacle.direction === 'request' ? subject.target : subject.src;
    const peer = end.ip === null ? null : formatIp(end.ip);
    const tunnels = (insideOf(subject, container)?.links ?? [])
      .filter(({ kind }) => kind === 'tun' || kind === 'wireguard')
      .map((link) => link.name);
    const steered = (insideOf(subject, container)?.policyRules ?? []).some(({ priority }) => priority > 0 && priority < 32766);
    const enter = `nsenter -t $(docker inspect -f '{{.State.Pid}}' ${name}) -n`;
    const allowed = isKillSwitch && peer !== null ? `${enter} ${iptables(subject, by)} -I OUTPUT -d ${peer} -j ACCEPT` : null;
    const routed = allowed !== null && (steered || tunnels.length > 0) ? ` && ${enter} ip rule add to ${peer} lookup main pref 99` : '';
    return {
      sentence: `Rules inside ${name}${shared} stop ${what}: ${where}. The host's rules have no part in it${leaving && obstacle.direction === 'request' ? ' and never see it' : ''}.`,
      evidence: [rulingLine(obstacle.verdict)],
      ...(allowed === null
        ? { fix: `${enter} ${iptables(subject, by)} -L ${by.chain ?? ''} -n -v --line-numbers`, fixFor: 'To see the rules there' }
        : {
            fix: `${allowed}${routed}`,
            fixFor: `To let ${name} talk to it until it is started again (better by the image's own setting for local networks)`,
          }),
    };
  },
};
