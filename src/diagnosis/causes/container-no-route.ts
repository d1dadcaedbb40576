/** The container itself cannot send or be reached: no network at all (--network none), or no route in its own namespace. */
import type { ContainerNode } from '../../topology/topology.ts';
import { type Case, insideOf } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

export const containerNoRoute: Cause = {
  id: 'container-no-route',
  inside: true,
  find: (subject) => {
    const { obstacle, topology } = subject;
    const by = obstacle?.verdict.decidedBy;
    const reason = by?.reason;
    if (
      obstacle === null ||
      by === undefined ||
      (reason !== 'container-no-network' && reason !== 'container-no-route' && reason !== 'container-no-address')
    )
      return null;
    const container = topology.containers.find(({ name }) => name === by.about?.container);
    if (container === undefined) return null;
    if (container.endpoints.length === 0) {
      const none = container.modeKind === 'none';
      return {
        sentence: none
          ? `${container.name} was started with --network none: it has its loopback and nothing else, so nothing leaves or reaches it.`
          : `${container.name} is joined to no network, so nothing leaves or reaches it.`,
        evidence: [by.text],
        fix: `${none ? `docker network disconnect none ${container.name} && ` : ''}docker network connect bridge ${container.name}`,
        fixFor: 'To give it a network',
      };
    }
    const routes = insideOf(subject, container)?.routes ?? null;
    const hasDefault =
      routes?.some((route) => route.prefix.length === 0 && route.type === 'unicast' && route.family === subject.family) ?? true;
    if (reason === 'container-no-address') {
      return {
        sentence: `${container.name} has no IPv${subject.family} address, so it can neither send nor get such packets.`,
        evidence: [by.text],
        fix: `docker network create --ipv6 …`,
        fixFor: 'If IPv6 is meant, to have a network with it',
      };
    }
    return {
      sentence: `${container.name} has no route to ${subject.dst.name}, so the packet never leaves the container${hasDefault ? '' : `: it has no default route${whyNone(subject, container)}`}.`,
      evidence: [by.text],
      ...(hasDefault
        ? {}
        : { fix: `docker network connect bridge ${container.name}`, fixFor: `To give ${container.name} a network that leads out` }),
    };
  },
};

/** Docker gives no default route on internal networks; in gateway mode isolated the host has no address there either. */
const whyNone = ({ facts, family }: Case, { endpoints }: ContainerNode): string => {
  const networks = endpoints.map((endpoint) => facts.networks.find(({ name }) => name === endpoint.network));
  if (networks.length === 0 || !networks.every((network) => network?.internal === true)) return '';
  const names = networks.map((network) => network?.name).join(' and ');
  const isolated = networks.every((network) => network?.options[`com.docker.network.bridge.gateway_mode_ipv${family}`] === 'isolated');
  return `, as ${names} ${networks.length === 1 ? 'is' : 'are'} --internal${isolated ? ' and isolated: not even the host has an address there' : ''}`;
};
