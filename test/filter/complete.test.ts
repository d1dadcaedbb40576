import { describe, expect, it } from 'vitest';
import { completeFilter, type FilterVocabulary } from '../../src/filter/complete.ts';
import { completeCaptureFilter } from '../../src/filter/complete-capture.ts';

const vocabulary: FilterVocabulary = {
  containers: ['web1', 'web2', 'multi'],
  names: ['web1', 'web2', 'multi (net1)', 'host'],
  chains: ['DOCKER-USER', 'DOCKER-FORWARD', 'FORWARD'],
  devices: ['docker0', 'eth0'],
};

/** `▏` is the cursor. */
const complete = (typed: string): [string, readonly string[]] => {
  const cursor = typed.indexOf('▏');
  const done = completeFilter(typed.replace('▏', ''), cursor, vocabulary);
  return [`${done.text.slice(0, done.cursor)}▏${done.text.slice(done.cursor)}`, done.candidates];
};

describe('completing a display filter', () => {
  it.each<[string, string, readonly string[]]>([
    ['verd▏', 'verdict:▏', []],
    ['verdict:dr▏', 'verdict:drop▏', []],
    ['verdict:drop,re▏', 'verdict:drop,reject▏', []],
    ['s▏', 's▏', ['sport', 'src:', 'state:', 'step:']],
    ['container:we▏', 'container:web▏', ['web1', 'web2']],
    ['container:web▏ port:80', 'container:web▏ port:80', ['web1', 'web2']],
    ['src:mu▏', 'src:"multi (net1)"▏', []],
    ['rule:docker▏', 'rule:DOCKER-▏', ['DOCKER-FORWARD', 'DOCKER-USER']],
    ['(out:e▏)', '(out:eth0▏)', []],
    ['!is:unt▏', '!is:unt▏', []],
    ['!is:una▏', '!is:unanswered▏', []],
    ['zzz▏', 'zzz▏', []],
    ['port:8▏', 'port:8▏', []],
  ])('%s', (typed, expected, candidates) => {
    expect(complete(typed)).toEqual([expected, candidates]);
  });

  it('offers every field where nothing is typed yet', () => {
    expect(complete('▏')[1]).toContain('verdict:');
  });
});

describe('completing a capture filter', () => {
  const known = { addresses: ['172.18.0.2', '172.18.0.3'], prefixes: ['172.18.0.0/16'] };

  it.each<[string, string, readonly string[]]>([
    ['tc▏', 'tcp▏', []],
    ['tcp po▏', 'tcp port▏', ['port', 'portrange']],
    ['not (ar▏)', 'not (arp▏)', []],
    ['host 17▏', 'host 172.18.0.▏', ['172.18.0.2', '172.18.0.3']],
    ['src net 172▏ and tcp', 'src net 172.18.0.0/16▏ and tcp', []],
  ])('%s', (typed, expected, candidates) => {
    const cursor = typed.indexOf('▏');
    const done = completeCaptureFilter(typed.replace('▏', ''), cursor, known);
    expect([`${done.text.slice(0, done.cursor)}▏${done.text.slice(done.cursor)}`, done.candidates]).toEqual([expected, candidates]);
  });
});
