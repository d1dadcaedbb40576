/**
 * Talks to the Docker daemon (or podman's compatible one) through dockerode, reads only, without pinning an API version: unversioned paths
 * work from API 1.24 to today's. Docker Engine API: containers, networks, info, version, events.
 */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { failure, messageOf, missingError, type VethscopeError } from '../base/errors.ts';
import type { DockerContainerDocument, DockerDocument, DockerNetworkDocument } from '../host/snapshot.ts';
import type { DockerEndpoint } from './docker-endpoint.ts';
import { containerIds, recordOf, reduceContainer, reduceNetwork, textOf } from './docker-reduce.ts';
import { localMachine } from './machine/local.ts';
import type { Machine } from './machine/machine.ts';
import { belongsToContainer } from './processes.ts';
import { inParallel } from './programs.ts';

const ANSWER_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const PARALLEL_INSPECTS = 8;

/** What was read, and for each container why its namespace could not be. */
export interface DockerReading {
  readonly document: DockerDocument;
  readonly namespaceProblems: ReadonlyMap<string, string>;
  /** When the process of each container whose namespace is known began, by the container's id. */
  readonly startTimes: ReadonlyMap<string, string>;
}

interface Seen {
  readonly namespaceProblems: Map<string, string>;
  readonly startTimes: Map<string, string>;
}

interface Modem {
  dial(options: object, callback: (error: (Error & { statusCode?: number; code?: string }) | null, stream: Readable) => void): void;
}

export class DockerDaemon {
  readonly endpoint: DockerEndpoint;
  readonly #machine: Machine;
  #client: Promise<Docker> | null = null;
  /** What the daemon said last: its containers live on while it restarts. */
  #last: DockerReading | null = null;

  constructor(endpoint: DockerEndpoint, machine: Machine = localMachine()) {
    this.#machine = machine;
    this.endpoint = endpoint;
  }

  /** Never throws: without a daemon the document says why it is empty, or old. */
  async read(): Promise<DockerReading> {
    const problems: string[] = [];
    const seen: Seen = { namespaceProblems: new Map(), startTimes: new Map() };
    try {
      const [version, info, ids, networkList] = await Promise.all([
        this.get('/version'),
        this.get('/info'),
        this.get('/containers/json', { all: 1 }),
        this.get('/networks'),
      ]);
      const reducedIds = containerIds(ids);
      if ('problem' in reducedIds) throw this.#misunderstood(`the list of containers ${reducedIds.problem}`);
      const containers = await inParallel(reducedIds.value, PARALLEL_INSPECTS, (id) => this.#inspect(id, problems, seen));
      if (!Array.isArray(networkList)) throw this.#misunderstood('the list of networks is no list');
      const document: DockerDocument = {
        version: textOf(recordOf(version)?.['Version']),
        apiVersion: textOf(recordOf(version)?.['ApiVersion']),
        firewallBackend: textOf(recordOf(recordOf(info)?.['FirewallBackend'])?.['Driver']),
        containers: containers.filter((container) => container !== null),
        networks: await this.#networks(networkList, problems),
        ...(problems.length === 0 ? {} : { error: `${this.endpoint.url} answered in an unknown way: ${problems.slice(0, 5).join('; ')}` }),
      };
      this.#last = { document, ...seen };
      return this.#last;
    } catch (error) {
      const detail = (error as VethscopeError).detail ?? null;
      const message = `${messageOf(error)}${detail === null ? '' : ` (${detail})`}`;
      if (this.#last === null)
        return { document: { version: null, apiVersion: null, containers: [], networks: [], error: message }, ...seen };
      const { document, startTimes } = this.#last;
      // Nobody tells which of them have ended meanwhile: a process that began at another time has only got the number of one that did.
      const containers = await inParallel(document.containers, PARALLEL_INSPECTS, async (container) =>
        container.State.Pid === 0 ? container : { ...container, NetNs: await this.#netns(container, seen, startTimes.get(container.Id)) },
      );
      return { document: { ...document, containers, error: message }, ...seen };
    }
  }

  async version(): Promise<string | null> {
    return textOf(recordOf(await this.get('/version'))?.['Version']);
  }

  /** One JSON answer, bounded in time and size. */
  async get(path: string, query: Readonly<Record<string, string | number>> = {}): Promise<unknown> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), ANSWER_TIMEOUT_MS);
    try {
      const stream = await this.#openAgain(path, query, abort.signal);
      const chunks: Buffer[] = [];
      let bytes = 0;
      const onAbort = (): unknown => stream.destroy(new Error('no answer in time'));
      abort.signal.addEventListener('abort', onAbort, { once: true });
      for await (const chunk of stream) {
        bytes += (chunk as Buffer).length;
        if (bytes > MAX_ANSWER_BYTES) throw this.#misunderstood(`the answer to ${path} is larger than ${MAX_ANSWER_BYTES} bytes`);
        chunks.push(chunk as Buffer);
      }
      try {
        return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
      } catch (error) {
        throw this.#misunderstood(`the answer to ${path} is no JSON`, error);
      }
    } catch (error) {
      if (abort.signal.aborted) throw failure(`${this.endpoint.url} gave no answer to ${path} within ${ANSWER_TIMEOUT_MS / 1000} s`);
      throw this.explain(error, path);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The body of an answer as it comes; for the stream of events. */
  async open(path: string, query: Readonly<Record<string, string | number>>, signal: AbortSignal): Promise<Readable> {
    this.#client ??= createClient(this.endpoint);
    const modem = (await this.#client).modem as unknown as Modem;
    return new Promise((resolve, reject) => {
      const options = {
        path: `${path}?`,
        method: 'GET',
        options: { ...query },
        isStream: true,
        abortSignal: signal,
        statusCodes: { 200: true },
      };
      modem.dial(options, (error, stream) => (error === null || error === undefined ? resolve(stream) : reject(error)));
    });
  }

  /** A kept connection may be one to a daemon that has since ended: a new one tells. */
  async #openAgain(path: string, query: Readonly<Record<string, string | number>>, signal: AbortSignal): Promise<Readable> {
    try {
      return await this.open(path, query, signal);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'EPIPE' && code !== 'ECONNRESET') throw error;
      return this.open(path, query, signal);
    }
  }

  /** Words for what can go wrong on the way to a daemon. */
  explain(error: unknown, path: string): Error {
    const { code, statusCode } = error as { code?: string; statusCode?: number };
    const where = this.endpoint.url;
    if (error instanceof Error && error.name === 'VethscopeError') return error;
    if (statusCode === 404) return Object.assign(failure(`${where} knows no ${path}`, { cause: error }), { statusCode });
    if (code === 'ENOENT')
      return missingError(`no Docker daemon: ${where} is not there`, {
        hint: 'start Docker, or name the daemon with --docker-host',
        cause: error,
      });
    if (code === 'ECONNREFUSED')
      return failure(`no Docker daemon answers at ${where}`, { hint: 'start Docker, or name the daemon with --docker-host', cause: error });
    if (code === 'EACCES' || code === 'EPERM')
      return missingError(`no privilege to talk to ${where}`, { hint: 'run with sudo, or join the group docker', cause: error });
    return failure(`asking ${where} for ${path} failed`, { detail: messageOf(error).trim().slice(0, 300), cause: error });
  }

  async #inspect(id: string, problems: string[], seen: Seen): Promise<DockerContainerDocument | null> {
    let answer: unknown;
    try {
      answer = await this.get(`/containers/${id}/json`);
    } catch (error) {
      // removed between the list and the question
      if ((error as { statusCode?: number }).statusCode === 404) return null;
      throw error;
    }
    const reduced = reduceContainer(answer);
    if ('problem' in reduced) {
      problems.push(`container ${id.slice(0, 12)} ${reduced.problem}`);
      return null;
    }
    const container = reduced.value;
    if (container.State.Pid === 0) return container;
    return { ...container, NetNs: await this.#netns(container, seen) };
  }

  /** By name: the daemon gives them in a new order every time. */
  async #networks(answer: readonly unknown[], problems: string[]): Promise<DockerNetworkDocument[]> {
    const listed = answer.flatMap((entry) => {
      const network = reduceNetwork(entry);
      if ('value' in network) return [network.value];
      problems.push(`a network ${network.problem}`);
      return [];
    });
    const networks = await inParallel(listed, PARALLEL_INSPECTS, (network) => this.#withPeers(network));
    return networks.sort((a, b) => (a.Name < b.Name ? -1 : a.Name > b.Name ? 1 : a.Id < b.Id ? -1 : 1));
  }

  /** Which hosts an overlay network spans is told of one network at a time. */
  async #withPeers(network: DockerNetworkDocument): Promise<DockerNetworkDocument> {
    if (network.Driver !== 'overlay') return network;
    try {
      const whole = reduceNetwork(await this.get(`/networks/${encodeURIComponent(network.Id)}`));
      return 'value' in whole ? whole.value : network;
    } catch {
      // It was removed meanwhile, or the daemon of a worker does not know it: the list's words stay.
      return network;
    }
  }

