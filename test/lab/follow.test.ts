/** A capture outlives what happens to its container: stop, start, another network; and to the daemon and the rules. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { useLab } from './lab.ts';
import { Program } from './program.ts';
import { describeLab } from './root.ts';

describeLab('a capture while its host changes', () => {
  const host = useLab({ engine: 'local' });
  const OUTSIDE = '203.0.113.2';

  it('says that the container stopped, and goes on where it comes back', { timeout: 90_000 }, async () => {
    const program = new Program(['capture', 'web3', '--json', '--packets', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await host().container('web3', `ping -c 1 -W 1 ${OUTSIDE}`);
    const packets = (count: number) => () => program.objects.filter((object) => object['type'] === 'packet').length >= count;
    await program.object(packets(2), 'the first ping and its answer');

    await host().sh('docker stop -t 0 web3');
    await program.remark(/waiting for it to return/);
    await host().sh('docker start web3');
    await program.remark(/web3 is back on veth/);
    await program.remark(/listening on veth|listening again on veth/, 2);
    await host().container('web3', `ping -c 1 -W 1 ${OUTSIDE}`);
    await program.object(packets(4), 'the ping after the start and its answer');

    await host().sh('docker network disconnect test_net2 web3');
    await program.remark(/waiting for it to return/, 2);
    await host().sh('docker network connect test_net2 web3');
    await program.remark(/web3 is back on veth/, 2);

    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(0);
    const end = program.objects.at(-1);
    expect(end).toMatchObject({ type: 'end', packets: 4 });
  });

  it('tells when and why a verdict changed', { timeout: 60_000 }, async () => {
    const web3 = await host().addressOf('web3', 'test_net2');
    const program = new Program(['capture', 'web2', '--json', '--packets', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    const pinging = host().container('web2', `ping -c 12 -W 1 ${web3} || true`);
    const outcomeOf = (object: Record<string, unknown>): string => (object['verdict'] as { outcome: string }).outcome;
    await program.object((object) => object['type'] === 'packet', 'the first packet');
    await host().sh(`iptables -I DOCKER-USER -d ${web3} -p icmp -j DROP`);
    const dropped = await program.object((object) => object['type'] === 'flow' && outcomeOf(object) === 'drop', 'the flow dropped');
    expect(dropped['verdict']).toMatchObject({
      decidedBy: { chain: 'DOCKER-USER', rule: 1, text: `-A DOCKER-USER -d ${web3}/32 -p icmp -j DROP` },
    });
    await program.remark(/iptables rules changed/);
    await host().sh('iptables -D DOCKER-USER 1');
    await pinging;
    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(0);
  });

  it('leaves what has passed its verdict when a rule comes later', { timeout: 60_000 }, async () => {
    const program = new Program(['capture', 'web2', '--json', '--packets', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await host().container('web2', `ping -c 1 -W 1 ${OUTSIDE}`);
    await program.object(() => program.objects.filter((object) => object['type'] === 'packet').length >= 2, 'the ping and its answer');
    await host().sh('iptables -I DOCKER-USER -p icmp -j DROP');
    await program.remark(/iptables rules changed/);
    await host().container('web2', `ping -c 1 -W 1 ${OUTSIDE} || true`);
    await program.object(() => program.objects.filter((object) => object['type'] === 'packet').length >= 3, 'the ping that is dropped');
    await host().sh('iptables -D DOCKER-USER 1');
    await program.interrupt();
    const flows = program.objects.filter((object) => object['type'] === 'flow');
    expect(flows.map((flow) => [flow['packets'], (flow['verdict'] as { outcome: string }).outcome])).toEqual([
      [[1, 1], 'accept'],
      [[1, 0], 'drop'],
    ]);
  });

  it('fails where the file could not be written, and captures all the same', { timeout: 60_000 }, async () => {
    const program = new Program(['capture', 'web2', '-w', '/dev/full', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await host().container('web2', `ping -c 1 -W 1 ${OUTSIDE}`);
    await program.remark(/saving has stopped/);
    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(1);
    expect(stderr).not.toMatch(/saved \d/);
  });

  it('goes on while the Docker daemon restarts', { timeout: 60_000 }, async () => {
    const program = new Program(['capture', 'web2', '--json', '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await host().stopDocker();
    await program.remark(/Docker|daemon/);
    await host().startDocker();
    await program.remark(/daemon answers again|daemon is back/);
    // Without live-restore the daemon ends its containers when it stops.
    await host().sh('docker start web1 web2 web3');
    await program.remark(/web2 is back on veth/);
    const { code, stderr } = await program.interrupt();
    expect(code, stderr).toBe(0);
  });

  it('leaves nothing of its own behind', async () => {
    const own = async (): Promise<string> => {
      const rules = await host().sh('iptables-save | grep -v "^[#:]" | sort; ip -o link | cut -d: -f2');
      const processes = execFileSync('ip', ['netns', 'pids', host().netns], { encoding: 'utf8' }).trim().split('\n').sort();
      return `${rules}\n${processes.join(' ')}`;
    };
    const before = await own();
    const program = new Program(['capture', 'web1', '--json'], host().wrap);
    await program.remark(/listening on veth/);
    await program.interrupt();
    expect(await own()).toBe(before);
  });
});
