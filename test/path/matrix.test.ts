/** Who can reach whom on the recorded scene: which pairs are asked, in which order, and what each cell says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type MatrixQuestion, matrixOf } from '../../src/path/matrix.ts';
import { matrixJson } from '../../src/report/matrix-json.ts';
import { matrixText } from '../../src/report/matrix-text.ts';
import { PLAIN_STYLE } from '../../src/report/style.ts';
import { expectGolden } from '../report/golden.ts';
import { type Scene, scene } from './scene.ts';

const ALL: MatrixQuestion = { from: null, to: null, ports: null };
const world = scene('28.5');
const ask = (question: Partial<MatrixQuestion>, on: Scene = world) => matrixOf(on.model, on.topology, { ...ALL, ...question });

describe('who is in it', () => {
  const matrix = ask({});

  it('has each network namespace once, the host and outside last', () => {
    expect(matrix.from).toEqual(matrix.to);
    expect(matrix.from.slice(-2)).toEqual(['host', 'outside']);
    expect([...matrix.from.slice(0, -2)].sort()).toEqual(matrix.from.slice(0, -2));
    expect(matrix.left).toContain('sidecar shares the network of web1');
    expect(matrix.left).toContain('nonemode has no network');
  });

  it('asks icmp of everybody, and beyond it what the far end publishes or listens on', () => {
    const protos = (to: string): readonly string[] => [...new Set(matrix.cells.filter((cell) => cell.to === to).map((cell) => cell.proto))];
    expect(protos('web2')).toEqual(['icmp']);
    expect(protos('pub')).toEqual(['icmp', 'tcp:80']);
    expect(protos('host')).toEqual(expect.arrayContaining(['icmp', 'tcp:8080']));
    expect(protos('host')).not.toContain('tcp:8081');
  });

  it('asks nobody about itself', () => {
    expect(matrix.cells.filter((cell) => cell.from === cell.to)).toEqual([]);
  });
});

describe('a cell', () => {
  const cell = (from: string, to: string, proto: string) => ask({ from: [from], to: [to], ports: [proto] }).cells[0];

  it('is what explain says of the pair', () => {
    expect(cell('web1', 'web2', 'tcp:80')?.verdict).toMatchObject({ outcome: 'drop', decidedBy: { table: 'raw', chain: 'PREROUTING' } });
    expect(cell('web1', 'outside', 'icmp')).toMatchObject({ verdict: { outcome: 'accept' }, reply: { outcome: 'accept' } });
  });

  it('has the reply where it fares worse, and says so in words', () => {
    const matrix = ask({ from: ['nm1'], to: ['outside'], ports: ['icmp'] });
    expect(matrix.cells[0]).toMatchObject({ verdict: { outcome: 'accept' }, reply: { outcome: 'drop' } });
    expect(matrixText(matrix, PLAIN_STYLE, 100)[2]).toMatch(/^ nm1 +accept, no reply: raw PREROUTING #\d+ \[1\]$/);
  });

  it('is undetermined with its reason where a pair cannot be asked about', () => {
    const lost = scene('28.5', { raw: { 'ip -j -4 route show table all': null } });
    const matrix = ask({ from: ['192.0.2.9'], to: ['web1'], ports: ['icmp'] }, lost);
    expect(matrix.cells[0]?.verdict.outcome).toBe('undetermined');
    expect(matrix.cells[0]?.verdict.unknowns[0]).toContain('by which interface');
  });

  it('is no excuse for a name that nobody knows', () => {
    expect(() => ask({ from: ['nobody'], to: ['web1'], ports: ['icmp'] })).toThrow('is no container');
    expect(() => ask({ from: ['web2'], to: ['web1'], ports: ['tpc:80'] })).toThrow('is no protocol');
  });
});

describe('as text', () => {
  const matrix = ask({ from: ['web1', 'pub', 'nm1', 'host', 'outside'], to: ['web1', 'web2', 'pub', 'mv1', 'outside'] });

  it('names the deciding rule in each cell where there is room, and in full beneath', () => {
    expectGolden('matrix-wide.txt', matrixText(matrix, PLAIN_STYLE, 400));
  });

  it.each([80, 100, 140])('fits %i columns', (columns) => {
    const lines = matrixText(matrix, PLAIN_STYLE, columns);
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    if (columns === 80) expectGolden('matrix-80.txt', lines);
  });
});

describe('as JSON', () => {
  it('is the same at two moments that differ in counters only', () => {
    const counted = scene('28.5', {
      raw: { 'iptables-nft-save -c': (text) => text.replaceAll(/\[\d+:\d+\]/g, '[77:7777]') },
    });
    const few: Partial<MatrixQuestion> = { from: ['web1', 'outside'], to: ['web2', 'host'] };
    expect(matrixJson(ask(few, counted))).toEqual(matrixJson(ask(few)));
    expect(JSON.stringify(matrixJson(ask(few)))).not.toContain('counters');
  });
});

describe('docs/cli.md', () => {
  it('shows a true copy of a matrix', () => {
    const question: MatrixQuestion = { from: ['web1', 'nm1', 'outside'], to: ['web2', 'pub', 'outside'], ports: null };
    const copy = matrixText(ask(question), PLAIN_STYLE, 100).map((line) => (line === '' ? '' : `    ${line}`));
    expect(readFileSync('docs/cli.md', 'utf8')).toContain(copy.join('\n'));
  });
});
