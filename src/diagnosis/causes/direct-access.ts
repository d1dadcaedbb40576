/** A container's own address, asked from beyond its bridge; Docker 28 and later drop that in table raw. */
import type { Verdict, VerdictStep } from '../../path/verdict.ts';
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { given, givenNot, prefixValue, stops } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

const TUNNEL_KINDS = new Set(['tun', 'wireguard', 'ppp', 'vxlan', 'gre', 'ipip', 'sit', 'xfrm', 'vti', 'geneve']);

/** Before any routing: in table raw, or in an nftables chain at its hook. */
const decidesEarly =
  ({ decidedBy: by }: Verdict) =>
  (step: VerdictStep): boolean =>
    step.hook === 'prerouting' && step.table === by.table && step.chain === by.chain && step.rule === by.rule;

export const directAccess: Cause = {
  id: 'direct-access',
  find: (subject) => {
    const { obstacle, target, inDevice, facts } = subject;
    const rule = obstacle?.rule ?? null;
    if (obstacle === null || rule === null || !stops(rule) || target.container === null || target.bridge === null) return null;
    if (
      !obstacle.verdict.steps.some(decidesEarly(obstacle.verdict)) ||
      prefixValue(given(rule, '-d')) === null ||
      givenNot(rule, '-i') !== target.bridge
    )
      return null;
    if (networkOn(subject, inDevice) !== null) return null;
    const kind = facts.self.links?.find((link) => link.name === inDevice)?.kind ?? null;
    const tunnel = kind !== null && TUNNEL_KINDS.has(kind);
    const ports = [...new Set(target.container.published.map((port) => `${port.hostPort} (for ${port.containerPort})`))];
    return {
      sentence: `${tunnel ? `The packet reached the host through the tunnel ${inDevice}, but a` : 'A'} container's own address can be reached from beyond its bridge only through published ports; ${target.name} was asked directly${ports.length === 0 ? ' and publishes none' : `, and publishes ${ports.join(', ')}`}.`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: `docker network create -o com.docker.network.bridge.trusted_host_interfaces=${inDevice ?? 'IF'} …`,
      fixFor: `To open such access, make its network anew with the interface trusted (or gateway_mode_ipv4=nat-unprotected, or dockerd --allow-direct-routing)`,
    };
  },
};
