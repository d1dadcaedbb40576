/** capabilities(7) as /proc/PID/status shows them. */
import { describe, expect, it } from 'vitest';
import { CAP_NET_ADMIN, CAP_NET_RAW, capabilitySets } from '../../src/agent/capability-sets.ts';

const status = (uid: number, effective: string, ambient: string): string =>
  `Name:\tnode\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nCapInh:\t${ambient}\nCapPrm:\t${effective}\nCapEff:\t${effective}\nCapBnd:\t000001ffffffffff\nCapAmb:\t${ambient}\n`;
const NONE = '0000000000000000';
const NET = '0000000000003000';

describe('capability sets', () => {
  it.each([
    ['root', status(0, '000001ffffffffff', NONE), true, false],
    ['a person', status(1000, NONE, NONE), false, false],
    ['a person with ambient capabilities', status(1000, NET, NET), true, false],
    ["a person with capabilities of node's file", status(1000, NET, NONE), false, true],
    ['root of a container without NET_RAW', status(0, '00000000a80405fb', NONE), false, false],
    ['nobody knows whom', '', false, false],
  ])('of %s', (_, text, has, keeps) => {
    const sets = capabilitySets(text);
    expect({ has: sets.has(CAP_NET_ADMIN), keeps: sets.keeps(CAP_NET_ADMIN) }).toEqual({ has, keeps });
  });

  it('are told apart', () => {
    const { uid, has } = capabilitySets(status(1000, '0000000000002000', '0000000000002000'));
    expect({ uid, raw: has(CAP_NET_RAW), admin: has(CAP_NET_ADMIN) }).toEqual({ uid: 1000, raw: true, admin: false });
  });
});