  /** Only a process shown to be the container's own is looked into: a daemon elsewhere has process numbers of its own. */
  async #netns(container: DockerContainerDocument, { namespaceProblems, startTimes }: Seen, began?: string): Promise<number | null> {
    const { Pid: pid } = container.State;
    const { startTime, netns, problem, isSame, cgroup, mountinfo } = await this.#machine.look(pid);
    const belongs = belongsToContainer(cgroup, mountinfo, container.Id);
    const isThere = this.endpoint.kind === 'unix' || this.endpoint.kind === 'dialled';
    if (belongs === false || (belongs === null && !isThere)) {
      namespaceProblems.set(container.Id, `its process ${pid} is not on this machine`);
      return null;
    }
    if (netns === null || startTime === null) {
      namespaceProblems.set(container.Id, problem);
      return null;
    }
    if (!isSame || (began !== undefined && began !== startTime)) {
      namespaceProblems.set(container.Id, `its process ${pid} has ended, and another one has its number`);
      return null;
    }
    startTimes.set(container.Id, startTime);
    return Number(netns);
  }

  #misunderstood(what: string, cause?: unknown): Error {
    return failure(`${this.endpoint.url}: ${what}`, {
      hint: 'is this a Docker or podman daemon?',
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

const createClient = async (endpoint: DockerEndpoint): Promise<Docker> => {
  const { default: Client } = await import('dockerode');
  switch (endpoint.kind) {
    case 'unix':
      return new Client({ socketPath: endpoint.path });
    case 'dialled':
      return new Client({ protocol: 'http', host: 'docker', port: 80, agent: endpoint.agent } as Docker.DockerOptions);
    case 'ssh':
      return new Client({
        protocol: 'ssh',
        host: endpoint.host,
        port: endpoint.port,
        ...(endpoint.user === null ? {} : { username: endpoint.user }),
        sshOptions: { agent: process.env['SSH_AUTH_SOCK'] },
      } as Docker.DockerOptions);
    case 'tcp': {
      const { tls } = endpoint;
      const read = (path: string | null): Buffer | undefined => (path === null ? undefined : readFileSync(path));
      return new Client({
        protocol: tls === null ? 'http' : 'https',
        host: endpoint.host,
        port: endpoint.port,
        ...(tls === null ? {} : { ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) }),
      } as Docker.DockerOptions);
    }
  }
};
