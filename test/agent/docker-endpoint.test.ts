import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseDockerEndpoint, parseDockerUrl } from '../../src/agent/docker-endpoint.ts';

const folders: string[] = [];
const servers: Server[] = [];

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'endpoint-'));
  folders.push(path);
  return path;
};

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const path of folders.splice(0)) rmSync(path, { recursive: true });
});

const writeContext = (config: string, name: string, host: string): void => {
  const meta = join(config, 'contexts/meta', createHash('sha256').update(name).digest('hex'));
  mkdirSync(meta, { recursive: true });
  writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }));
  writeFileSync(join(config, 'config.json'), JSON.stringify({ currentContext: name }));
};

describe('parseDockerUrl', () => {
  it.each([
    ['unix:///run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['unix://', { kind: 'unix', path: '/var/run/docker.sock' }],
    ['tcp://10.0.0.1', { kind: 'tcp', host: '10.0.0.1', port: 2375, tls: null }],
    ['tcp://10.0.0.1:99', { kind: 'tcp', host: '10.0.0.1', port: 99 }],
    ['10.0.0.1:99', { kind: 'tcp', host: '10.0.0.1', port: 99 }],
    ['tcp://[fd00::1]:99', { kind: 'tcp', host: 'fd00::1', port: 99 }],
    ['https://docker.example', { kind: 'tcp', port: 2376, tls: { ca: null } }],
    ['ssh://me@box', { kind: 'ssh', host: 'box', user: 'me', port: 22 }],
    ['ssh://box:2222', { kind: 'ssh', user: null, port: 2222 }],
  ])('reads %s', (text, expected) => {
    expect(parseDockerUrl(text)).toMatchObject(expected);
  });

  it.each(['npipe:////./pipe/docker_engine', 'fd://', 'tcp://', 'ftp://x'])('refuses %s and says what to use', (text) => {
    expect(() => parseDockerUrl(text)).toThrow(`the Docker address ${text} cannot be used`);
  });
});

describe('chooseDockerEndpoint', () => {
  it('takes what was given before the environment', () => {
    expect(chooseDockerEndpoint('tcp://a:1', { DOCKER_HOST: 'tcp://b:2' })).toMatchObject({ host: 'a' });
  });

  it('takes DOCKER_HOST before the context', () => {
    const config = folder();
    writeContext(config, 'far', 'tcp://far:1');
    expect(chooseDockerEndpoint(null, { DOCKER_CONFIG: config, DOCKER_HOST: 'tcp://b:2' })).toMatchObject({ host: 'b' });
  });

  it('uses TLS with the standard port where DOCKER_TLS_VERIFY is set', () => {
    const certificates = folder();
    writeFileSync(join(certificates, 'ca.pem'), '');
    const endpoint = chooseDockerEndpoint('tcp://a', { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates });
    expect(endpoint).toMatchObject({ port: 2376, tls: { ca: join(certificates, 'ca.pem'), cert: null } });
  });

  it('follows the current context of the Docker CLI', () => {
    const config = folder();
    writeContext(config, 'far', 'tcp://far:1234');
    expect(chooseDockerEndpoint(null, { DOCKER_CONFIG: config })).toMatchObject({ kind: 'tcp', host: 'far', port: 1234 });
  });

  it('lets DOCKER_CONTEXT=default lead back to the sockets', () => {
    const config = folder();
    writeContext(config, 'far', 'tcp://far:1234');
    expect(chooseDockerEndpoint(null, { DOCKER_CONFIG: config, DOCKER_CONTEXT: 'default' })).toMatchObject({ kind: 'unix' });
  });

  it('names a context that cannot be read', () => {
    expect(() => chooseDockerEndpoint(null, { DOCKER_CONFIG: folder(), DOCKER_CONTEXT: 'lost' })).toThrow(
      'the Docker context lost cannot be read',
    );
  });

  it("finds the rootless user's podman socket where there is no other", () => {
    const runtime = folder();
    mkdirSync(join(runtime, 'podman'));
    const path = join(runtime, 'podman/podman.sock');
    servers.push(createServer().listen(path));
    const endpoint = chooseDockerEndpoint(null, { DOCKER_CONFIG: folder(), XDG_RUNTIME_DIR: runtime });
    // a machine with a socket of its own at the usual place prefers that one
    expect([path, '/var/run/docker.sock', '/run/podman/podman.sock']).toContain((endpoint as { path: string }).path);
  });
});
