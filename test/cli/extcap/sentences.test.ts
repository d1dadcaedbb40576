/** What Wireshark reads: sentences that a hostile name cannot break, interfaces that have one name each, arguments as extcap(4) has them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExtcapArguments } from '../../../src/cli/extcap/arguments.ts';
import { extcapInterfaces } from '../../../src/cli/extcap/interfaces.ts';
import { sentence } from '../../../src/cli/extcap/sentences.ts';
import type { ContainerNode, Topology } from '../../../src/topology/topology.ts';

/** Wireshark's own way of taking a sentence apart: extcap_parser.c, `\{([a-zA-Z_-]*?)\=(.*?)\}`. */
const fieldsOf = (line: string): [string, string][] =>
  [...line.matchAll(/\{([a-zA-Z_-]*?)=(.*?)\}/g)].map(([, name = '', value = '']) => [name, value]);

const container = (name: string, networks: readonly string[]): ContainerNode => ({
  id: 'ab'.repeat(32),
  name,
  image: 'x',
  state: 'running',
  mode: 'default',
  modeKind: 'bridge',
  sharesWith: null,
  sharedBy: [],
  netns: null,
  pid: 1,
  endpoints: networks.map((network) => ({
    network,
    driver: 'bridge',
    ipv4: null,
    ipv6: null,
    mac: null,
    interface: null,
    host: null,
    unresolved: null,
    warnings: [],
  })),
  published: [],
  composeProject: null,
  remark: null,
});

const topology = (containers: readonly ContainerNode[]): Topology => ({
  containers,
  bridges: [],
  uplinks: [],
  trunks: [],
  points: [],
  warnings: [],
});

describe('sentences', () => {
  it('stay one line of the same fields whatever a name holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const line = sentence('interface', { value: 'v', display: text });
        expect(line).not.toMatch(/[\n\r]/);
        expect(fieldsOf(line).map(([name]) => name)).toEqual(['value', 'display']);
      }),
    );
  });
});

describe('interfaces', () => {
  it('have names of their own that a FIFO can bear, also where networks differ in one odd character', () => {
    const found = extcapInterfaces(topology([container('web', ['a/b', 'a b', '../../x']), container('web:a_b', ['n'])]));
    const values = found.map(({ value }) => value);
    expect(values).toEqual(['vethscope-web', 'vethscope-web:a_b', 'vethscope-web:a_b-2', 'vethscope-web:.._.._x', 'vethscope-web:a_b-3']);
    expect(found.map(({ target }) => target)).toEqual(['web', 'web:a/b', 'web:a b', 'web:../../x', 'web:a_b']);
  });

  it('leave out containers that have nothing to capture or do not run', () => {
    expect(extcapInterfaces(topology([{ ...container('off', ['n']), state: 'exited' }, container('none', [])]))).toEqual([]);
  });
});

describe('arguments', () => {
  it('are those of extcap(4), with a value behind = or behind a blank, whatever it begins with', () => {
    expect(parseExtcapArguments(['--extcap-interfaces', '--extcap-version=4.0']).step).toBe('interfaces');
    expect(parseExtcapArguments(['--extcap-interface', 'a', '--extcap-dlts'])).toMatchObject({ step: 'dlts', interface: 'a' });
    expect(parseExtcapArguments(['--extcap-config', '--extcap-interface=a=b'])).toMatchObject({ step: 'config', interface: 'a=b' });
    const capture = [
      '--capture',
      '--extcap-interface',
      'a',
      '--fifo',
      '/f',
      '--extcap-capture-filter',
      '--not',
      '--engine',
      'cap',
      '--facts',
    ];
    expect(parseExtcapArguments(capture)).toMatchObject({
      step: 'capture',
      fifo: '/f',
      filter: '--not',
      engine: 'cap',
      facts: true,
      to: null,
    });
    expect(parseExtcapArguments(['--extcap-interface', 'a', '--extcap-capture-filter', 'tcp']).step).toBe('check-filter');
  });

  it.each([[['--fifo']], [['--fifo', '/f']], [['--what']], [['--capture', '--engine', 'pf']]])('%j is refused in words', (argv) => {
    expect(() => parseExtcapArguments(argv)).toThrow(/^extcap: /);
  });
});
