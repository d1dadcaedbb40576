/** However a command or a screen ends, and whoever is killed, the host is as it was: counted before and after. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { childrenOf } from '../processes.ts';
import { PtyUi } from '../ui/fixtures/pty.ts';
import { useLab } from './lab.ts';
import { MAIN_JS, Program, run, type Wrap } from './program.ts';
import { describeLab } from './root.ts';
import { type Stock, takeStock } from './stock.ts';

describeLab('nothing is left behind', () => {
  const host = useLab({ engine: '28.5' });
  const root = mkdtempSync(join(tmpdir(), 'vethscope-leaks-'));
  const [temporary, work] = [join(root, 'tmp'), join(root, 'work')];
  mkdirSync(temporary);
  mkdirSync(work);
  afterAll(() => rmSync(root, { recursive: true }));

  const wrap: Wrap = (argv) => host().wrap(['env', '-C', work, `TMPDIR=${temporary}`, ...argv]);
  const started: Program[] = [];
  const start = (...args: string[]): Program => {
    const program = new Program(args, wrap);
    started.push(program);
    return program;
  };
  afterAll(() => {
    for (const { child } of started) child.kill('SIGKILL');
  });
  const stock = (): Promise<Stock> => takeStock(host(), [temporary, work]);
  let before: Stock;
  const isAsBefore = (): Promise<void> => expect.poll(stock, { timeout: 30_000, interval: 300 }).toEqual(before);

  const childOf = async (pid: number | undefined, program: string): Promise<number> => {
    const find = (): number | undefined =>
      childrenOf(pid as number).find((child) => readFileSync(`/proc/${child}/cmdline`, 'latin1').includes(program));
    await expect.poll(find).toBeDefined();
    return find() as number;
  };
  const agentOf = (program: Program): Promise<number> => childOf(program.child.pid, 'agent/main.js');

  beforeAll(async () => {
    // The first look at a link gives the namespace behind it a number, and loads what reading rules needs.
    await run(['snapshot', '-o', '/dev/null'], wrap);
    before = await stock();
  });

  it('by any command', { timeout: 90_000 }, async () => {
    const commands: readonly (readonly string[])[] = [
      ['list'],
      ['topology', '--json'],
      ['explain', 'web1', 'web2', 'icmp'],
      ['explain', '--matrix', '--json'],
      ['snapshot', '-o', 'host.json'],
      ['doctor'],
      ['trace', 'web1', 'outside', 'icmp', '--send'],
      ['capture', 'web1', 'mv1', '--duration', '1s', '-w', 'web1.pcapng'],
      ['capture', 'web2', '--engine', 'tcpdump', '--duration', '1s', '--json'],
      ['capture', 'no-such-container'],
    ];
    const codes = await Promise.all(commands.map(async (args) => [args[0], (await run(args, wrap)).code]));
    expect(codes.map(([, code]) => code)).toEqual([0, 0, 0, 0, 0, expect.any(Number), 0, 0, 0, 2]);
    expect((await run(['read', 'web1.pcapng'], wrap)).code).toBe(0);
    for (const file of ['host.json', 'web1.pcapng']) rmSync(join(work, file));
    await isAsBefore();
  });

  it('by captures and traces that are killed, in whichever part', { timeout: 120_000 }, async () => {
    const captures = ['cap', 'tcpdump', 'cap', 'tcpdump'].map((engine) => start('capture', 'web1', '--engine', engine));
    const traces = ['udp:7', 'udp:9'].map((protocol) => start('trace', 'web2', 'outside', protocol, '--duration', '90s'));
    await Promise.all(captures.map((program) => program.remark(/listening on/)));
    await Promise.all(traces.map((program) => program.remark(/waiting/)));
    await expect.poll(async () => (await stock())['rules']?.some((line) => line.includes('vethscope_trace'))).toBe(true);
    const during = await stock();
    expect(Number(during['packet sockets']?.[0])).toBeGreaterThan(Number(before['packet sockets']?.[0]));
    expect(during['processes']?.length).toBeGreaterThan((before['processes']?.length ?? 0) + 6);
    const [mainKilled, agentKilled, engineKilled, hungUp] = captures as [Program, Program, Program, Program];
    const [traceKilled, tracerKilled] = traces as [Program, Program];
    process.kill(await childOf(await agentOf(engineKilled), 'engine/main.js'), 'SIGKILL');
    process.kill(await agentOf(agentKilled), 'SIGKILL');
    process.kill(await agentOf(tracerKilled), 'SIGKILL');
    mainKilled.child.kill('SIGKILL');
    traceKilled.child.kill('SIGKILL');
    hungUp.child.kill('SIGHUP');
    // It starts another engine; the others end.
    await engineKilled.remark(/listening again on/);
    expect((await engineKilled.interrupt()).code).toBe(0);
    await Promise.all([...captures, ...traces].map((program) => program.finished));
    await isAsBefore();
  });

  it('by screens that are left, killed or hung up, while containers go', { timeout: 120_000 }, async () => {
    const open = (...args: string[]): PtyUi => new PtyUi(wrap([process.execPath, MAIN_JS, ...args]), { columns: 120, rows: 30 });
    const [killed, hungUp, picking] = [open('web2'), open('web2'), open()] as [PtyUi, PtyUi, PtyUi];
    try {
      await Promise.all([killed, hungUp].map((ui) => ui.see('waiting for the first packet')));
      await picking.see('web3');
      // Captured inside its namespace, which the engine would keep alive.
      const pid = (await host().sh("docker inspect -f '{{.State.Pid}}' n2")).trim();
      const inside = (await host().sh(`readlink /proc/${pid}/ns/net`)).replace(/\D/g, '');
      const vanishing = start('capture', `${inside}/lo`, 'n2', '--', 'icmp');
      await vanishing.remark(/listening on/, 2);
      await host().sh('docker stop -t 0 web3 n2');
      await picking.see(/web3 +exited/);
      await vanishing.remark(/waiting for it to return/, 2);
      killed.kill('SIGKILL');
      hungUp.kill('SIGHUP');
      picking.press('q');
      expect(await picking.exited()).toBe(0);
      await Promise.all([killed, hungUp].map((ui) => ui.exited()));
      // Two namespaces are gone with their containers, and nobody keeps them: not even the capture that is still open.
      await expect
        .poll(async () => Number((await stock())['namespaces that links lead to']?.[0]), { timeout: 30_000 })
        .toBe(Number(before['namespaces that links lead to']?.[0]) - 2);
      expect((await vanishing.interrupt()).code).toBe(0);
      await host().sh('docker start web3 n2');
      const kept = ({ rules: _rules, 'mounts of namespaces': _mounts, ...rest }: Stock): Stock => rest;
      await expect.poll(async () => kept(await stock()), { timeout: 30_000, interval: 300 }).toEqual(kept(before));
    } finally {
      for (const ui of [killed, hungUp, picking]) ui.end();
    }
  });
});
