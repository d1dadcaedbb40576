/** The host's own firewall refuses what is for the host itself, ufw most of all; docker-proxy lives behind it too. */
import type { Cause } from '../diagnosis.ts';
import { rulesetsOf } from '../rule-shape.ts';
import { iptables, kindWords, rulingSentence } from '../words.ts';

export const inputRefused: Cause = {
  id: 'input-refused',
  find: (subject) => {
    const { obstacle, src, dst, protocol, facts } = subject;
    if (
      obstacle === null ||
      obstacle.direction !== 'request' ||
      obstacle.verdict.outcome === 'accept' ||
      obstacle.verdict.outcome === 'undetermined'
    )
      return null;
    const by = obstacle.verdict.decidedBy;
    if (
      by.table !== 'filter' ||
      (by.kind !== 'rule' && by.kind !== 'policy') ||
      !obstacle.verdict.steps.some((step) => step.hook === 'input')
    )
      return null;
    const ufw = rulesetsOf(facts, subject.family).some((ruleset) =>
      ruleset.tables.some((table) => table.chains.some((chain) => chain.name.startsWith('ufw-') || chain.name.startsWith('ufw6-'))),
    );
    const proxied = facts.containers.find((container) =>
      container.published.some((port) => port.protocol === protocol && port.hostPort === dst.port),
    );
    const behind =
      proxied === undefined ? '' : ` From a container even a published port goes this way, to docker-proxy; it is ${proxied.name}'s.`;
    const who = src.container === null ? src.name : `container ${src.container.name}`;
    const port = dst.port === null || (protocol !== 'tcp' && protocol !== 'udp') ? null : dst.port;
    const device = subject.inDevice ?? 'IF';
    return {
      sentence: `${ufw ? 'ufw refuses connections' : "The host's own firewall refuses what comes"} from ${who} to the host itself (INPUT).${behind}`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: ufw
        ? `ufw allow in on ${device}${port === null ? '' : ` to any port ${port} proto ${protocol}`}`
        : `${iptables(subject, by)} -I INPUT -i ${device} -p ${protocol}${port === null ? '' : ` --dport ${port}`} -j ACCEPT`,
      fixFor: `To let ${kindWords(subject.spec, protocol)} in`,
    };
  },
};
