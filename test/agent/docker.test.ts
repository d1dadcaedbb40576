/** A daemon that answers oddly is a real HTTP server on a real socket here, as no Docker would do it for us. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DockerDaemon } from '../../src/agent/docker.ts';
import { DockerEvents } from '../../src/agent/docker-events.ts';

type Answers = Readonly<Record<string, unknown>>;

const ID = 'b'.repeat(64);
const SOUND: Answers = {
  '/version': { Version: '28.5.2', ApiVersion: '1.51' },
  '/info': { FirewallBackend: { Driver: 'iptables' } },
  '/containers/json?all=1': [{ Id: ID }],
  [`/containers/${ID}/json`]: { Id: ID, Name: '/web1', State: { Status: 'running', Running: true, Pid: 0 }, Config: { Image: 'x' } },
  '/networks': [
    { Id: '2', Name: 'zeta', Driver: 'bridge' },
    { Id: '1', Name: 'alpha', Driver: 'bridge' },
  ],
};

let server: Server | null = null;
let count = 0;

/** A text is sent as it is, a number is a status, a function answers by itself, all else is JSON. */
const serve = async (answers: Answers, path = join(tmpdir(), `daemon-${process.pid}-${count++}.sock`)): Promise<DockerDaemon> => {
  rmSync(path, { force: true });
  const started = createServer((request, response) => {
    const answer = answers[request.url ?? ''] ?? answers[(request.url ?? '').split('?')[0] ?? ''];
    if (typeof answer === 'function') (answer as (response: ServerResponse) => void)(response);
    else if (typeof answer === 'number') response.writeHead(answer).end('{"message":"refused"}');
    else if (answer === undefined) response.writeHead(404).end('{"message":"no such page"}');
    else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => started.listen(path, resolve));
  server = started;
  return new DockerDaemon({ kind: 'unix', url: `unix://${path}`, path });
};

const stopServer = async (): Promise<void> => {
  const stopping = server;
  server = null;
  if (stopping === null) return;
  stopping.closeAllConnections();
  await new Promise((resolve) => stopping.close(resolve));
};

afterEach(stopServer);

describe('DockerDaemon', () => {
  it('reads a daemon without naming an API version', async () => {
    const { document } = await (await serve(SOUND)).read();
    expect(document).toMatchObject({ version: '28.5.2', apiVersion: '1.51', firewallBackend: 'iptables' });
    expect(document.error).toBeUndefined();
    expect(document.containers.map((container) => container.Name)).toEqual(['/web1']);
    expect(document.networks.map((network) => network.Name)).toEqual(['alpha', 'zeta']);
  });

  it('leaves out a container that was removed between list and inspect', async () => {
    const { document } = await (await serve({ ...SOUND, [`/containers/${ID}/json`]: 404 })).read();
    expect(document.containers).toEqual([]);
    expect(document.error).toBeUndefined();
  });

  it('says which container it did not understand and keeps the rest', async () => {
    const { document } = await (await serve({ ...SOUND, [`/containers/${ID}/json`]: { Id: ID, State: 'up' } })).read();
    expect(document.containers).toEqual([]);
    expect(document.error).toContain(`container ${ID.slice(0, 12)} has no State`);
    expect(document.networks).toHaveLength(2);
  });

  it.each<[string, Answers, string]>([
    ['text for JSON', { '/containers/json': '<html>' }, 'the answer to /containers/json is no JSON'],
    ['an object for a list', { '/containers/json?all=1': { a: 1 } }, 'the list of containers is no list'],
    ['a string for the networks', { '/networks': 'null' }, 'the list of networks is no list'],
    ['an error', { '/networks': 500 }, 'refused'],
    ['a broken connection', { '/info': (response: ServerResponse) => response.destroy() }, 'for /info failed'],
    [
      'half an answer',
      { '/networks': (response: ServerResponse) => response.writeHead(200, { 'content-length': '100' }).write('[') && response.destroy() },
      '/networks',
    ],
  ])('says so when it gets %s', async (_, answers, expected) => {
    const daemon = await serve({
      ...SOUND,
      '/containers/json?all=1': answers['/containers/json'] ?? SOUND['/containers/json?all=1'],
      ...answers,
    });
    const { document } = await daemon.read();
    expect(document.error).toContain(expected);
    expect(document.containers).toEqual([]);
  });

  it('stops reading an answer without end', async () => {
    const endless = (response: ServerResponse): void => {
      const chunk = Buffer.alloc(1024 * 1024, 0x20);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) {
          // until the socket is full
        }
        response.once('drain', more);
      };
      more();
    };
    const { document } = await (await serve({ ...SOUND, '/networks': endless })).read();
    expect(document.error).toMatch(/the answer to \/networks is larger than \d+ bytes/);
  });

  it('says that nobody is there, and what to do', async () => {
    const daemon = new DockerDaemon({ kind: 'unix', url: 'unix:///nowhere.sock', path: '/nowhere.sock' });
    expect((await daemon.read()).document.error).toContain('no Docker daemon: unix:///nowhere.sock is not there');
    await expect(daemon.version()).rejects.toMatchObject({ kind: 'missing', hint: expect.stringContaining('--docker-host') });
  });

  it('keeps the containers that it knew while the daemon is away', async () => {
    const daemon = await serve(SOUND);
    await daemon.read();
    await stopServer();
    const { document } = await daemon.read();
    expect(document.error).toContain('no Docker daemon');
    expect(document.containers.map((container) => container.Name)).toEqual(['/web1']);
  });

  it('never takes a process of this machine for a container elsewhere', async () => {
    const here = { Id: ID, Name: '/web1', State: { Status: 'running', Running: true, Pid: process.pid } };
    const local = await serve({ ...SOUND, [`/containers/${ID}/json`]: here });
    const remote = new DockerDaemon({ kind: 'tcp', url: 'tcp://127.0.0.1:1', host: '127.0.0.1', port: 1, tls: null });
    remote.open = (path, query, signal) => local.open(path, query, signal);
    const { document, namespaceProblems } = await remote.read();
    expect(document.containers[0]?.NetNs).toBeNull();
    expect(namespaceProblems.get(ID)).toContain('is not on this machine');
  });
});

describe('DockerEvents', () => {
  it('tells of events, of the loss of the daemon, and of its return', async () => {
    const event = { Type: 'container', Action: 'start', Actor: { ID, Attributes: { name: 'web1' } } };
    const stream = (response: ServerResponse): void => {
      response.flushHeaders();
      response.write(`${JSON.stringify(event).slice(0, 20)}`);
      response.write(`${JSON.stringify(event).slice(20)}\nnonsense\n`);
    };
    const daemon = await serve({ '/events': stream });
    const told: string[] = [];
    const events = new DockerEvents(daemon, {
      changed: (reason) => told.push(reason),
      state: (up, message) => told.push(`${up ? 'up' : 'down'}: ${message}`),
      nameOf: () => null,
    });
    const running = events.run();
    await expect.poll(() => told).toEqual(['container web1 started', 'Docker reported something unreadable']);
    await stopServer();
    await expect.poll(() => told[2]).toMatch(/^down: /);
    await serve({ '/events': stream }, (daemon.endpoint as { path: string }).path);
    await expect
      .poll(() => told.slice(3), { timeout: 10_000 })
      .toEqual([`up: connected to ${daemon.endpoint.url}`, 'container web1 started', 'Docker reported something unreadable']);
    events.stop();
    await running;
  });
});
