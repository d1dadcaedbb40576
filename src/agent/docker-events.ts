/**
 * Hears from the daemon when containers and networks come, go and change, and keeps asking while the daemon is away.
 * Docker Engine API: GET /events, one JSON object a line.
 */
import { messageOf } from '../base/errors.ts';
import type { DockerDaemon } from './docker.ts';
import { recordOf, textOf } from './docker-reduce.ts';

export interface DockerEventListener {
  /** Something changed, in words: `container web1 started`. */
  changed(reason: string): void;
  state(up: boolean, message: string): void;
  /** Name of the container with this id, null where it is not known yet. */
  nameOf(id: string): string | null;
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;
const MAX_LINE_BYTES = 1024 * 1024;

/** Actions that change what this program shows, with their words; the daemon sends many others (exec, health checks). */
const CONTAINER_ACTIONS: Readonly<Record<string, string>> = {
  create: 'created',
  start: 'started',
  restart: 'restarted',
  die: 'stopped',
  pause: 'paused',
  unpause: 'unpaused',
  rename: 'renamed',
  update: 'changed',
  destroy: 'removed',
  remove: 'removed',
};
const NETWORK_ACTIONS: Readonly<Record<string, string>> = {
  create: 'created',
  connect: 'connected',
  disconnect: 'disconnected',
  destroy: 'removed',
  remove: 'removed',
};

/** Null for events that change nothing here. */
export const eventReason = (event: unknown, nameOf: (id: string) => string | null = () => null): string | null => {
  const whole = recordOf(event);
  const actor = recordOf(whole?.['Actor']);
  const attributes = recordOf(actor?.['Attributes']);
  // before API 1.22 the action stood in `status` and the container in `id`; podman still sends both
  const type = textOf(whole?.['Type']) ?? 'container';
  const action = textOf(whole?.['Action']) ?? textOf(whole?.['status']);
  if (action === null) return null;
  const name = textOf(attributes?.['name']) ?? (textOf(actor?.['ID']) ?? textOf(whole?.['id']) ?? '?').slice(0, 12);
  if (type === 'container') {
    const word = Object.hasOwn(CONTAINER_ACTIONS, action) ? CONTAINER_ACTIONS[action] : undefined;
    return word === undefined ? null : `container ${name} ${word}`;
  }
  if (type === 'network') {
    const word = Object.hasOwn(NETWORK_ACTIONS, action) ? NETWORK_ACTIONS[action] : undefined;
    if (word === undefined) return null;
    const id = textOf(attributes?.['container']);
    if (id === null) return `network ${name} ${word}`;
    return `container ${nameOf(id) ?? id.slice(0, 12)} ${word} ${word === 'connected' ? 'to' : 'from'} network ${name}`;
  }
  return null;
};

export class DockerEvents {
  readonly #docker: DockerDaemon;
  readonly #listener: DockerEventListener;
  readonly #abort = new AbortController();
  #isUp: boolean | null = null;

  constructor(docker: DockerDaemon, listener: DockerEventListener) {
    this.#docker = docker;
    this.#listener = listener;
  }

  async run(): Promise<void> {
    let delayMs = FIRST_RETRY_MS;
    while (!this.#abort.signal.aborted) {
      try {
        await this.#follow(() => {
          delayMs = FIRST_RETRY_MS;
        });
        this.#setState(false, 'the Docker daemon closed the connection');
      } catch (error) {
        this.#setState(false, messageOf(error));
      }
      await this.#pause(delayMs);
      delayMs = Math.min(delayMs * 2, MAX_RETRY_MS);
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  async #follow(connected: () => void): Promise<void> {
    try {
      const filters = JSON.stringify({ type: ['container', 'network'] });
      const stream = await this.#docker.open('/events', { filters }, this.#abort.signal);
      this.#abort.signal.addEventListener('abort', () => stream.destroy(), { once: true });
      connected();
      this.#setState(true, `connected to ${this.#docker.endpoint.url}`);
      let rest = '';
      for await (const chunk of stream) {
        const lines = (rest + (chunk as Buffer).toString('utf8')).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_LINE_BYTES) throw new Error('the daemon sent an event without end');
        for (const line of lines) this.#event(line);
      }
    } catch (error) {
      throw this.#docker.explain(error, '/events');
    }
  }

  #event(line: string): void {
    if (line.trim() === '') return;
    let event: unknown;
    try {
      event = JSON.parse(line);
    } catch {
      // not an event as we know them: something happened, so look
      this.#listener.changed('Docker reported something unreadable');
      return;
    }
    const reason = eventReason(event, (id) => this.#listener.nameOf(id));
    if (reason !== null) this.#listener.changed(reason);
  }

  /** The first connection is no news; losing it is, and so is having it back: containers may have changed meanwhile. */
  #setState(up: boolean, message: string): void {
    if (this.#abort.signal.aborted || this.#isUp === up) return;
    const first = this.#isUp === null;
    this.#isUp = up;
    if (first && up) return;
    this.#listener.state(up, message);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#abort.signal.aborted) end();
      else this.#abort.signal.addEventListener('abort', end, { once: true });
    });
  }
}
