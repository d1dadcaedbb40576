/**
 * A container in several networks leaves, and answers strangers, by one of them: that of its default route, which Docker chooses, and
 * chooses anew when it joins another network. topology/default-route.ts has the order.
 */
import { inPrefix } from '../../base/ip-address.ts';
import type { ContainerNode, DefaultRoute } from '../../topology/topology.ts';
import type { Case, End } from '../case.ts';
import type { Cause, Finding } from '../diagnosis.ts';

export const defaultRoute: Cause = {
  id: 'default-route',
  inside: true,
  find: (subject) => answersElsewhere(subject) ?? leavesBy(subject),
};

/** It was asked in one network and answers by another one. */
const answersElsewhere = (subject: Case): Finding | null => {
  const { obstacle, target, src } = subject;
  if (obstacle?.direction !== 'reply') return null;
  const route = choiceOf(target.container, subject);
  const asked = target.endpoint?.network ?? null;
  if (target.container === null || route === null || asked === null || route.network === asked || isNear(src, target)) return null;
  return {
    sentence: `${target.container.name} was asked in ${asked} and answers by ${route.network ?? route.interface}, where its default route is: ${route.why}. Joining a network can move it.`,
    evidence: evidenceOf(subject, target.container),
    ...mend(subject, target.container, asked),
  };
};

/** It is not where one may look for it. */
const leavesBy = (subject: Case): Finding | null => {
  const { src, dst } = subject;
  if (src.container === null || dst.container !== null || dst.isHost) return null;
  const route = choiceOf(src.container, subject);
  if (route === null || isNear(dst, src)) return null;
  return {
    weight: 'note',
    sentence: `${src.container.name} is in ${src.container.endpoints.length} networks and leaves by ${route.network ?? route.interface}: ${route.why}.`,
    evidence: evidenceOf(subject, src.container),
  };
};

const choiceOf = (container: ContainerNode | null, { family }: Case): (DefaultRoute & { readonly why: string }) | null => {
  const found = container?.defaultRoutes?.find((route) => route.family === family);
  return found === undefined || found.why === null ? null : { ...found, why: found.why };
};

/** In the same subnet no default route is asked for. */
const isNear = ({ ip }: End, { network }: End): boolean =>
  ip !== null && (network?.subnets.some((subnet) => inPrefix(ip, subnet)) ?? false);

const evidenceOf = ({ facts, family }: Case, { id, name, netns }: ContainerNode): string[] => {
  const routes = facts.namespaces.find((namespace) => namespace.id === netns)?.facts.routes ?? [];
  const first = routes.find((route) => route.family === family && route.prefix.length === 0 && route.type === 'unicast');
  const endpoints = facts.containers.find((container) => container.id === id)?.endpoints ?? [];
  const priorities = endpoints.map(({ network, gwPriority }) => `${network} ${gwPriority ?? 'without'}`).join(', ');
  return [
    ...(first === undefined ? [] : [`default route by ${first.dev ?? '?'} (in ${name})`]),
    `GwPriority of its networks: ${priorities}`,
  ];
};

/** The option is there where the daemon tells of it. */
const mend = ({ facts }: Case, container: ContainerNode, network: string): Pick<Finding, 'fix' | 'fixFor'> => {
  const knows = facts.containers.some(({ id, endpoints }) => id === container.id && endpoints.some(({ gwPriority }) => gwPriority != null));
  if (!knows) return {};
  return {
    fix: `docker network disconnect ${network} ${container.name} && docker network connect --gw-priority 1 ${network} ${container.name}`,
    fixFor: `To have ${container.name} leave by ${network}`,
  };
};
