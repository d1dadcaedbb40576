/** What stands behind `--`, and values of options. */
import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { parseCount, parseDuration } from '../../src/cli/arguments.ts';
import { splitAtDashes } from '../../src/cli/command-line.ts';

describe('--', () => {
  it.each([
    ['capture web1 -- tcp', ['capture', 'web1'], ['tcp']],
    ['--json --host capture read f -- tcp', ['--json', '--host', 'capture', 'read', 'f'], ['tcp']],
    ['capture web1 --', ['capture', 'web1'], []],
    ['capture web1 -- a -- b', ['capture', 'web1'], ['a', '--', 'b']],
  ])('splits "%s"', (line, words, afterDashes) => {
    expect(splitAtDashes(line.split(' '))).toEqual({ words, afterDashes });
  });

  it.each(['capture web1 tcp', 'explain -- a b tcp', '-- list', '--host capture list -- x'])('leaves "%s" to the parser', (line) => {
    expect(splitAtDashes(line.split(' '))).toEqual({ words: line.split(' '), afterDashes: null });
  });
});

describe('values', () => {
  it.each([
    ['30', 30_000],
    ['1.5', 1_500],
    ['250ms', 250],
    ['90s', 90_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
  ])('duration %s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '0', '-1', '1 d', 'soon', '1e3', '9999999'])('"%s" is no duration', (text) => {
    expect(() => parseDuration(text)).toThrow(InvalidArgumentError);
  });

  it.each(['0', '-1', '1.5', 'x', '99999999999999999999'])('"%s" is no count', (text) => {
    expect(() => parseCount(text)).toThrow(InvalidArgumentError);
  });
});
