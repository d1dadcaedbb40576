/**
 * Names are not found in a container while addresses work: Docker's resolver listens on a port of its own at 127.0.0.11, and the rules
 * inside the container that lead port 53 there are gone (libnetwork, resolver_unix.go).
 */
import { formatIp } from '../../base/ip-address.ts';
import { insideOf } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

export const DOCKER_RESOLVER = '127.0.0.11';

export const dockerDns: Cause = {
  id: 'docker-dns',
  inside: true,
  find: (subject) => {
    const { whole, spec, src } = subject;
    if (spec.dst !== DOCKER_RESOLVER || spec.dport !== 53 || src.container === null) return null;
    const { verdict } = whole;
    if (verdict.outcome !== 'accept' || verdict.nat.length > 0 || !verdict.steps.some(({ socket }) => socket === 'closed')) return null;
    const { name } = src.container;
    const resolver = insideOf(subject, src.container)?.listeners?.find(
      ({ ip, protocol }) => formatIp(ip) === DOCKER_RESOLVER && protocol === subject.protocol,
    );
    if (resolver === undefined) {
      return {
        sentence: `Docker runs no resolver for ${name}: on the default bridge containers ask the servers of the host's resolv.conf, and names of other containers are known on networks of one's own only.`,
        evidence: [`nobody listens on ${DOCKER_RESOLVER} in ${name}`],
        fix: `docker network create shared && docker network connect shared ${name}`,
        fixFor: 'To have names of containers found',
      };
    }
    return {
      sentence: `Docker's rules for its resolver are gone inside ${name}: names are not found there, while addresses still work.`,
      evidence: [
        `Docker's resolver listens on ${subject.protocol} ${DOCKER_RESOLVER}:${resolver.port}`,
        `no nat rule of ${name} leads port 53 there, where every question goes`,
      ],
      fix: `docker restart ${name}`,
      fixFor: 'To have Docker set them up again',
    };
  },
};
