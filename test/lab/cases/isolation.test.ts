/** What Docker itself keeps apart: the rule that does it is named, is the one that counts, and what people do about it helps. */
import { expect, it } from 'vitest';
import { describeLab } from '../root.ts';
import { asking, get, HOST, OUTSIDE, ping, useWorld, WEB } from './world.ts';

describeLab('Docker keeps apart', () => {
  const world = useWorld();

  it('containers of two networks: by table raw, and without that by the isolation chains', async () => {
    const raw = `-A PREROUTING -d ${WEB}/32 ! -i ${world().bridgeA} -j DROP`;
    const verdict = await world().explain('far', 'web', 'icmp');
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', table: 'raw', text: raw } });
    expect(verdict.why.join(' ')).toContain('different Docker networks');
    const counted = await world().counted(async () => expect(await world().fails('far', ping(WEB))).toBe(true));
    expect(counted.get(`raw ${raw}`)).toBe(1);
    await world().host.sh('iptables -t raw -F PREROUTING');
    const stage2 = `-A DOCKER-ISOLATION-STAGE-2 -o ${world().bridgeA} -j DROP`;
    expect(await world().explain('far', 'web', 'icmp')).toMatchObject({ outcome: 'drop', decidedBy: { table: 'filter', text: stage2 } });
    const later = await world().counted(() => world().fails('far', ping(WEB)));
    expect(later.get(`filter ${stage2}`)).toBe(1);
    await world().restore();
    await world().host.sh('docker network connect neta far');
    expect(await world().explain('far', 'web', 'icmp')).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'web' } });
    expect(await world().succeeds('far', ping(WEB))).toBe(true);
    await world().host.sh('docker network disconnect neta far');
  });

  it('nobody with icc=false, where bridged frames pass no chain', async () => {
    await world().host.sh(
      'docker network create --subnet 10.23.0.0/24 -o com.docker.network.bridge.enable_icc=false noicc && for n in 2 3; do docker run -d --name n$n --network noicc --ip 10.23.0.$n lab/busybox /bin/sleep 1000000; done',
    );
    const bridge = await world().bridgeOf('noicc');
    const rule = `-A DOCKER-FORWARD -i ${bridge} -o ${bridge} -j DROP`;
    await world().host.sh('sysctl -qw net.bridge.bridge-nf-call-iptables=0');
    const open = await world().explain('n2', 'n3', 'icmp');
    expect(open).toMatchObject({ outcome: 'accept', decidedBy: { kind: 'bridge' } });
    expect(open.decidedBy.text).toContain('net.bridge.bridge-nf-call-iptables = 0');
    const counted = await world().counted(async () => expect(await world().succeeds('n2', ping('10.23.0.3'))).toBe(true));
    expect(counted.get(`filter ${rule}`)).toBeUndefined();
    await world().host.sh('sysctl -qw net.bridge.bridge-nf-call-iptables=1');
    expect(await world().explain('n2', 'n3', 'icmp')).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', text: rule } });
    const later = await world().counted(async () => expect(await world().fails('n2', ping('10.23.0.3'))).toBe(true));
    expect(later.get(`filter ${rule}`)).toBe(1);
    await world().host.sh('docker rm -f n2 n3 && docker network rm noicc');
  });

  it('an internal network: no route out, and with one made by hand a rule', async () => {
    await world().host.sh(
      'docker network create --internal --subnet 10.24.0.0/24 intern && docker run -d --name i1 --network intern --ip 10.24.0.2 lab/busybox /bin/sleep 1000000',
    );
    const rule = `-A DOCKER-ISOLATION-STAGE-1 ! -d 10.24.0.0/24 -i ${await world().bridgeOf('intern')} -j DROP`;
    const unreachable = await world().explain('i1', 'outside', 'icmp');
    expect(unreachable).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'route', text: `no route in i1 to ${OUTSIDE}` } });
    expect(await world().fails('i1', ping(OUTSIDE))).toBe(true);
    await world().host.container('i1', 'ip route add default via 10.24.0.1');
    expect(await world().explain('i1', 'outside', 'icmp')).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', text: rule } });
    const counted = await world().counted(async () => expect(await world().fails('i1', ping(OUTSIDE))).toBe(true));
    expect(counted.get(`filter ${rule}`)).toBe(1);
    await world().host.container('i1', 'ip route del default');
    await world().host.sh('docker network connect neta i1');
    expect(await world().explain('i1', 'outside', 'icmp')).toMatchObject({ outcome: 'accept', nat: [{ kind: 'masquerade' }] });
    expect(await world().succeeds('i1', ping(OUTSIDE))).toBe(true);
    await world().host.sh('docker rm -f i1 && docker network rm intern');
  });

  it('a container from whoever asks for its own address, though the port is published', async () => {
    const rule = `-A PREROUTING -d ${WEB}/32 ! -i ${world().bridgeA} -j DROP`;
    await world().host.outside(`ip route add 10.21.0.0/24 via ${HOST}`);
    await world().host.sh('iptables -I DOCKER-USER -j ACCEPT');
    const verdict = await world().explain('outside', 'web', 'tcp:80');
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', table: 'raw', text: rule } });
    expect(verdict.why.join(' ')).toContain('own address');
    const counted = await world().counted(async () => expect(await world().fails('outside', get(WEB, 80))).toBe(true));
    expect(counted.get(`raw ${rule}`)).toBeGreaterThan(0);
    await world().host.sh(`iptables -t raw -D PREROUTING -d ${WEB} ! -i ${world().bridgeA} -j DROP`);
    expect(await world().explain('outside', 'web', 'tcp:80')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('outside', get(WEB, 80))).toBe(true);
    await world().host.outside('ip route del 10.21.0.0/24');
  });

  it('a port that is bound to this machine: refused by the host itself, dropped where 127.0.0.1 is asked for from outside', async () => {
    const refused = await world().explain('outside', 'host', 'tcp:8051');
    expect(refused).toMatchObject({ outcome: 'accept', out: 'local', nat: [] });
    expect(refused.steps.map((step) => step.text)).toContain(`nothing listens on tcp ${HOST}:8051`);
    expect(refused.why.join(' ')).toContain('127.0.0.1');
    expect(await world().fails('outside', get(HOST, 8051))).toBe(true);
    const rule = '-A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 8051 -j DROP';
    const verdict = await world().judge({ in: 'eth0', src: OUTSIDE, dst: '127.0.0.1', proto: 'tcp', sport: 40000, dport: 8051 });
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', table: 'raw', text: rule } });
    const counted = await world().counted(() => world().host.outside(asking('127.0.0.1', 8051)));
    expect(counted.get(`raw ${rule}`)).toBe(1);
    expect(await world().succeeds('host', get('127.0.0.1', 8051))).toBe(true);
    expect(await world().explain('host', '127.0.0.1', 'tcp:8051')).toMatchObject({ outcome: 'accept' });
  });

  it('a routed network from ports that are not published, and its answers where nobody knows the way back', async () => {
    await world().host.sh(
      'docker network create --subnet 10.25.0.0/24 -o com.docker.network.bridge.gateway_mode_ipv4=routed routed && docker run -d --name r1 --network routed --ip 10.25.0.2 -p 80 lab/busybox /bin/httpd -f -p 80',
    );
    const bridge = await world().bridgeOf('routed');
    const lost = await world().explain('r1', 'outside', 'icmp');
    expect(lost).toMatchObject({
      outcome: 'accept',
      nat: [],
      reply: { outcome: 'undetermined', decidedBy: { kind: 'route', text: `the way of ${OUTSIDE} back to 10.25.0.2` } },
    });
    expect(lost.why.join(' ')).toContain('10.25.0.0/24');
    expect(await world().fails('r1', ping(OUTSIDE))).toBe(true);
    await world().host.outside(`ip route add 10.25.0.0/24 via ${HOST}`);
    expect(await world().succeeds('r1', ping(OUTSIDE))).toBe(true);
    const rule = `-A DOCKER ! -i ${bridge} -o ${bridge} -j DROP`;
    expect(await world().explain('outside', 'r1', 'tcp:81')).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', text: rule } });
    const counted = await world().counted(async () => expect(await world().fails('outside', get('10.25.0.2', 81))).toBe(true));
    expect(counted.get(`filter ${rule}`)).toBeGreaterThan(0);
    expect(await world().explain('outside', 'r1', 'tcp:80')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('outside', get('10.25.0.2', 80))).toBe(true);
    await world().host.outside('ip route del 10.25.0.0/24');
    await world().host.sh('docker rm -f r1 && docker network rm routed');
  });
});
