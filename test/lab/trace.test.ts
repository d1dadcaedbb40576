/**
 * The kernel's own trace on real Docker hosts: it agrees with the predictions, and whatever ends it, the host's rules and loggers are what they
 * were. The end needs no clock: pipes and sockets that close are all that it hangs on.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startOf } from '../processes.ts';
import { PtyUi } from '../ui/fixtures/pty.ts';
import { useLab } from './lab.ts';
import { MAIN_JS, Program, run } from './program.ts';
import { describeLab } from './root.ts';

interface Traced {
  readonly type: string;
  readonly direction?: string;
  readonly result?: string;
  readonly outcome?: string;
  readonly verdict?: { readonly evidence: string; readonly nat: readonly { readonly kind: string }[] };
  readonly steps?: readonly {
    readonly state: string;
    readonly predicted: { readonly backend?: string; readonly chain: string; readonly rule: number | null; readonly action: string } | null;
    readonly kernel: { readonly source: string; readonly chain: string; readonly rule: number | null } | null;
  }[];
  readonly lost?: { readonly messages: number | null; readonly unreadable: number };
}

/** What must be the same again, counters and dates aside. */
const STATE = `
for save in iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save; do
  echo "== $save"; $save 2>/dev/null | grep -v '^#' | sed 's/\\[[0-9]*:[0-9]*\\]//'
done
echo '== nft'; nft list ruleset 2>/dev/null | sed 's/packets [0-9]* bytes [0-9]*//'
echo '== loggers'; grep . /proc/sys/net/netfilter/nf_log/2 /proc/sys/net/netfilter/nf_log/10`;

const SOON_MS = 10_000;

/** Waits until it holds, or long enough for a lease to end; the caller looks then. */
const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + SOON_MS;
  while (!(await holds()) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
};

