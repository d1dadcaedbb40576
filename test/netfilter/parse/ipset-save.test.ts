/** Reading `ipset save`: ipset(8), and what ipset 7.17 printed. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseIpsetSave } from '../../../src/netfilter/parse/ipset-save.ts';

const saved = readFileSync(new URL('../../fixtures/netfilter/ipset-save.txt', import.meta.url), 'utf8');

describe('ipset save', () => {
  it('gives sets with types, families and elements', () => {
    const { sets, problems } = parseIpsetSave(saved);
    expect(problems).toEqual([]);
    expect(sets.map((set) => [set.name, set.type, set.family, set.entries.map((entry) => entry.element)])).toEqual([
      ['docker-ext-bridges-v4', 'hash:net', 'inet', ['172.17.0.0/16']],
      ['tset', 'hash:net,port', 'inet', []],
      ['t1', 'hash:ip', 'inet', ['1.2.3.4']],
      ['t2', 'hash:net,iface', 'inet', ['10.0.0.0/8,eth0']],
      ['t3', 'hash:ip,port,ip', 'inet', ['10.0.0.1,tcp:80,10.0.0.1']],
      ['t4', 'bitmap:port', null, ['80']],
      ['t5', 'list:set', null, ['t1']],
    ]);
    expect(sets[2]).toMatchObject({
      options: { timeout: '300', counters: '', comment: '' },
      entries: [{ timeoutSec: 299, comment: 'x y', nomatch: false }],
    });
  });

  it('reads nomatch and wildcard', () => {
    const { sets } = parseIpsetSave('create n hash:net,iface family inet6\nadd n fd00::/8,br- wildcard\nadd n fd01::/16,eth0 nomatch\n');
    expect(sets[0]?.entries).toMatchObject([{ wildcard: true, nomatch: false }, { nomatch: true }]);
  });

  it.each([
    ['add absent 1.2.3.4', 'unknown set absent'],
    ['frobnicate x y', 'neither a set nor an element'],
    ['create x hash:ip comment "open', 'quotation'],
  ])('names the line it cannot read: %s', (line, why) => {
    const { problems } = parseIpsetSave(`${saved}${line}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(why);
    expect(problems[0]).toContain(`line ${saved.split('\n').length}`);
  });
});
