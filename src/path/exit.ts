/** By which of its interfaces a container sends, as its own routes say. */
import type { IpAddress } from '../base/ip-address.ts';
import type { DockerContainer } from '../host/facts.ts';
import { Fib } from './fib.ts';
import type { HostModel } from './model.ts';
import { namespaceOf, type Place } from './places.ts';

export type Exit =
  | { readonly kind: 'place'; readonly place: Place; readonly source: IpAddress | null; readonly route: string }
  /** The container's namespace was read and has no route there, or one that refuses (blackhole, unreachable, prohibit). */
  | { readonly kind: 'no-route'; readonly text: string; readonly refusing?: string }
  /** By a device that belongs to no network that Docker knows. */
  | { readonly kind: 'device'; readonly dev: string; readonly gateway: IpAddress | null; readonly source: IpAddress | null }
  /** The destination is the container itself. */
  | { readonly kind: 'itself'; readonly source: IpAddress | null }
  | { readonly kind: 'unknown'; readonly reason: string };

export const exitOf = (model: HostModel, container: DockerContainer, dst: IpAddress, src: IpAddress | null): Exit => {
  const namespace = namespaceOf(model.facts, container);
  if (namespace === null || namespace.facts.routes === null)
    return { kind: 'unknown', reason: `the routes inside ${container.name} were not read` };
  const answers = new Fib(namespace.facts).lookup({ dst, src, iif: 'lo', oif: null, mark: 0, tos: null });
  const result = answers[0]?.result;
  if (result === undefined || answers.length > 1) return { kind: 'unknown', reason: `the routes inside ${container.name} leave a choice` };
  switch (result.kind) {
    case 'unknown':
      return { kind: 'unknown', reason: result.reason };
    case 'none':
      return { kind: 'no-route', text: `no route in ${container.name} to the destination` };
    case 'refused':
      return { kind: 'no-route', text: `${container.name}: ${result.text}`, refusing: result.text };
    case 'route': {
      const { route, hop } = result;
      if (route.type === 'local') return { kind: 'itself', source: route.source };
      if (route.type !== 'unicast' && route.type !== 'broadcast' && route.type !== 'multicast')
        return { kind: 'no-route', text: `${container.name}: ${route.text}`, refusing: route.text };
      const place = model.places.all.find((entry) => entry.container.id === container.id && entry.interface === hop.dev);
      if (place === undefined && hop.dev !== null) return { kind: 'device', dev: hop.dev, gateway: hop.gateway, source: route.source };
      if (place === undefined) return { kind: 'unknown', reason: `the route of ${container.name} names no device` };
      return { kind: 'place', place, source: route.source, route: route.text };
    }
  }
};
