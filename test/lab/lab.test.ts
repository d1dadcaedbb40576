/** The lab itself: hosts side by side that know nothing of each other, and that leave nothing behind. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { isAlive } from '../processes.ts';
import { startLab, useLab } from './lab.ts';
import { describeLab } from './root.ts';

const LAB_SH = fileURLToPath(new URL('./lab.sh', import.meta.url));

describeLab('a lab host with its scene', () => {
  const host = useLab({ engine: 'local', shared: true });

  it('has the containers and networks that the tests speak of', async () => {
    const names = (await host().sh('docker ps --format "{{.Names}}"')).trim().split('\n').sort();
    expect(names).toEqual('hostmode i1 multi mv1 n1 n2 nm1 nonemode pub publocal pubnet1 sidecar web1 web2 web3'.split(' '));
    expect(await host().addressOf('web2', 'test_net2')).toBe('198.18.20.2');
  });

  it('runs commands inside, on the outside machine and in a container', async () => {
    expect(await host().sh('ip -br addr show eth0')).toContain('203.0.113.1/24');
    expect(await host().outside('ip -br addr show eth0')).toContain('203.0.113.2/24');
    expect(await host().container('web2', 'ip -br addr show eth0')).toContain('198.18.20.2/24');
  });

  it('shows its own devices in /sys', async () => {
    expect((await host().sh('ls /sys/class/net')).split('\n')).toContain('docker0');
  });

  it('forwards, translates and publishes as Docker says', async () => {
    expect(await host().container('web1', 'ping -c1 -W2 203.0.113.2')).toContain(' 0% packet loss');
    expect(await host().outside('get 203.0.113.1 8080')).toMatch(/200 OK.*hello\n$/s);
    await expect(host().container('web1', 'ping -c1 -W1 198.18.20.2')).rejects.toThrow('100% packet loss');
  });

  it('tells what a failing command said', async () => {
    await expect(host().sh('echo trouble >&2; exit 3')).rejects.toThrow('trouble');
  });
});

describeLab("lab hosts of one's own", () => {
  it('stand side by side, and nothing of them stays when they stop', async () => {
    const [a, b] = await Promise.all([startLab({ engine: 'local', scene: false }), startLab({ engine: 'local', scene: false })]);
    expect(a.netns).not.toBe(b.netns);
    await a.sh('docker network create --subnet 10.77.0.0/24 only_a');
    expect(await b.sh('docker network ls')).not.toContain('only_a');
    await Promise.all([a.stop(), b.stop()]);
    for (const host of [a, b]) {
      expect(existsSync(host.dir)).toBe(false);
      await expect.poll(() => isAlive(host.anchorPid)).toBe(false);
      expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toContain(host.netns);
    }
    await a.stop();
  });

  it('survive a stop and start of their dockerd', async () => {
    const host = await startLab({ engine: 'local', scene: false });
    await host.stopDocker();
    await expect(host.sh('docker ps')).rejects.toThrow();
    await host.startDocker();
    expect(await host.sh('docker ps')).toContain('CONTAINER');
    await host.stop();
  });

  it('end when their owner is killed', async () => {
    const owner = spawn('sleep', ['1000']);
    const name = `killed-${owner.pid}`;
    execFileSync('bash', [LAB_SH, 'up', name, 'local', '--owner', String(owner.pid)]);
    const gone = new Promise((resolve) => owner.once('exit', resolve));
    owner.kill('SIGKILL');
    await gone;
    await expect.poll(() => execFileSync('bash', [LAB_SH, 'list'], { encoding: 'utf8' }), { timeout: 15_000 }).not.toContain(name);
    expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toContain(name);
  });
});
