/**
 * Docker's API on another machine, by the docker that is there: `docker system dial-stdio` joins its standard input and output to the
 * daemon, as the docker CLI's own ssh:// does. Each connection of the client's is one such program.
 */
import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { failure } from '../../base/errors.ts';
import type { DockerEndpoint } from '../docker-endpoint.ts';
import { lastLine } from '../programs.ts';
import type { RemoteReach } from './reach.ts';
import type { SshMachine } from './ssh-machine.ts';

/** sshd allows ten sessions a connection. */
const MAX_CONNECTIONS = 2;

/** Throws where there is no docker there. */
export const dockerThere = (machine: SshMachine): DockerEndpoint => {
  if (machine.find('docker') === null) throw failure(`docker is not installed on ${machine.remote}`);
  return { kind: 'dialled', url: `docker on ${machine.remote}`, agent: new DialAgent(machine.reach) };
};

class DialAgent extends Agent {
  readonly #reach: RemoteReach;

  constructor(reach: RemoteReach) {
    // one more for the stream of events
    super({ keepAlive: true, maxSockets: MAX_CONNECTIONS + 1, maxFreeSockets: MAX_CONNECTIONS });
    this.#reach = reach;
  }

  override createConnection(): Duplex {
    return new DialledStream(this.#reach);
  }
}

/** What Node's http client asks of a socket. */
class DialledStream extends Duplex {
  readonly #input: Writable;
  readonly #output: Readable;
  readonly #end: () => void;

  constructor({ ssh, asRoot, env }: RemoteReach) {
    super();
    const [program, ...args] = ssh;
    const child = spawn(program as string, [...args, `exec ${asRoot}docker system dial-stdio`], {
      env: { ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#input = child.stdin;
    this.#output = child.stdout;
    this.#end = () => child.stdin.end();
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString('utf8');
    });
    child.stdin.on('error', () => {}); // it has ended: 'close' follows
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.on('error', (error) => this.destroy(error));
    child.on('close', (code) => {
      if (code === 0 || code === null) this.push(null);
      else this.destroy(new Error(lastLine(said) || `docker system dial-stdio ended (exit ${code})`));
    });
  }

  override _read(): void {
    this.#output.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#input.write(chunk, (error) => done(error ?? null));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#end();
    done(error);
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
