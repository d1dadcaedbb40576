/** The built program: exit codes, help, errors for people. Nothing here needs a host. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shell, vethscope } from './process.ts';

const VERSION = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

describe('the program', () => {
  it('prints its version alone', async () => {
    expect(await vethscope(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
    expect(await vethscope(['--json', '--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
  });

  it('answers Wireshark with and without the launcher’s word', async () => {
    const asked = ['--extcap-interface', 'vethscope-web1', '--extcap-dlts'];
    const dlt = 'dlt {number=1}{name=EN10MB}{display=Ethernet}\n';
    expect(await vethscope(asked)).toMatchObject({ code: 0, stdout: dlt });
    expect(await vethscope(['extcap', ...asked])).toMatchObject({ code: 0, stdout: dlt });
  });

  it('names every command in its help, and prints help to standard output', async () => {
    const { code, stdout } = await vethscope(['--help']);
    expect(code).toBe(0);
    for (const name of ['list', 'topology', 'capture', 'read', 'explain', 'snapshot', 'doctor'])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it.each(['list', 'topology', 'capture', 'read', 'explain', 'snapshot', 'doctor'])(
    'has help for %s with the global options',
    async (name) => {
      const { code, stdout } = await vethscope([name, '--help']);
      expect(code).toBe(0);
      for (const option of ['--host', '--docker-host', '--json', '--no-color']) expect(stdout).toContain(option);
    },
  );

  it('needs a terminal for the UI: usage on standard error, exit 2', async () => {
    for (const args of [[], ['web1']]) {
      const { code, stdout, stderr } = await vethscope(args);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toContain('Usage: vethscope');
      expect(stderr).toContain('needs a terminal');
    }
  });

  it.each([
    [['list', '--bogus'], "unknown option '--bogus'"],
    [['list', '--iptables', 'x'], "unknown option '--iptables'"],
    [['explain', '--local', '192.0.2.1', 'a', 'b', 'icmp'], "unknown option '--local'"],
    [['list', 'extra'], 'too many arguments'],
    [['explain', '--bogus'], '(vethscope explain --help tells what it takes)'],
    [['explain', '--ports', 'tcp:80', 'a', 'b', 'icmp'], '--ports belongs to --matrix'],
    [['explain', '--matrix', 'a'], 'explain --matrix takes no SRC DST PROTO'],
    [['list', '--bogus\u001b[2J'], "unknown option '--bogus\ufffd[2J'"],
    [['capture'], "missing required argument 'target'"],
    [['capture', 'web1', '-c', '0'], 'must be a whole number above 0'],
    [['capture', 'web1', '--duration', 'soon'], 'seconds'],
    [['capture', 'web1', '--engine', 'magic'], 'Allowed choices are auto, cap, tcpdump'],
    [['capture', 'web1', '-w', 'x', '-C', '10x'], 'millions of bytes'],
    [['capture', 'web1', '-w', 'x', '-b', 'size:3'], 'duration:N, filesize:N'],
    [['capture', 'web1', '-w', 'x', '-b', 'files:3'], 'not when the next one begins'],
    [['capture', 'web1', '-w', 'x', '-b', 'filesize:9', '-C', '1'], '-C is tcpdump'],
    [['capture', 'web1', '-w', 'x', '-W', '3'], '-C SIZE or -G SECONDS'],
    [['capture', 'web1', '-w', 'x', '-a', 'files:3'], 'there is one only'],
    [['capture', 'web1', '-w', 'x', '-C', '1', '-a', 'filesize:3'], '-a filesize:'],
    [['capture', 'web1', '-w', 'x-%Q', '-G', '3'], '%Q in a file name'],
    [['capture', 'web1', '-w', '-', '-C', '1'], 'standard output is one file'],
    [['capture', 'web1', '-w', '/tmp', '-C', '1'], '/tmp is a folder'],
    [['capture', 'web1', '-C', '1'], 'there is no -w FILE'],
    [['capture', 'web1', '--headers-only'], 'there is no -w FILE'],
    [['capture', 'web1', '--keep', 'long', '-w', 'x'], 'a time (90s, 5m, 1h)'],
    [['capture', 'web1', '--keep', '5m'], '--keep needs the name of the file'],
    [['capture', 'web1', '--keep', '5m', '-w', 'x', '-C', '1'], 'do not go with it'],
    [['read', 'x', '--headers-only'], 'there is no -w FILE'],
    [['read', 'x', '-w', 'y', '--packets'], 'read -w shows no packets'],
    [['read', 'x', '-w', 'y', '--nft', 'z'], 'not both at once'],
    [['read'], "missing required argument 'file'"],
    [['explain'], 'explain needs SRC DST PROTO[:PORT]'],
    [['explain', 'a', 'b'], 'explain needs SRC DST PROTO[:PORT]'],
    [['explain', 'a', 'b', 'tcp:80', '--expect', 'maybe'], 'Allowed choices are accept, drop, reject'],
    [['explain', '--packets', '-', 'a'], 'not both'],
    [['--host'], 'argument missing'],
  ])('%j is a usage error', async (args, said) => {
    const { code, stdout, stderr } = await vethscope(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^vethscope: /);
    expect(stderr).toContain(said);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('says which file it could not read, with what the system said, and without a stack trace', async () => {
    for (const args of [
      ['--host', '/nonexistent/x.json', 'list'],
      ['read', '/nonexistent/x.pcap'],
      ['explain', '--packets', '/nonexistent/x', '--host', '/nonexistent/y'],
    ]) {
      const { code, stderr } = await vethscope(args);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^vethscope: .*\/nonexistent\//);
      expect(stderr).toContain('ENOENT');
      expect(stderr).not.toMatch(/^ +at /m);
    }
  });

  it('does not mind a reader that goes away', async () => {
    expect(await shell('set -o pipefail; V --help | head -1; echo $?')).toMatchObject({
      stdout: 'Usage: vethscope [options] [command] [container]\n0\n',
      stderr: '',
    });
    expect(await shell('set -o pipefail; V --help | true; echo $?')).toMatchObject({ stdout: '0\n', stderr: '' });
  });

  it('says so when the answer cannot be written', async () => {
    const { stderr, stdout } = await shell('V --help > /dev/full; echo $?');
    expect(stdout).toBe('1\n');
    expect(stderr).toContain('ENOSPC');
  });
});
