/** Which arguments of `capture` are targets and which are the filter. */
import { describe, expect, it } from 'vitest';
import { failure, usageError, VethscopeError } from '../../src/base/errors.ts';
import { allAlong, DEFAULT_FILTER, looksLikeFilter, splitTargets } from '../../src/cli/targets.ts';
import type { CapturePoint } from '../../src/topology/topology.ts';

const point = (id: string, filter: string | null = null): CapturePoint => ({
  id,
  interface: id,
  netns: null,
  kind: 'veth',
  sees: `all of ${id}`,
  container: id,
  network: null,
  filter,
});

/** Knows web1, web2, a container that is called like a filter, a stopped one, and two macvlan children of one parent. */
const resolve = (text: string): readonly CapturePoint[] => {
  if (['web1', 'web2', 'icmp'].includes(text)) return [point(text)];
  if (text === 'mv1' || text === 'mv2') return [point('eth0', `ether host ${text}`)];
  if (text === 'stopped') throw failure('stopped is not running');
  throw usageError(`no container and no interface is called ${text}`, { hint: 'did you mean web1?' });
};

const split = (
  words: readonly string[],
  afterDashes: readonly string[] | null = null,
): { readonly points: string[]; readonly filter: string } => {
  const { points, filter } = splitTargets(words, afterDashes, resolve);
  return { points: points.map(({ id }) => id), filter };
};

const errorOf = (work: () => unknown): VethscopeError => {
  try {
    work();
  } catch (error) {
    if (error instanceof VethscopeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('targets and filter', () => {
  it.each([
    [['web1'], ['web1'], DEFAULT_FILTER],
    [['web1', 'web2'], ['web1', 'web2'], DEFAULT_FILTER],
    [['web1', 'web1'], ['web1'], DEFAULT_FILTER],
    [['web1', 'tcp port 80'], ['web1'], 'tcp port 80'],
    [['web1', 'tcp', 'port', '80'], ['web1'], 'tcp port 80'],
    [['web1', 'web2', 'not', 'arp'], ['web1', 'web2'], 'not arp'],
    [['web1', '(tcp'], ['web1'], '(tcp'],
    [['web1', '172.18.0.3'], ['web1'], '172.18.0.3'],
    [['web1', 'odd words'], ['web1'], 'odd words'],
    [['mv1', 'mv2'], ['eth0', 'eth0'], DEFAULT_FILTER],
  ])('%j captures on %j with filter "%s"', (words, points, filter) => {
    expect(split(words)).toEqual({ points, filter });
  });

  it('takes a name before a filter word', () => {
    expect(split(['web1', 'icmp'])).toEqual({ points: ['web1', 'icmp'], filter: DEFAULT_FILTER });
  });

  it('takes everything behind -- for the filter, even a name or nothing', () => {
    expect(split(['web1'], ['icmp'])).toEqual({ points: ['web1'], filter: 'icmp' });
    expect(split(['web1'], [''])).toEqual({ points: ['web1'], filter: '' });
    expect(split(['web1'], ['web2', 'or', 'tcp'])).toEqual({ points: ['web1'], filter: 'web2 or tcp' });
  });

  it('refuses a mistyped name with both readings', () => {
    const error = errorOf(() => split(['web1', 'wbe2']));
    expect(error.kind).toBe('usage');
    expect(error.message).toBe('"wbe2" is neither a target nor a filter');
    expect(error.detail).toContain('no container and no interface is called wbe2');
    expect(error.detail).toContain('no pcap-filter expression begins with "wbe2"');
    expect(error.hint).toBe('did you mean web1?');
  });

  it('never takes the first argument for a filter, nor a name before --', () => {
    expect(errorOf(() => split(['tcp port 80'])).message).toContain('no container');
    expect(errorOf(() => split(['web1', 'tcp'], ['icmp'])).message).toContain('called tcp');
  });

  it('refuses targets behind a quoted filter', () => {
    expect(errorOf(() => split(['web1', 'tcp port 80', 'wbe2'])).message).toBe('the filter "tcp port 80" must be the last argument');
  });

  it('says what is wrong with a target that is there', () => {
    expect(errorOf(() => split(['web1', 'stopped']))).toMatchObject({ kind: 'failure', message: 'stopped is not running' });
  });
});

describe('one end and the filter, with --to', () => {
  it.each([
    [['web1'], null, DEFAULT_FILTER],
    [['web1', 'tcp', 'port', '80'], null, 'tcp port 80'],
    [['web1'], ['icmp'], 'icmp'],
    [['web1'], [''], ''],
  ] as const)('%j, behind dashes %j', (words, afterDashes, filter) => {
    const found = allAlong(words, afterDashes, resolve);
    expect(found.points.map(({ id }) => id)).toEqual(['web1']);
    expect(found.filter).toBe(filter);
  });

  it.each([
    [['web1', 'web2'], null, /"web2" is no filter/],
    [['web1', 'web2'], ['icmp'], /"web2" is one too many/],
  ] as const)('refuses %j, behind dashes %j', (words, afterDashes, message) => {
    const error = errorOf(() => allAlong(words, afterDashes, resolve));
    expect(error.kind).toBe('usage');
    expect(error.message).toMatch(message);
  });

  it('says so where no place is known', () => {
    expect(errorOf(() => allAlong(['web1'], null, () => [])).message).toMatch(/no place is known/);
  });
});

describe('what a filter can begin with', () => {
  it.each([
    'tcp',
    'icmp6',
    'not',
    '!tcp',
    '(',
    'tcp[13]',
    'ip6[0]&0xf0',
    'host',
    'port',
    'vlan',
    '10.0.0.0/8',
    'fd00::1',
    '02:42:ac:12:00:02',
    'arp)',
  ])('%s', (word) => {
    expect(looksLikeFilter(word)).toBe(true);
  });

  it.each(['web1', 'tcpdump', 'hosts', 'webserver', 'my-tcp', '443', '-'])('not %s', (word) => {
    expect(looksLikeFilter(word)).toBe(false);
  });
});
