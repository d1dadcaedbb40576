/** Who could send the packet that a trace is about. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSnapshot } from '../../../src/host/read-snapshot.ts';
import { HostStore, type HostVersion } from '../../../src/session/host-store.ts';
import { checkSender, traceTask } from '../../../src/session/tracing/trace-task.ts';

const SCENE = readFileSync(new URL('../../fixtures/snapshots/scene-28.5.json', import.meta.url), 'utf8');

const versionOf = (change: (container: Record<string, unknown>) => void): HostVersion => {
  const document = JSON.parse(SCENE);
  for (const container of document.docker.containers) change(container);
  const store = new HostStore(true);
  store.replace(parseSnapshot(JSON.stringify(document)), 'read');
  return store.version as HostVersion;
};

const check = (version: HostVersion, src: string): void =>
  checkSender(traceTask(version, { kind: 'question', src, dst: 'web2', proto: 'icmp' }));

describe('the sender of a trace', () => {
  it('is a container whose namespace is known, or the host', () => {
    const version = versionOf(() => {});
    expect(() => check(version, 'web1')).not.toThrow();
    expect(() => check(version, 'host')).not.toThrow();
  });

  it('is nobody where the way into the container is not known, and that is said', () => {
    const version = versionOf((container) => {
      delete container['NetNs'];
    });
    expect(() => check(version, 'web1')).toThrow('nothing can be sent from web1: the way into its network namespace is not known');
  });

  it('is nobody outside', () => {
    expect(() =>
      check(
        versionOf(() => {}),
        'outside',
      ),
    ).toThrow('nothing is sent from outside');
  });
});
