/** The whole program in a terminal on a real Docker host: pick, watch, read the verdict, look deeper, save, leave; and open what was saved. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { PtyUi } from '../ui/fixtures/pty.ts';
import { useLab } from './lab.ts';
import { MAIN_JS, run } from './program.ts';
import { describeLab } from './root.ts';

const ENTER = '\r';
const ESCAPE = '\x1b';

describeLab('the terminal UI on a real host', () => {
  const host = useLab({ engine: 'local', shared: true });
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-tui-'));
  const running: PtyUi[] = [];

  const start = (...args: string[]): PtyUi => {
    // captures/ is made where the program is started.
    const ui = new PtyUi(host().wrap(['env', '-C', folder, process.execPath, MAIN_JS, ...args]), { columns: 120, rows: 34 });
    running.push(ui);
    return ui;
  };

  afterEach(() => {
    for (const ui of running.splice(0)) ui.end();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('leads from the container to the rule that drops its ping, and to a file that says the same elsewhere', {
    timeout: 120_000,
  }, async () => {
    const web2 = await host().addressOf('web2', 'test_net2');
    const ui = start();
    await ui.see('test_net1');
    ui.press('/');
    ui.press('web1');
    await ui.see('found');
    ui.press(ENTER);
    // The row of web1 itself, not of the one that shares its network.
    await ui.see(/▸ (web1|sidecar)/);
    if (/▸ sidecar/.test(ui.text)) ui.press('\x1b[B');
    await ui.see(/▸ web1/);
    ui.press(ENTER);
    await ui.see('here: all of web1');
    ui.press(ENTER);
    await ui.see('waiting for the first packet');

    const pinging = host().container('web1', `ping -c 6 -W 1 ${web2} || true`);
    await ui.see(/web1 → web2 +icmp echo/);
    await ui.see(/DROP.*DOCKER-ISOLATION|DROP.*filter D/);
    // Other traffic (a router solicitation) may stand above it.
    ui.press('/');
    ui.press('web2');
    ui.press(ENTER);
    await ui.see('different Docker networks');

    ui.press('s');
    await ui.see(/captures\/web1-.*pcapng/);
    ui.press(ENTER);
    await ui.see('●');
    await host().container('web1', `ping -c 2 -W 1 ${web2} || true`);
    await pinging;

    ui.press(ENTER);
    await ui.see('◀ decides');
    await ui.see(/counted ✓ \d/);
    expect(ui.text).toMatch(/FORWARD.*filter/);
    ui.press('p');
    await ui.see('0000');
    ui.press(ESCAPE);
    await ui.see('◀ decides');
    ui.press(ESCAPE);
    await ui.see('web1 → web2');
    ui.press('q');
    expect(await ui.exited()).toBe(0);
    expect(ui.inAlternateScreen).toBe(false);

    const path = /captures\/web1-\S+\.pcapng/.exec(ui.text)?.[0] ?? '';
    const { stdout, code } = await run(['read', join(folder, path), '--json']);
    expect(code).toBe(0);
    const flows = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const dropped = flows.find((flow) => flow['type'] === 'flow' && (flow['b'] as { address: string }).address === web2);
    expect(dropped).toMatchObject({ a: { name: 'web1' }, b: { name: 'web2' }, verdict: { outcome: 'drop' } });

    const again = start('--open', join(folder, path));
    await again.see(/web1 → web2/);
    await again.see('DROP');
    again.press('q');
    expect(await again.exited()).toBe(0);
  });

  it('draws the host, starts a capture from a cable, and shows on it what moves and what the rules drop', {
    timeout: 120_000,
  }, async () => {
    const web2 = await host().addressOf('web2', 'test_net2');
    const ui = start();
    await ui.see('test_net1');
    ui.press('t');
    await ui.see(/containers +cables +bridges +host +ways out/);
    ui.press('/');
    ui.press('web1');
    ui.press(ENTER);
    await ui.see(/▸ {2}web1 +─ veth\w+ ─+┤ br-\w+ +├─+┤/);
    ui.press('\x1b[C');
    await ui.see(/web1 +─▸veth\w+/);
    const cable = /▸(veth\w+)/.exec(ui.text)?.[1] ?? '';
    ui.press(ENTER);
    await ui.see('where to capture web1');
    await ui.see(new RegExp(`▸.*${cable} +veth +here: all of web1`));
    ui.press(ENTER);
    await ui.see('waiting for the first packet');
    const pinging = host().container('web1', `ping -c 15 -W 1 ${web2} || true`);
    await ui.see(/web1 → web2 +icmp echo/);
    ui.press('t');
    await ui.see(new RegExp(`web1 +●▸${cable}`));
    // The cable's own row of counters, and the host that drops it.
    await ui.see(/172\.18\.0\.\d+ +. \d+\/s ✗\d+\/s/);
    await ui.see(/of the captured ones\s+dropped or refused by\s+rules/);
    ui.press('i');
    await ui.see(`veth ${cable} of the host`);
    ui.press(ESCAPE);
    await ui.see(new RegExp(`●▸${cable}`));
    ui.press(ESCAPE);
    await ui.see('web1 → web2');
    ui.press('q');
    expect(await ui.exited()).toBe(0);
    await pinging;
  });

  it('goes straight to a container that is named', { timeout: 60_000 }, async () => {
    const ui = start('web2');
    await ui.see('waiting for the first packet');
    ui.press('\x03');
    expect(await ui.exited()).toBe(0);
    expect(ui.inAlternateScreen).toBe(false);
  });
});
