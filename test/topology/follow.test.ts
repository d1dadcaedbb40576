/** Who a container is after it has been stopped, renamed or made anew, and where its capture points are then. */
import { describe, expect, it } from 'vitest';
import type { DockerContainer } from '../../src/host/facts.ts';
import { type FollowedContainer, followedContainer, successorOf } from '../../src/topology/follow.ts';
import { container as made } from './facts.ts';

const container = (id: string, name: string, state = 'running', service: string | null = null): DockerContainer =>
  made(name, { id, state, composeProject: service === null ? null : 'app', composeService: service });

const seenBefore = (all: readonly DockerContainer[], before: FollowedContainer | null = null): FollowedContainer =>
  followedContainer(all[0] as DockerContainer, all, before);

describe('what has become of a container', () => {
  const web = container('a1', 'web1');

  it('is itself while it runs, whatever it is called', () => {
    const renamed = container('a1', 'web9');
    expect(successorOf([container('b2', 'web1'), renamed], seenBefore([web]))).toEqual({
      kind: 'runs',
      container: renamed,
      isAnother: false,
    });
  });

  it('is stopped while it is there and nobody else has its name', () => {
    const stopped = container('a1', 'web1', 'exited');
    expect(successorOf([stopped], seenBefore([web]))).toEqual({ kind: 'stopped', container: stopped });
  });

  it('is whoever runs under its name now', () => {
    const anew = container('b2', 'web1');
    expect(successorOf([anew], seenBefore([web]))).toEqual({ kind: 'runs', container: anew, isAnother: true });
    expect(successorOf([container('b2', 'web1', 'created')], seenBefore([web]))).toEqual({ kind: 'gone' });
  });

  it('is whoever has its first name, after it was renamed out of the way', () => {
    const old = container('a1', 'f00d_web1');
    const anew = container('b2', 'web1');
    const followed = seenBefore([old], seenBefore([web]));
    expect(successorOf([old], followed)).toMatchObject({ kind: 'runs', isAnother: false });
    expect(successorOf([container('a1', 'f00d_web1', 'exited'), anew], followed)).toEqual({
      kind: 'runs',
      container: anew,
      isAnother: true,
    });
  });

  it('is the one new container of its compose service, never one that ran beside it', () => {
    const first = container('a1', 'app-web-1', 'running', 'web');
    const second = container('a2', 'app-web-2', 'running', 'web');
    const followed = seenBefore([first, second, container('a3', 'app-db-1', 'running', 'db')]);
    expect(successorOf([second], followed)).toEqual({ kind: 'gone' });
    const anew = container('b1', '9f3c_app-web-3', 'running', 'web');
    expect(successorOf([second, anew], followed)).toEqual({ kind: 'runs', container: anew, isAnother: true });
    expect(successorOf([second, anew, container('b2', 'app-web-4', 'running', 'web')], followed)).toEqual({
      kind: 'ambiguous',
      names: ['9f3c_app-web-3', 'app-web-4'],
    });
    expect(successorOf([container('a1', 'app-web-1', 'exited', 'web'), anew], followed)).toMatchObject({ kind: 'stopped' });
  });

  it('is gone where only a service of the same name in another project is new', () => {
    const followed = seenBefore([container('a1', 'app-web-1', 'running', 'web')]);
    expect(successorOf([{ ...container('b1', 'shop-web-1', 'running', 'web'), composeProject: 'shop' }], followed)).toEqual({
      kind: 'gone',
    });
  });
});
