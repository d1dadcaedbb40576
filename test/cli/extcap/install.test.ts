/** The launcher in Wireshark's folder: what it says, where it goes, and that nothing else is touched. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderOf, personalFrom, versionFrom } from '../../../src/cli/extcap/folders.ts';
import { launcher, sudoersLine } from '../../../src/cli/extcap/install.ts';
import { vethscope } from '../process.ts';

describe('where Wireshark looks', () => {
  it('is what tshark says', () => {
    const older = 'Temp:\t/tmp\nPersonal configuration:\t/home/ann/.config/wireshark\nExtcap path:         \t/usr/lib/wireshark/extcap\n';
    expect(personalFrom(older)).toBe('/home/ann/.config/wireshark/extcap');
    const newer = `${older}Personal Extcap path:\t/home/ann/.local/lib/wireshark/extcap\nGlobal Extcap path:\t/usr/lib/wireshark/extcap\n`;
    expect(personalFrom(newer)).toBe('/home/ann/.local/lib/wireshark/extcap');
    expect(personalFrom('nothing of the kind')).toBeNull();
  });

  it('is told by the version where tshark does not say', () => {
    const env = { HOME: '/home/ann' };
    expect(folderOf(versionFrom('Dumpcap (Wireshark) 4.0.17 (Git v4.0.17)') ?? [0, 0], env)).toBe('/home/ann/.config/wireshark/extcap');
    expect(folderOf([4, 2], env)).toBe('/home/ann/.local/lib/wireshark/extcap');
    expect(folderOf([5, 0], env)).toBe('/home/ann/.local/lib/wireshark/extcap');
    expect(folderOf([3, 6], { ...env, XDG_CONFIG_HOME: '/x' })).toBe('/x/wireshark/extcap');
  });
});

describe('the launcher', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-launcher-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('passes every argument on as it is, and answers the questions that have one answer itself', () => {
    const path = join(folder, "it's");
    writeFileSync(path, launcher(['printf', '<%s>', `a'b "c" $d`]), { mode: 0o755 });
    const call = (...args: string[]): string => execFileSync(path, args, { encoding: 'utf8' });
    const capture = ['--capture', '--extcap-interface', 'x', '--extcap-capture-filter', "tcp or --extcap-config '$(x)'"];
    expect(call(...capture)).toBe([`a'b "c" $d`, ...capture].map((word) => `<${word}>`).join(''));
    expect(call('--extcap-config', '--extcap-interface', 'x')).toMatch(/^arg \{number=0\}\{call=--engine\}.*\n(arg|value) /);
    expect(call('--extcap-interface', 'x', '--extcap-dlts')).toBe('dlt {number=1}{name=EN10MB}{display=Ethernet}\n');
  });

  it("writes sudo's own characters so that sudo takes them for the path's", () => {
    expect(sudoersLine('ann', ['/opt/a b/node', '/opt/x:y/main.js', 'extcap'])).toBe(
      'ann ALL=(root) NOPASSWD: /opt/a\\ b/node /opt/x\\:y/main.js extcap *',
    );
  });
});

describe('install-extcap', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vethscope-install-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const install = (...args: string[]) => vethscope(['install-extcap', '--dir', folder, ...args]);

  it('writes one executable file, renews it, and takes it away', async () => {
    expect((await install()).stdout).toBe(`installed ${folder}/vethscope\n`);
    expect(statSync(join(folder, 'vethscope')).mode & 0o777).toBe(0o755);
    expect((await install('--docker-host', "unix:///a'b")).stdout).toBe(`renewed ${folder}/vethscope\n`);
    expect(readFileSync(join(folder, 'vethscope'), 'utf8')).toContain(`'--docker-host' 'unix:///a'\\''b' "$@"`);
    expect(readdirSync(folder)).toEqual(['vethscope']);
    expect((await install('--remove')).stdout).toBe(`removed ${folder}/vethscope\n`);
    expect(readdirSync(folder)).toEqual([]);
    expect(await install('--remove')).toMatchObject({ code: 0, stdout: '' });
  });

  it('neither overwrites nor removes what it did not write, nor what a link leads to', async () => {
    writeFileSync(join(folder, 'vethscope'), 'somebody else\n');
    for (const args of [[], ['--remove']]) expect(await install(...args)).toMatchObject({ code: 1, stdout: '' });
    expect(readFileSync(join(folder, 'vethscope'), 'utf8')).toBe('somebody else\n');
    rmSync(join(folder, 'vethscope'));
    symlinkSync('/etc/hostname', join(folder, 'vethscope'));
    expect((await install()).stderr).toContain('was not written by vethscope');
  });

  it('is for your own Wireshark: with sudo it asks which one is meant', async () => {
    const { code, stderr } = await vethscope(['install-extcap'], { env: { SUDO_UID: '1000', SUDO_GID: '1000' } });
    expect(code).toBe(2);
    expect(stderr).toContain('--system');
  });
});
