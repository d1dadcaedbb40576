/**
 * The daemon's answers, checked and cut down to networking. Nothing is taken over that is not named here, so environment variables, command
 * lines, mounts and labels never reach a snapshot. Docker Engine API, from 1.24 on; podman's compatible API.
 */
import type { DockerContainerDocument, DockerEndpointDocument, DockerNetworkDocument } from '../host/snapshot.ts';

/** Longest string that is taken over; ids have 64 characters, names at most a few hundred. */
const MAX_TEXT = 1024;
const MAX_ENTRIES = 4096;

const COMPOSE_PROJECT = 'com.docker.compose.project';
const COMPOSE_SERVICE = 'com.docker.compose.service';
const PODMAN_COMPOSE_PROJECT = 'io.podman.compose.project';

/** Null where the answer is not what the API promises; the reason says which field. */
export type Reduced<Value> = { readonly value: Value } | { readonly problem: string };

/** `GET /containers/ID/json`. */
export const reduceContainer = (answer: unknown): Reduced<DockerContainerDocument> => {
  const whole = recordOf(answer);
  if (whole === null) return { problem: 'is no object' };
  const id = textOf(whole['Id']);
  if (id === null || !/^[0-9a-zA-Z]{1,128}$/.test(id)) return { problem: 'has no Id' };
  const state = recordOf(whole['State']);
  if (state === null) return { problem: 'has no State' };
  const settings = recordOf(whole['NetworkSettings']) ?? {};
  const hostConfig = recordOf(whole['HostConfig']) ?? {};
  const config = recordOf(whole['Config']) ?? {};
  const labels = recordOf(config['Labels']) ?? {};
  const running = state['Running'] === true;
  const startedAt = textOf(state['StartedAt']);
  const sandboxKey = textOf(settings['SandboxKey']);
  const project = textOf(labels[COMPOSE_PROJECT]) ?? textOf(labels[PODMAN_COMPOSE_PROJECT]);
  const service = textOf(labels[COMPOSE_SERVICE]);
  return {
    value: {
      Id: id,
      Name: textOf(whole['Name']) ?? `/${id.slice(0, 12)}`,
      Image: textOf(config['Image']) ?? textOf(whole['ImageName']) ?? textOf(whole['Image']) ?? '',
      State: {
        Status: textOf(state['Status']) ?? (running ? 'running' : 'exited'),
        Running: running,
        Pid: pidOf(state['Pid']),
        ...(startedAt === null ? {} : { StartedAt: startedAt }),
      },
      HostConfig: { NetworkMode: textOf(hostConfig['NetworkMode']) ?? 'default' },
      NetworkSettings: {
        ...(sandboxKey === null ? {} : { SandboxKey: sandboxKey }),
        Networks: reduceEach(settings['Networks'], reduceEndpoint),
        // a stopped container publishes nothing; what it will publish stands in its configuration
        Ports: reducePorts(running ? settings['Ports'] : hostConfig['PortBindings']),
      },
      ...(project === null ? {} : { ComposeProject: project }),
      ...(service === null ? {} : { ComposeService: service }),
    },
  };
};

/** One element of `GET /networks`. */
export const reduceNetwork = (answer: unknown): Reduced<DockerNetworkDocument> => {
  const whole = recordOf(answer);
  if (whole === null) return { problem: 'is no object' };
  const id = textOf(whole['Id']);
  const name = textOf(whole['Name']);
  const driver = textOf(whole['Driver']);
  if (id === null) return { problem: 'has no Id' };
  if (name === null) return { problem: 'has no Name' };
  const scope = textOf(whole['Scope']);
  const ipam = recordOf(whole['IPAM']);
  return {
    value: {
      Id: id,
      Name: name,
      Driver: driver ?? '',
      ...(scope === null ? {} : { Scope: scope }),
      ...(typeof whole['Internal'] === 'boolean' ? { Internal: whole['Internal'] } : {}),
      ...(typeof whole['EnableIPv6'] === 'boolean' ? { EnableIPv6: whole['EnableIPv6'] } : {}),
      // An option may be a mere word, as `encrypted` is.
      Options: reduceEach(whole['Options'], (value) => (value === '' ? '' : textOf(value))),
      ...(Array.isArray(whole['Peers'])
        ? { Peers: listOf(whole['Peers']).map((peer) => ({ IP: textOf(recordOf(peer)?.['IP']) ?? '' })) }
        : {}),
      IPAM: { Config: listOf(ipam?.['Config']).map(reduceSubnet) },
    },
  };
};

