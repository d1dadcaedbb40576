/** What the UI does to a terminal, and that the terminal is afterwards as it was before. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltProgram, buildProgram } from './fixtures/build.ts';
import { type PtyOptions, PtyUi } from './fixtures/pty.ts';

const ENTER_ALTERNATE = '\u001b[?1049h';
const LEAVE_ALTERNATE = '\u001b[?1049l';
const SHOW_CURSOR = '\u001b[?25h';
const HIDE_CURSOR = '\u001b[?25l';
const PASTE_OFF = '\u001b[?2004l';

let program: BuiltProgram;
let folder: string;
const running: PtyUi[] = [];

beforeAll(() => {
  program = buildProgram();
  folder = mkdtempSync(join(tmpdir(), 'vethscope-ui-'));
});

afterEach(() => {
  for (const ui of running.splice(0)) ui.end();
});

afterAll(() => {
  program.remove();
  rmSync(folder, { recursive: true, force: true });
});

const start = (options: object = {}, settings: PtyOptions = {}): PtyUi => {
  const ui = new PtyUi([process.execPath, program.path, JSON.stringify(options)], settings);
  running.push(ui);
  return ui;
};

/** What must hold after every way out. */
const expectRestored = (ui: PtyUi): void => {
  expect(ui.inAlternateScreen).toBe(false);
  const { bytes } = ui;
  expect(bytes.split(ENTER_ALTERNATE)).toHaveLength(2);
  expect(bytes.split(LEAVE_ALTERNATE)).toHaveLength(2);
  expect(bytes.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(bytes.lastIndexOf(HIDE_CURSOR));
  expect(bytes.lastIndexOf(PASTE_OFF)).toBeGreaterThan(bytes.lastIndexOf('\u001b[?2004h'));
  // Nothing is drawn once the shell has its screen back.
  expect(bytes.slice(bytes.indexOf(LEAVE_ALTERNATE) + LEAVE_ALTERNATE.length)).not.toContain('\u001b[');
  expect(ui.text).toContain('stty same');
};

describe('the terminal is as it was', { timeout: 120_000 }, () => {
  const withShell = (options: object = {}): { ui: PtyUi; pid: () => number; log: () => { workspace: string[]; captures: string[][] } } => {
    const name = `${running.length}-${Math.random().toString(36).slice(2)}`;
    const pidFile = join(folder, `${name}.pid`);
    const logFile = join(folder, `${name}.log`);
    const ui = start({ ...options, pidFile, logFile }, { stty: true });
    return { ui, pid: () => Number(readFileSync(pidFile, 'utf8')), log: () => JSON.parse(readFileSync(logFile, 'utf8')) };
  };

  it('after q, with exit code 0 and the workspace closed', async () => {
    const { ui, log } = withShell();
    await ui.see('vethscope · docker');
    expect(ui.inAlternateScreen).toBe(true);
    ui.press('q');
    expect(await ui.exited()).toBe(0);
    expectRestored(ui);
    expect(log().workspace).toContain('close');
  });

  it('after Ctrl-C while text is typed and a capture runs, which is stopped', async () => {
    const { ui, log } = withShell();
    await ui.see('vethscope · docker');
    ui.press('\r');
    await ui.see('where to capture');
    ui.press('\r');
    await ui.see('live');
    ui.press('/we');
    await ui.see('/ we▏');
    ui.press('\u0003');
    expect(await ui.exited()).toBe(0);
    expectRestored(ui);
    expect(log()).toMatchObject({ captures: [['stop']] });
  });

  it('and names the file that was being saved', async () => {
    const { ui } = withShell();
    await ui.see('vethscope · docker');
    ui.press('\r');
    await ui.see('where to capture');
    ui.press('s');
    await ui.see(/save to {2}captures/);
    ui.press('\r');
    await ui.see('● captures/');
    ui.press('q');
    expect(await ui.exited()).toBe(0);
    expectRestored(ui);
    expect(ui.text).toContain('saved 3,120 packets, 412 kB to captures/web1-20261121-0314.pcapng');
  });

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const) {
    it(`after ${signal}, with exit code ${code} and the workspace closed`, async () => {
      const { ui, pid, log } = withShell();
      await ui.see('vethscope · docker');
      process.kill(pid(), signal);
      expect(await ui.exited()).toBe(code);
      expectRestored(ui);
      expect(log().workspace).toContain('close');
    });
  }

  for (const [defect, words] of [
    ['throw', 'Error: defect thrown'],
    ['reject', 'Error: defect rejected'],
    ['draw', 'Error: defect while drawing'],
  ] as const) {
    it(`after a defect (${defect}), which is printed behind it with exit code 1`, async () => {
      const { ui, log } = withShell({ defect });
      expect(await ui.exited()).toBe(1);
      expectRestored(ui);
      const after = ui.bytes.slice(ui.bytes.indexOf(LEAVE_ALTERNATE));
      expect(after).toContain('unexpected error');
      expect(after).toContain(words);
      expect(log().workspace).toContain('close');
    });
  }

  it('and what a library printed meanwhile comes out behind it, not across the screen', async () => {
    const { ui } = withShell({ noisy: true, late: true });
    await ui.see('docker 28.5.2');
    expect(ui.text).not.toContain('noise');
    ui.press('q');
    await ui.exited();
    expectRestored(ui);
    expect(ui.text).toContain('noise from a library');
  });
});

describe('the terminal is lost', { timeout: 120_000 }, () => {
  it('ends the program, closing what it had open', async () => {
    const logFile = join(folder, 'lost.log');
    const ui = start({ logFile });
    await ui.see('vethscope · docker');
    ui.kill('SIGHUP');
    expect(await ui.exited()).toBe(129);
    expect(JSON.parse(readFileSync(logFile, 'utf8'))).toMatchObject({ workspace: ['close'] });
  });
});

