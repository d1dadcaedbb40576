/**
 * Which daemon to ask, by the Docker CLI's own rules: an address given by hand, DOCKER_HOST, the current context, then the sockets that
 * are there (docker's, podman's). docker(1), "Environment variables"; docker-context(1).
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure, messageOf, type VethscopeError } from '../base/errors.ts';

export type DockerEndpoint =
  /** By connections that are programs: `docker system dial-stdio` on another machine. */
  | { readonly kind: 'dialled'; readonly url: string; readonly agent: Agent }
  | { readonly kind: 'unix'; readonly url: string; readonly path: string }
  | { readonly kind: 'tcp'; readonly url: string; readonly host: string; readonly port: number; readonly tls: TlsFiles | null }
  | { readonly kind: 'ssh'; readonly url: string; readonly host: string; readonly port: number; readonly user: string | null };

export interface TlsFiles {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const DOCKER_PORT = 2375;
const DOCKER_TLS_PORT = 2376;
const SSH_PORT = 22;

/** Throws a failure where the address that was asked for cannot be used. */
export const chooseDockerEndpoint = (given: string | null, env: Environment): DockerEndpoint => {
  if (given !== null && given !== '') return parseDockerUrl(given, envTls(env));
  const fromEnv = env['DOCKER_HOST'];
  if (fromEnv !== undefined && fromEnv !== '') return parseDockerUrl(fromEnv, envTls(env));
  const context = contextEndpoint(env);
  if (context !== null) return context;
  const path = candidateSockets(env).find((socket) => existsSync(socket)) ?? DEFAULT_SOCKET;
  return { kind: 'unix', url: `unix://${path}`, path };
};

export const parseDockerUrl = (text: string, tls: TlsFiles | null = null): DockerEndpoint => {
  if (text.startsWith('/')) return { kind: 'unix', url: `unix://${text}`, path: text };
  if (text.startsWith('unix://')) {
    const path = text.slice('unix://'.length) || DEFAULT_SOCKET;
    return { kind: 'unix', url: `unix://${path}`, path };
  }
  let url: URL;
  try {
    url = new URL(text.includes('://') ? text : `tcp://${text}`);
  } catch {
    throw badAddress(text);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw badAddress(text);
  const port = (standard: number): number => (url.port === '' ? standard : Number(url.port));
  switch (url.protocol) {
    case 'tcp:':
    case 'http:':
      return { kind: 'tcp', url: text, host, port: port(tls === null ? DOCKER_PORT : DOCKER_TLS_PORT), tls };
    case 'https:':
      return { kind: 'tcp', url: text, host, port: port(DOCKER_TLS_PORT), tls: tls ?? { ca: null, cert: null, key: null } };
    case 'ssh:':
      return { kind: 'ssh', url: text, host, port: port(SSH_PORT), user: url.username === '' ? null : decodeURIComponent(url.username) };
    default:
      throw badAddress(text);
  }
};

const DEFAULT_SOCKET = '/var/run/docker.sock';

const candidateSockets = (env: Environment): string[] => {
  const users = [env['XDG_RUNTIME_DIR'], env['SUDO_UID'] === undefined ? undefined : `/run/user/${env['SUDO_UID']}`];
  const folders = users.filter((folder): folder is string => folder?.startsWith('/') === true);
  return [
    DEFAULT_SOCKET,
    ...folders.map((folder) => join(folder, 'docker.sock')),
    '/run/podman/podman.sock',
    ...folders.map((folder) => join(folder, 'podman/podman.sock')),
  ];
};

const badAddress = (text: string): VethscopeError =>
  failure(`the Docker address ${text} cannot be used`, { hint: 'use unix:///path, tcp://host:port or ssh://user@host' });

const envTls = (env: Environment): TlsFiles | null => {
  if (env['DOCKER_TLS_VERIFY'] === undefined || env['DOCKER_TLS_VERIFY'] === '') return null;
  return tlsFiles(env['DOCKER_CERT_PATH'] ?? configFolder(env));
};

const tlsFiles = (folder: string): TlsFiles => {
  const file = (name: string): string | null => (existsSync(join(folder, name)) ? join(folder, name) : null);
  return { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
};

const configFolder = (env: Environment): string => env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker');

/** The endpoint of the current context; null for the one called `default`, which is the environment and the socket. */
const contextEndpoint = (env: Environment): DockerEndpoint | null => {
  const folder = configFolder(env);
  const name = env['DOCKER_CONTEXT'] ?? currentContext(folder);
  if (name === null || name === '' || name === 'default') return null;
  // the store names its folders by the context's SHA-256: docker/cli cli/context/store
  const digest = createHash('sha256').update(name).digest('hex');
  const path = join(folder, 'contexts/meta', digest, 'meta.json');
  try {
    const meta = JSON.parse(readFileSync(path, 'utf8')) as { Endpoints?: { docker?: { Host?: unknown } } };
    const host = meta.Endpoints?.docker?.Host;
    if (typeof host !== 'string' || host === '') return null;
    const tls = tlsFiles(join(folder, 'contexts/tls', digest, 'docker'));
    return parseDockerUrl(host, tls.ca === null && tls.cert === null ? null : tls);
  } catch (error) {
    throw failure(`the Docker context ${name} cannot be read from ${path}`, {
      detail: messageOf(error),
      hint: 'docker context use default, or --docker-host URL',
      cause: error,
    });
  }
};

const currentContext = (folder: string): string | null => {
  try {
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { currentContext?: unknown };
    return typeof config.currentContext === 'string' ? config.currentContext : null;
  } catch {
    return null; // no configuration is the usual case
  }
};