/** Ids of `GET /containers/json`. */
export const containerIds = (answer: unknown): Reduced<readonly string[]> => {
  if (!Array.isArray(answer)) return { problem: 'is no list' };
  const ids = listOf(answer).flatMap((entry) => {
    const id = textOf(recordOf(entry)?.['Id']);
    // it becomes part of a path of the next request
    return id !== null && /^[0-9a-zA-Z]{1,128}$/.test(id) ? [id] : [];
  });
  return { value: ids };
};

export const recordOf = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;

export const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : null);

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.slice(0, MAX_ENTRIES) : []);

const pidOf = (value: unknown): number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31 ? value : 0;

const reduceEach = <Value>(value: unknown, reduce: (entry: unknown) => Value | undefined | null): Record<string, NonNullable<Value>> => {
  const entries: [string, NonNullable<Value>][] = [];
  for (const [key, entry] of Object.entries(recordOf(value) ?? {}).slice(0, MAX_ENTRIES)) {
    const reduced = reduce(entry);
    if (reduced !== undefined && reduced !== null) entries.push([key.slice(0, MAX_TEXT), reduced]);
  }
  return Object.fromEntries(entries);
};

const reduceEndpoint = (answer: unknown): DockerEndpointDocument | null => {
  const whole = recordOf(answer);
  if (whole === null) return null;
  const endpoint: Record<string, string | number> = { NetworkID: textOf(whole['NetworkID']) ?? '' };
  for (const key of ['EndpointID', 'IPAddress', 'GlobalIPv6Address', 'MacAddress', 'Gateway'] as const) {
    const text = textOf(whole[key]);
    if (text !== null) endpoint[key] = text;
  }
  for (const key of ['IPPrefixLen', 'GwPriority'] as const) {
    const value = whole[key];
    if (typeof value === 'number' && Number.isFinite(value)) endpoint[key] = value;
  }
  return endpoint as unknown as DockerEndpointDocument;
};

type Bindings = readonly { readonly HostIp: string; readonly HostPort: string }[];

/** Null marks a port that is exposed and not published. */
const reducePorts = (answer: unknown): Record<string, Bindings | null> => {
  const ports = Object.entries(recordOf(answer) ?? {}).slice(0, MAX_ENTRIES);
  return Object.fromEntries(
    ports.map(([port, bindings]) => [port.slice(0, MAX_TEXT), bindings === null ? null : reduceBindings(bindings)]),
  );
};

const reduceBindings = (answer: unknown): Bindings =>
  listOf(answer).flatMap((entry) => {
    const binding = recordOf(entry);
    const port = binding?.['HostPort'];
    if (binding === null || (typeof port !== 'string' && typeof port !== 'number')) return [];
    return [{ HostIp: textOf(binding['HostIp']) ?? '', HostPort: String(port).slice(0, 16) }];
  });

const reduceSubnet = (answer: unknown): { readonly Subnet?: string; readonly Gateway?: string } => {
  const subnet = textOf(recordOf(answer)?.['Subnet']);
  const gateway = textOf(recordOf(answer)?.['Gateway']);
  return { ...(subnet === null ? {} : { Subnet: subnet }), ...(gateway === null ? {} : { Gateway: gateway }) };
};