describe('frames', { timeout: 120_000 }, () => {
  const screens: readonly (readonly [keys: string, mark: string])[] = [
    ['', 'vethscope · docker'],
    ['\r', 'where to capture'],
    ['\r', 'live'],
    ['\r', '◀ decides'],
    ['w', 'why not others'],
    ['e', 'copied to the clipboard'],
    ['\u001b', 'other direction'],
    ['p', 'packet 12 of 12'],
    ['?', 'vethscope · help'],
    ['\u001b', 'packet 12 of 12'],
    ['\u001b', 'other direction'],
    ['\u001b', 'live'],
    ['e', 'capturing on veth9e3c2b6'],
    ['\u001b', 'live'],
    ['\u001b', 'b goes back to it'],
    ['t', 'ways out'],
    ['\u001b', 'b goes back to it'],
    ['x', 'What would happen'],
  ];

  for (const [columns, rows] of [
    [80, 24],
    [100, 30],
    [140, 40],
  ] as const) {
    it(`leave the last row of ${columns}x${rows} free and never scroll, on every screen`, async () => {
      const ui = start({ flows: 500, containers: 60 }, { columns, rows });
      for (const [keys, mark] of screens) {
        if (keys !== '') ui.press(keys);
        // The footer stands on the last line of the frame, and comes last.
        await ui.see((text) => text.includes(mark) && ui.lines[rows - 2] !== '');
        expect(ui.lines[rows - 1]).toBe('');
        expect(ui.lines[0]).toContain('vethscope');
      }
      expect(ui.bytes).not.toMatch(/\r?\n.*\u001b\[\?1049l/s);
    });
  }

  it('follow the size of the terminal, say so where it is too small, and come back', async () => {
    const ui = start({}, { columns: 140, rows: 40 });
    await ui.see('IMAGE');
    ui.resize(80, 24);
    await ui.see(() => ui.lines[22]?.includes('quit') === true && ui.lines[23] === '');
    expect(ui.text).not.toContain('IMAGE');
    ui.resize(40, 10);
    await ui.see((text) => /needs 80x24/.test(text) && ui.lines.filter((line) => line !== '').length === 2);
    ui.resize(8, 2);
    await ui.see((text) => text.trim() !== '' && !text.includes('q quits'));
    ui.resize(100, 30);
    await ui.see((text) => text.includes('vethscope · docker') && ui.lines[28]?.includes('quit') === true);
  });

  it('are drawn under CI=true too', async () => {
    const ui = start({}, { env: { CI: 'true', CONTINUOUS_INTEGRATION: '1' } });
    await ui.see('vethscope · docker');
    ui.press('\r');
    await ui.see('where to capture');
  });

  it('hold no colour where none is wanted', async () => {
    const ui = start({ color: false });
    await ui.see('vethscope · docker');
    ui.press('\r');
    await ui.see('where to capture');
    ui.press('\r');
    await ui.see('DROP');
    ui.press('\r');
    await ui.see('◀ decides');
    const codes = [...ui.bytes.matchAll(/\u001b\[([0-9;]*)m/g)].map((match) => match[1]);
    expect(codes.filter((code) => code !== '0')).toEqual([]);
  });

  it('hold colours where they are wanted, and the verdict as a word all the same', async () => {
    const ui = start({ container: 'web1' });
    await ui.see('DROP');
    expect(ui.bytes).toContain('\u001b[31;1mDROP');
  });

  it('are pure ASCII where the terminal has no Unicode', async () => {
    const ui = start({ unicode: false }, { env: { LANG: 'C' } });
    await ui.see('vethscope - docker');
    ui.press('\r');
    await ui.see('where to capture');
    ui.press('\r');
    await ui.see('web1 -> web2');
    for (const [keys, mark] of [
      ['\r', '<- decides'],
      ['?', 'vethscope - help'],
      ['\u001b', '<- decides'],
      ['p', 'packet 12 of 12'],
    ] as const) {
      ui.press(keys);
      await ui.see(mark);
    }
    expect(ui.bytes).toMatch(/^[\u0000-\u007f]*$/);
  });
});

describe('hostile names', { timeout: 120_000 }, () => {
  it('reach the terminal without their escape sequences', async () => {
    const ui = start({}, { columns: 140, rows: 40 });
    await ui.see('日本語-web');
    await ui.see('registry.example');
    expect(ui.bytes).not.toContain('\u001b[31mteam');
    expect(ui.bytes).not.toContain('\u202e');
  });
});

describe('under load', { timeout: 120_000 }, () => {
  it('keys are answered while flows pour in', async () => {
    const ui = start({ container: 'web1', load: 200 }, { columns: 140, rows: 40 });
    await ui.see('DROP');
    await ui.see(/of \d+,\d\d\d/);
    ui.press('?');
    await ui.see('vethscope · help');
    ui.press('\u001b');
    await ui.see('VERDICT');
    ui.press('j');
    await ui.see(/^▸.*web1 → outside/m);
    ui.press('o');
    await ui.see('by last packet');
    ui.press('q');
    expect(await ui.exited()).toBe(0);
  });
});

describe('the command line', { timeout: 120_000 }, () => {
  it('leads straight into the capture of a container', async () => {
    const ui = start({ container: 'web1', late: true });
    await ui.see('DROP');
    await ui.see('web1 · veth9e3c2b6');
  });

  it('leads straight into a saved session', async () => {
    const ui = start({ file: 'captures/demo.pcapng' });
    await ui.see('as of the cursor');
    await ui.see('DROP');
  });

  it('says beside the picker what could not be opened', async () => {
    const ui = start({ container: 'nowhere' });
    await ui.see(/nowhere/);
    await ui.see('vethscope · docker');
  });
});
