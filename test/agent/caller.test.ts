/** Who called sudo, pkexec or doas, by what these tell. */
import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { callerOf } from '../../src/agent/caller.ts';

/** On every Debian, and on most others. */
const DAEMON = { uid: 1, gid: 1, user: 'daemon' };

describe('who called', () => {
  it.each([
    ['sudo', { SUDO_UID: '1000', SUDO_GID: '1001', SUDO_USER: 'ann' }, { uid: 1000, gid: 1001, user: 'ann' }],
    ['sudo without a name', { SUDO_UID: '1000', SUDO_GID: '1000' }, { uid: 1000, gid: 1000, user: null }],
    ['pkexec', { PKEXEC_UID: '1' }, DAEMON],
    ['doas', { DOAS_USER: 'daemon' }, DAEMON],
  ])('%s', (_, env, caller) => {
    expect(callerOf(env)).toEqual(caller);
  });

  it.each([
    {},
    { SUDO_UID: '0', SUDO_GID: '0', SUDO_USER: 'root' },
    { SUDO_UID: 'x', SUDO_GID: '1' },
    { SUDO_UID: '1000' },
    { PKEXEC_UID: '0' },
    { PKEXEC_UID: '' },
    { DOAS_USER: 'root' },
    { DOAS_USER: '' },
  ])('is nobody else with %j', (env) => {
    expect(callerOf(env)).toBeNull();
  });

  it('is refused where the account is not known, so that root is not kept by mistake', () => {
    expect(() => callerOf({ PKEXEC_UID: '4294967290' })).toThrow('pkexec was called by 4294967290, whose account is not known here');
    expect(() => callerOf({ DOAS_USER: 'nobody of this name' })).toThrow('doas was called by');
    // a name is no id, and an id no name
    expect(() => callerOf({ DOAS_USER: String(userInfo().uid) })).toThrow('doas was called by');
  });
});