describeLab("the kernel's trace", () => {
  const host = useLab({ engine: '28.5' });
  const running: Program[] = [];

  const state = (): Promise<string> => host().sh(STATE);

  const becomes = async (wanted: string): Promise<void> => {
    await until(async () => (await state()) === wanted);
    expect(await state()).toBe(wanted);
  };

  const start = async (...args: string[]): Promise<Program> => {
    const program = new Program(['trace', ...args, '--json'], host().wrap);
    running.push(program);
    await program.object((object) => object['type'] === 'begin', 'the trace to begin');
    return program;
  };

  /** Runs one that sends its own packet; its compared packets, and the end. */
  const traced = async (...args: string[]): Promise<readonly Traced[]> => {
    const { stdout, stderr, code } = await run(['trace', ...args, '--send', '--json'], host().wrap);
    expect(code, stderr).toBe(0);
    return linesOf(stdout);
  };

  beforeAll(async () => {
    // A second backend with rules of its own, whose trace comes another way.
    await host().sh('iptables-legacy -N BESIDE && iptables-legacy -A BESIDE -p icmp -j RETURN && iptables-legacy -I FORWARD -j BESIDE');
  });

  afterEach(() => {
    for (const program of running.splice(0)) program.child.kill('SIGKILL');
  });

  describe('agrees with the prediction', () => {
    const there = (lines: readonly Traced[]): Traced => lines.find((line) => line.direction === 'there') as Traced;
    const back = (lines: readonly Traced[]): Traced | undefined => lines.find((line) => line.direction === 'reply');

    it('where networks are isolated, with both kinds of evidence in one document', async () => {
      const lines = await traced('web1', 'web2', 'icmp', '--expect', 'drop');
      expect(there(lines)).toMatchObject({ result: 'agrees', outcome: 'drop', verdict: { evidence: 'traced' } });
      expect(back(lines)).toBeUndefined();
      expect(lines.at(-1)).toMatchObject({ type: 'end', there: 1, differing: 0, lost: { messages: 0, unreadable: 0 } });
    });

    it('where a container masquerades, rule by rule in both backends and both directions', async () => {
      const lines = await traced('web1', 'outside', 'icmp');
      expect(there(lines)).toMatchObject({ result: 'agrees', outcome: 'accept' });
      const steps = there(lines).steps ?? [];
      expect(steps.filter((step) => step.state === 'same').map((step) => step.predicted?.action)).toContain('masquerade');
      expect(steps).toContainEqual(
        expect.objectContaining({
          state: 'same',
          predicted: expect.objectContaining({ backend: 'legacy', chain: 'BESIDE', rule: 1 }),
          kernel: expect.objectContaining({ source: 'legacy', chain: 'BESIDE', rule: 1 }),
        }),
      );
      expect(back(lines)).toMatchObject({ result: 'agrees', outcome: 'accept', verdict: { evidence: 'traced' } });
    });

    it('on a bridge whose containers may not talk', async () => {
      expect(there(await traced('n1', 'n2', 'tcp:80'))).toMatchObject({ result: 'agrees', outcome: 'drop' });
    });

    it('between two containers of one bridge, for a connection and its answer', async () => {
      const lines = await traced('web2', 'web3', 'tcp:80');
      expect([there(lines).result, back(lines)?.result]).toEqual(['agrees', 'agrees']);
    });

    it('for what the host itself sends', async () => {
      const lines = await traced('host', 'web1', 'icmp');
      expect([there(lines).result, back(lines)?.result]).toEqual(['agrees', 'agrees']);
    });

    it('for a published port that somebody outside calls while it waits', async () => {
      const program = await start('203.0.113.2', '203.0.113.1', 'tcp:8080');
      await host().outside('get 203.0.113.1 8080');
      const { code, stdout } = await program.finished;
      expect(code).toBe(0);
      const lines = linesOf(stdout);
      expect(there(lines)).toMatchObject({ result: 'agrees', outcome: 'accept', verdict: { nat: [{ kind: 'dnat' }] } });
      expect(back(lines)).toMatchObject({ result: 'agrees' });
    });

    it('on rules that have changed while it waits', { timeout: 60_000 }, async () => {
      const program = await start('web1', 'outside', 'icmp');
      await host().sh('iptables -I DOCKER-USER -s 172.18.0.0/16 -p icmp -j DROP');
      try {
        await program.remark(/the rules have changed/);
        await host().container('web1', 'ping -c 1 -W 1 203.0.113.2 || true');
        const lines = linesOf((await program.finished).stdout);
        expect(there(lines)).toMatchObject({ result: 'agrees', outcome: 'drop' });
        const last = there(lines).steps?.findLast((step) => step.state === 'same');
        expect(last).toMatchObject({ kernel: { chain: 'DOCKER-USER', rule: 1 } });
      } finally {
        await host().sh('iptables -D DOCKER-USER -s 172.18.0.0/16 -p icmp -j DROP');
      }
    });
  });

  it('reports no difference of packets that pass while Docker changes rules', { timeout: 60_000 }, async () => {
    const program = await start('web1', 'outside', 'icmp', '--count', '1000');
    const changing = host().sh('for i in 1 2; do docker network create change && docker network rm change; done');
    for (let sent = 0; sent < 12; sent++) await host().container('web1', 'ping -c 1 -W 1 203.0.113.2');
    await changing;
    await program.remark(/the rules have changed/);
    await host().container('web1', 'ping -c 1 -W 1 203.0.113.2');
    await program.object((object) => object['result'] === 'agrees', 'a packet that agrees');
    const { stdout } = await program.interrupt();
    const lines = linesOf(stdout);
    expect(lines.filter((line) => line.result === 'differs')).toEqual([]);
    expect(lines.at(-1)).toMatchObject({ type: 'end', differing: 0 });
  });

  it('exits by what was expected of the kernel, and says so where nothing came', async () => {
    const differs = await run(['trace', 'web1', 'web2', 'icmp', '--send', '--expect', 'accept'], host().wrap);
    expect(differs.code).toBe(4);
    const nothing = await run(['trace', 'web1', 'outside', 'udp:9', '--duration', '500ms'], host().wrap);
    expect(nothing).toMatchObject({ code: 0, stdout: expect.stringContaining('the kernel saw no such packet') });
    const wanted = await run(['trace', 'web1', 'outside', 'udp:9', '--duration', '500ms', '--expect', 'drop'], host().wrap);
    expect(wanted.code).toBe(4);
    const outside = await run(['trace', 'outside', 'web1', 'icmp', '--send'], host().wrap);
    expect(outside).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing is sent from outside') });
  });

  describe('leaves the host as it was', () => {
    it('when it ends, and while other rules change beside it', { timeout: 60_000 }, async () => {
      const change =
        'docker network create beside && docker network rm beside && iptables -A INPUT -j ACCEPT && iptables -D INPUT -j ACCEPT';
      // It makes the chain INPUT, which stays.
      await host().sh(change);
      const before = await state();
      const program = await start('web1', 'outside', 'icmp');
      expect(await state()).not.toBe(before);
      await host().sh(change);
      expect((await program.interrupt()).code).toBe(0);
      expect(await state()).toBe(before);
    });

    for (const victim of ['main', 'agent', "the rules' owner", 'the keeper', 'a reader', 'all at once'] as const) {
      it(`after kill -9 of ${victim}`, { timeout: 60_000 }, async () => {
        const before = await state();
        const program = await start('web1', 'outside', 'icmp');
        expect(await state()).not.toBe(before);
        const processes = processesOf(program.child.pid as number);
        const victims = victim === 'all at once' ? processes : processes.filter((each) => each.role === victim).slice(0, 1);
        expect(victims.length).toBeGreaterThan(0);
        // By one command: those that are left alone end by themselves, maybe before their turn.
        spawnSync('kill', ['-KILL', ...victims.map(({ pid }) => String(pid))]);
        if (victim === 'the keeper') {
          // Nothing is lost yet: another one has taken its place, and the trace goes on to its end.
          await host().container('web1', 'ping -c 1 -W 1 203.0.113.2');
          expect((await program.finished).code).toBe(0);
        }
        if (victim === 'all at once') {
          // The tables went with their owner; what is left of the logger the next trace puts back.
          await until(async () => !(await host().sh('nft list tables')).includes('vethscope'));
          await traced('web1', 'web2', 'icmp');
        }
        await becomes(before);
        const left = processes.filter((each) => isSameProcess(each));
        await until(async () => !left.some(isSameProcess));
        expect(left.filter(isSameProcess).map(({ role }) => role)).toEqual([]);
      });
    }

    it('when everything is flushed beside it', { timeout: 60_000 }, async () => {
      const netns = `vs-trace-${process.pid}`;
      const inside = (command: string): Promise<string> => host().sh(`ip netns exec ${netns} sh -c '${command}'`);
      await host().sh(`ip netns add ${netns} && ip -n ${netns} link set lo up`);
      try {
        await inside('iptables -A INPUT -j ACCEPT');
        const before = await inside(STATE.replaceAll("'", '"'));
        const program = new Program(['trace', 'host', '127.0.0.1', 'icmp', '--json'], (argv) =>
          host().wrap(['ip', 'netns', 'exec', netns, ...argv]),
        );
        running.push(program);
        await program.object((object) => object['type'] === 'begin', 'the trace to begin');
        await inside('nft flush ruleset; iptables -A INPUT -j ACCEPT');
        expect(await inside('nft list tables')).toContain('vethscope_trace');
        await program.interrupt();
        expect(await inside(STATE.replaceAll("'", '"'))).toBe(before);
      } finally {
        await host().sh(`ip netns del ${netns}`);
      }
    });

    it('wherever its clocks stand', { timeout: 60_000 }, async () => {
      const before = await state();
      const aside = (argv: readonly string[]): string[] =>
        host().wrap(['unshare', '--time', '--fork', '--kill-child', '--monotonic', '8000000', '--boottime', '8000000', ...argv]);
      const { code, stdout } = await run(['trace', 'web1', 'web2', 'icmp', '--send', '--json'], aside);
      expect(code).toBe(0);
      expect(linesOf(stdout).find((line) => line.type === 'trace')).toMatchObject({ result: 'agrees' });
      expect(await state()).toBe(before);
    });
  });

  it('is shown on t beside the path of a flow, after asking, and marks its verdict', { timeout: 120_000 }, async () => {
    const before = await state();
    const folder = mkdtempSync(join(tmpdir(), 'vethscope-trace-'));
    const enough = join(folder, 'enough');
    const ui = new PtyUi(host().wrap([process.execPath, MAIN_JS, 'web1']), { columns: 130, rows: 36 });
    try {
      await ui.see('waiting for the first packet');
      // One flow for as long as the screen is looked at, however slow the machine is.
      const pinging = host().container(
        'web1',
        `ping -c 100 203.0.113.2 & p=$!; while kill -0 $p; do [ -e ${enough} ] && { kill $p; break; }; sleep 0.5; done 2>/dev/null; true`,
      );
      await ui.see(/icmp echo/);
      ui.press('/');
      ui.press('icmp');
      ui.press('\r');
      ui.press('\r');
      await ui.see(/traced —/);
      ui.press('t');
      await ui.see('adds rules of its own to the kernel');
      expect(await state()).toBe(before);
      ui.press('y');
      await ui.see(/agreement: the kernel let it pass/);
      ui.press('\x1b[C');
      await ui.see(/the reply[\s\S]*agreement/);
      ui.press('\x1b');
      await ui.see(/traced ✓/);
      await becomes(before);
      ui.press('q');
      expect(await ui.exited()).toBe(0);
      writeFileSync(enough, '');
      await pinging;
    } finally {
      writeFileSync(enough, '');
      ui.end();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the lease of a trace', () => {
  it('asks no clock of the day', () => {
    const folder = join(import.meta.dirname, '../../src/agent');
    const files = readdirSync(folder).filter((name) => /^(traces?(-.*)?|leash)\.ts$/.test(name));
    expect(files.length).toBeGreaterThan(5);
    for (const name of files) expect(readFileSync(join(folder, name), 'utf8'), name).not.toMatch(/\bDate\b|\bdate\b|\bsleep\b/);
  });
});

const linesOf = (stdout: string): readonly Traced[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Traced);

interface Process {
  readonly pid: number;
  readonly role: string;
  readonly started: string;
}

/** The program and what it has started, by what they are. */
const processesOf = (pid: number): readonly Process[] => {
  const role = (each: number, depth: number): string => {
    const words = readFileSync(`/proc/${each}/cmdline`, 'latin1').split('\0');
    if (depth === 0) return 'main';
    if (depth === 1) return 'agent';
    if (words[0] === 'nft' && words[1] === '-i') return "the rules' owner";
    if (words[0] === 'sh' && words[2]?.startsWith("trap '' HUP INT TERM") === true) return 'the keeper';
    return words[0] === 'sh' ? 'a reader' : `${words[0]}`;
  };
  const walk = (each: number, depth: number): Process[] => [
    { pid: each, role: role(each, depth), started: startOf(each) },
    ...readFileSync(`/proc/${each}/task/${each}/children`, 'latin1')
      .split(' ')
      .filter((word) => word.trim() !== '')
      .flatMap((child) => walk(Number(child), depth + 1)),
  ];
  return walk(pid, 0);
};

const isSameProcess = ({ pid, started }: Process): boolean => started !== '' && startOf(pid) === started;
