/**
 * Wireshark's own programs start vethscope as one of their capture programs: containers among the interfaces, verdicts beside the packets,
 * and nothing left when they have enough.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { useLab } from './lab.ts';
import { MAIN_JS, Program, run } from './program.ts';
import { describeLab } from './root.ts';

const OUTSIDE = '203.0.113.2';
const NOBODY = '65534';
/** Wireshark starts its programs one after another, several times. */
const PATIENCE_MS = 90_000;

vi.setConfig({ testTimeout: PATIENCE_MS });

describeLab('Wireshark', () => {
  const host = useLab({ engine: '28.5', shared: true });
  const home = mkdtempSync(join(tmpdir(), 'vethscope-extcap-'));
  const env = { HOME: home, XDG_CONFIG_HOME: join(home, '.config') };
  let traffic: ChildProcess;
  let web2 = '';

  beforeAll(async () => {
    chmodSync(home, 0o755);
    web2 = await host().addressOf('web2', 'test_net2');
    const [file, ...rest] = host().wrapContainer('web1', [
      'sh',
      '-c',
      `exec 3<&0; while read -r line; do :; done <&3 & reader=$!; while kill -0 $reader 2>/dev/null; do ping -c1 -W1 ${OUTSIDE}; ping -c1 -W1 ${web2}; done`,
    ]);
    // Ends with its standard input, also when this process is killed.
    traffic = spawn('bash', ['-c', '"$@" <&0 >/dev/null 2>&1', 'sh', file as string, ...rest], { stdio: ['pipe', 'ignore', 'ignore'] });
    const { code, stderr } = await run(['install-extcap'], (argv) => [
      'env',
      ...Object.entries(env).map((pair) => pair.join('=')),
      ...argv,
    ]);
    expect(`${code} ${stderr}`).toMatch(/^0 .*tshark -G folders/s);
  });
  afterAll(() => {
    traffic.stdin?.end();
    rmSync(home, { recursive: true, force: true });
  });

  const wrapped = (argv: readonly string[]): string[] =>
    host().wrap(['env', ...Object.entries(env).map((pair) => pair.join('=')), ...argv]);
  const output = async (argv: readonly string[]): Promise<string> => {
    const [file, ...rest] = wrapped(argv);
    return (await promisify(execFile)(file as string, rest, { timeout: 60_000, maxBuffer: 1 << 26 })).stdout;
  };
  const extcap = (args: readonly string[]) => run(['extcap', ...args], wrapped);
  const fifo = async (name: string): Promise<string> => {
    const path = join(home, name);
    await promisify(execFile)('mkfifo', [path]);
    return path;
  };
  const stillRunning = (word: string): string[] =>
    readdirSync('/proc').filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
      } catch {
        return false; // no process, or one that has just ended
      }
    });

  it('has containers, their endpoints and bridges in the list of interfaces', async () => {
    const list = await output(['tshark', '-D']);
    expect(list).toMatch(/ vethscope-web1 \(web1: 172\.18\.0\.2 in test_net1\)/);
    expect(list).toMatch(/ vethscope-multi \(multi: all of its networks \(test_net1, test_net2\)\)/);
    expect(list).toMatch(/ vethscope-multi:test_net2 \(multi: 198\.18\.20\.\d+ in test_net2\)/);
    expect(list).toMatch(/ vethscope-bridge:test_net1 \(bridge br-[0-9a-f]{12}: all of test_net1\)/);
    expect(list).not.toContain('vethscope-nonemode');
  });

  it('shows packets of two containers with verdicts as they come, and stops at its own condition', async () => {
    const filter = ['-f', 'icmp'];
    const fields = ['-T', 'fields', '-e', 'ip.dst', '-e', 'frame.interface_name', '-e', 'frame.comment'];
    const shown = await output([
      'tshark',
      '-n',
      '-l',
      '-i',
      'vethscope-web1',
      ...filter,
      '-i',
      'vethscope-web2',
      ...filter,
      '-c',
      '5',
      ...fields,
    ]);
    const rows = shown
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows).toHaveLength(5);
    const dropped = rows.find(([dst, , comment]) => dst === web2 && comment !== '');
    expect(dropped?.[2]).toMatch(/^vethscope: DROP raw\/PREROUTING#\d+ -A PREROUTING -d .* -j DROP/);
    const masqueraded = rows.find(([dst, , comment]) => dst === OUTSIDE && comment !== '');
    expect(masqueraded?.[2]).toMatch(/^vethscope: ACCEPT filter\/DOCKER-FORWARD#\d+ .* MASQUERADE/);
    expect(new Set(rows.map(([, name]) => name))).toEqual(new Set([dropped?.[1]]));
    await expect.poll(() => stillRunning('wireshark_extcap_vethscope-web'), { timeout: 15_000 }).toEqual([]);
  });

  it('keeps the facts among the packets where the dialog says so, and then the file is judged anew by read', async () => {
    const file = join(home, 'kept.pcapng');
    await output(['tshark', '-q', '-i', 'vethscope-web1', '-o', 'extcap.vethscope_web1.facts:true', '-f', 'icmp', '-c', '5', '-w', file]);
    const { stdout } = await run(['read', file, '--json']);
    const verdicts = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { verdict?: { outcome: string } });
    expect(new Set(verdicts.flatMap(({ verdict }) => verdict?.outcome ?? []))).toEqual(new Set(['accept', 'drop']));
  });

  it('passes on only what is dropped, without comments, where the dialog says so', async () => {
    const options = ['-o', 'extcap.vethscope_web1.onlydropped:true', '-o', 'extcap.vethscope_web1.nocomments:true'];
    const fields = ['-T', 'fields', '-e', 'ip.dst', '-e', 'frame.comment'];
    const shown = await output(['tshark', '-n', '-l', '-i', 'vethscope-web1', ...options, '-f', 'icmp', '-c', '2', ...fields]);
    expect(shown).toBe(`${web2}\t\n${web2}\t\n`);
  });

  it('says nothing about a good filter and what is wrong with a bad one', async () => {
    const check = (filter: string) => extcap(['--extcap-interface', 'vethscope-web1', '--extcap-capture-filter', filter]);
    expect(await check('tcp port 80')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await check('')).toEqual({ code: 0, stdout: '', stderr: '' });
    const bad = await check('tcp prot 80');
    expect(bad.stdout).toContain('tcp prot 80');
    expect(bad.code).toBe(0);
  });

  it('ends with a whole file at SIGTERM', async () => {
    const path = await fifo('term');
    const program = new Program(['extcap', '--capture', '--extcap-interface', 'vethscope-web1', '--fifo', path], wrapped);
    const chunks: Buffer[] = [];
    const stream = createReadStream(path).on('data', (chunk) => chunks.push(chunk as Buffer));
    const closed = new Promise<void>((resolve) => stream.on('close', () => resolve()));
    await expect.poll(() => Buffer.concat(chunks).includes('vethscope: '), { timeout: 30_000 }).toBe(true);
    program.child.kill('SIGTERM');
    expect(await program.finished).toEqual({ code: 0, stdout: '', stderr: '' });
    await closed;
    const reading = await run(['read', '-'], undefined, Buffer.concat(chunks).toString('latin1'));
    expect(reading.stderr).not.toMatch(/cut off|damaged|truncated/);
  });

  it('ends when nobody reads any more, also where no packet comes', async () => {
    const path = await fifo('idle');
    const args = ['--capture', '--extcap-interface', 'vethscope-web1', '--fifo', path, '--extcap-capture-filter', 'tcp port 9'];
    const program = new Program(['extcap', ...args], wrapped);
    await promisify(execFile)('head', ['-c', '28', path]);
    expect(await program.finished).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('says in a sentence why a container cannot be captured', async () => {
    const path = await fifo('gone');
    const { code, stdout, stderr } = await extcap(['--capture', '--extcap-interface', 'vethscope-webX', '--fifo', path]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^vethscope: there is no interface vethscope-webX any more\n {2}try: /);
  });

  it('tells an ordinary user what to do, and lists what that user may see', async () => {
    const as = (argv: readonly string[]): string[] =>
      wrapped(['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', 'env', 'PATH=/usr/bin:/bin', ...argv]);
    const list = await run(['extcap', '--extcap-interfaces', '--extcap-version=4.0'], as);
    expect(list.code).toBe(0);
    expect(list.stdout).toMatch(/^extcap \{version=/);
    expect(list.stdout).toMatch(/^interface \{value=vethscope-bridge:br-[0-9a-f]+\}/m);
    const capture = await run(['extcap', '--capture', '--extcap-interface', 'vethscope-web1', '--fifo', join(home, 'none')], as);
    expect(capture.code).toBe(3);
    expect(capture.stderr).toMatch(/^vethscope: no privilege to capture.*\n {2}try: vethscope install-extcap --sudoers/);
  });

  it.each([
    ['tshark', 'tshark -l -n -i - -c 4 -T fields -e frame.comment'],
    ['dumpcap', 'dumpcap -q -i - -c 8 -w "$0/dumped.pcapng" && tshark -r "$0/dumped.pcapng" -T fields -e frame.comment'],
  ])('capture -w - goes into %s', async (_name, reader) => {
    const script = `"${process.execPath}" "${MAIN_JS}" capture web1 icmp -w - 2>/dev/null | { ${reader}; } 2>/dev/null`;
    expect(await output(['sh', '-c', script, home])).toMatch(/vethscope: (DROP|ACCEPT) /);
  });

  it('is taken away again, and a file of somebody else is not touched', async () => {
    const as = (argv: readonly string[]): string[] => ['env', ...Object.entries(env).map((pair) => pair.join('=')), ...argv];
    const removed = await run(['install-extcap', '--remove'], as);
    expect(removed.stdout).toMatch(/^removed .*\/extcap\/vethscope\n$/);
    const path = removed.stdout.slice('removed '.length).trim();
    mkdirSync(path);
    const refused = await run(['install-extcap'], as);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('was not written by vethscope');
  });
});
