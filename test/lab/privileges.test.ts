/** How people come to capture: by sudo, by ambient capabilities, and not at all; what runs as whom, and whose files are saved. */
import { chmodSync, copyFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { childrenOf } from '../processes.ts';
import { useLab } from './lab.ts';
import { PERSON, type Person, startPerson } from './person.ts';
import { Program, run } from './program.ts';
import { describeLab } from './root.ts';

const SAMPLE = 'captures/samples/isolation-drop-28.5.pcapng';
const CAPABILITIES = '+net_raw,+net_admin,+sys_admin,+sys_ptrace';

interface Identity {
  readonly uids: readonly string[];
  readonly groups: readonly number[];
  readonly capabilities: string;
}

const identityOf = (pid: number): Identity => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const words = (name: string): string[] => (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').trim().split(/\s+/);
  return { uids: [...new Set(words('Uid'))], groups: words('Groups').map(Number), capabilities: words('CapEff')[0] ?? '' };
};

describeLab('somebody who is not root', () => {
  const host = useLab({ engine: '28.5', shared: true });
  let person: Person;
  beforeAll(() => {
    person = startPerson(host());
  });
  afterAll(() => person?.remove());

  const own = (name: string): string => join(person.folder, name);
  const byDocker = (): string[] => ['--docker-host', host().dockerHost];
  const ping = async (): Promise<string> =>
    host().container('web1', `ping -c 2 -W 1 ${await host().addressOf('web2', 'test_net2')} || true`);
  const expectOwn = (path: string): void => {
    const { uid, gid, mode } = statSync(path);
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: PERSON.uid, gid: PERSON.gid, mode: 0o600 });
  };

  it('captures by sudo: only the agent and its engine stay root, and what is saved is the person’s', async () => {
    const args = [...byDocker(), 'capture', 'web1', 'icmp', '--json', '-c', '2', '-w', own('web1.pcapng')];
    const program = new Program(args, person.wrapSudo);
    await program.remark(/listening on veth/);
    const [main = 0] = childrenOf(program.child.pid ?? 0);
    expect(identityOf(main)).toEqual({ uids: [String(PERSON.uid)], groups: [PERSON.gid, 4713], capabilities: '0000000000000000' });
    const [agent = 0] = childrenOf(main);
    expect([agent, ...childrenOf(agent)].map((pid) => identityOf(pid).uids)).toEqual(expect.arrayContaining([['0'], ['0']]));
    await ping();
    expect((await program.finished).code).toBe(0);
    const flows = program.objects.filter(({ type }) => type === 'flow') as { verdict: { outcome: string } }[];
    expect(flows.map(({ verdict }) => verdict.outcome)).toEqual(['drop']);
    expectOwn(own('web1.pcapng'));
  });

  it('reads files by sudo with no more rights than without, and writes them as the person', async () => {
    const ofRoot = own('root.pcapng');
    copyFileSync(SAMPLE, ofRoot);
    chmodSync(ofRoot, 0o600);
    const { stderr, code } = await run(['read', ofRoot], person.wrapSudo);
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot read .*root\.pcapng\n {2}EACCES.*\n {2}try: files are read with your own rights, also under sudo/);
    expect((await run(['read', SAMPLE, '-w', own('again.pcapng')], person.wrapSudo)).code).toBe(0);
    expectOwn(own('again.pcapng'));
    expect((await run([...byDocker(), 'snapshot', '-o', own('host.json')], person.wrapSudo)).code).toBe(0);
    expectOwn(own('host.json'));
    expect((await run(['--host', own('host.json'), 'snapshot', '--anonymise', '-o', own('anon.json')], person.wrapSudo)).code).toBe(0);
    expectOwn(own('anon.json'));
  });

  it('needs no root where capabilities are passed on to what vethscope starts', async () => {
    const gid = statSync(host().dockerHost.replace('unix://', '')).gid;
    const ambient = (argv: readonly string[]): string[] =>
      person.wrap(argv, `--groups=${gid}`, `--inh-caps=${CAPABILITIES}`, `--ambient-caps=${CAPABILITIES}`);
    const program = new Program(['capture', 'web1', 'icmp', '--json', '-c', '2'], ambient);
    await program.remark(/listening on veth/);
    await ping();
    expect((await program.finished).code).toBe(0);
    const flows = program.objects.filter(({ type }) => type === 'flow') as { verdict: { outcome: string } }[];
    expect(flows.map(({ verdict }) => verdict.outcome)).toEqual(['drop']);
  });

  it('is told without any privilege what is missing, once, and gets exit code 3', async () => {
    const container = await run(['capture', 'web1'], person.wrap);
    expect({ code: container.code, stdout: container.stdout }).toEqual({ code: 3, stdout: '' });
    expect(container.stderr).toContain('web1 is no interface, and containers cannot be seen');
    expect(container.stderr.split('no privilege to talk').length - 1).toBe(1);
    const device = await run(['capture', 'docker0', '-w', own('none.pcapng')], person.wrap);
    expect(device.code).toBe(3);
    expect(device.stderr).toMatch(/no privilege to capture on docker0 .*\n {2}try: run with sudo/);
    const dumped = await run(['capture', 'docker0', '--engine', 'tcpdump'], person.wrap);
    expect(dumped.code).toBe(3);
    expect(dumped.stderr).toMatch(/no privilege to capture on docker0 \([^()]*\)\n/);
    expect(dumped.stderr).not.toContain('the file is empty');
    const trace = await run(['trace', 'host', 'outside', 'icmp', '--duration', '1'], person.wrap);
    expect(trace.code).toBe(3);
  });
});
