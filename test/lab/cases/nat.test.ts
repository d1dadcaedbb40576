/** Address translation and the table of connections: what leaves untranslated, what comes back past the translation, what finds no room. */
import { expect, it } from 'vitest';
import { describeLab } from '../root.ts';
import { get, HOST, NEIGHBOUR, OUTSIDE, ping, STRANGER, useWorld, WEB, type World } from './world.ts';

/** What arrives outside while something is done, as tcpdump prints it. */
const arriving = async (world: World, filter: string, action: () => Promise<unknown>): Promise<string> => {
  const listening = world.host.outside(`timeout 3 tcpdump -lni eth0 -c1 '${filter}' 2>/dev/null || true`);
  await world.host.outside(
    "timeout 3 sh -c 'until grep -q . /proc/net/packet && [ $(wc -l </proc/net/packet) -gt 1 ]; do sleep 0.05; done'",
  );
  await action();
  return listening;
};

describeLab('translation and the table of connections', () => {
  const world = useWorld();

  it('without its MASQUERADE rule a container is seen outside by its own address, to which no answer comes', async () => {
    const rule = `POSTROUTING -s 10.22.0.0/24 ! -o ${world().bridgeB} -j MASQUERADE`;
    await world().host.sh(`iptables -t nat -D ${rule}`);
    const verdict = await world().explain('far', 'outside', 'icmp');
    expect(verdict).toMatchObject({ outcome: 'accept', out: 'eth0', nat: [] });
    expect(verdict.reply?.outcome).not.toBe('accept');
    expect(verdict.why.join(' ')).toContain(`with the container's own address ${STRANGER}`);
    const seen = await arriving(world(), 'icmp', async () => expect(await world().fails('far', ping(OUTSIDE))).toBe(true));
    expect(seen).toContain(`${STRANGER} > ${OUTSIDE}: ICMP echo request`);
    expect(await world().host.sh('conntrack -L -p icmp 2>/dev/null')).toMatch(new RegExp(`UNREPLIED\\] src=${OUTSIDE} dst=${STRANGER}`));
    await world().host.sh(`conntrack -F 2>/dev/null; iptables -t nat -A ${rule}`);
    expect(await world().explain('far', 'outside', 'icmp')).toMatchObject({
      outcome: 'accept',
      nat: [{ kind: 'masquerade', from: STRANGER, to: HOST }],
      reply: { outcome: 'accept' },
    });
    expect(await world().succeeds('far', ping(OUTSIDE))).toBe(true);
  });

  it('a neighbour by way of the host: the answer is switched past the translation unless br_netfilter shows it', async () => {
    await world().host.sh(`iptables -t nat -I PREROUTING -d ${HOST} -p tcp --dport 8090 -j DNAT --to-destination ${WEB}:80`);
    expect(await world().explain('near', HOST, 'tcp:8090')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('near', get(HOST, 8090))).toBe(true);
    await world().host.sh('sysctl -qw net.bridge.bridge-nf-call-iptables=0');
    const verdict = await world().explain('near', HOST, 'tcp:8090');
    expect(verdict).toMatchObject({ outcome: 'accept', reply: { outcome: 'drop', decidedBy: { kind: 'bridge' } } });
    expect(verdict.reply?.decidedBy.text).toContain('net.bridge.bridge-nf-call-iptables = 0');
    expect(verdict.reply?.steps.at(-1)?.text).toBe(`the answer comes from ${WEB}, asked was ${HOST}`);
    expect(await world().fails('near', get(HOST, 8090))).toBe(true);
    await world().host.sh(`iptables -t nat -A POSTROUTING -s 10.21.0.0/24 -d ${WEB} -p tcp --dport 80 -j MASQUERADE`);
    expect(await world().explain('near', HOST, 'tcp:8090')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('near', get(HOST, 8090))).toBe(true);
  });

  it('a container by way of the host to itself: the port must send back what came in by it, and the answer must come back too', async () => {
    await world().host.sh(`iptables -t nat -I PREROUTING -d ${HOST} -p tcp --dport 8090 -j DNAT --to-destination ${WEB}:80`);
    const verdict = await world().explain('web', HOST, 'tcp:8090');
    const port = /^port (\S+) of \S+: hairpin off$/.exec(verdict.decidedBy.text)?.[1];
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'bridge' } });
    expect(port).toBeDefined();
    expect(verdict.why.join(' ')).toContain('hairpin on');
    expect(await world().fails('web', get(HOST, 8090))).toBe(true);
    await world().host.sh(
      `bridge link set dev ${port} hairpin on; iptables -t nat -A POSTROUTING -s ${WEB} -d ${WEB} -p tcp --dport 80 -j MASQUERADE`,
    );
    expect(await world().explain('web', HOST, 'tcp:8090')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('web', get(HOST, 8090))).toBe(true);
    await world().host.sh(`bridge link set dev ${port} hairpin off`);
  });

  it('a stranger by way of the host: isolation drops what the translation made cross, and the proxy carries it', async () => {
    await world().host.sh(`iptables -t nat -I PREROUTING -d ${HOST} -p tcp --dport 8090 -j DNAT --to-destination ${WEB}:80`);
    const rule = `-A DOCKER-ISOLATION-STAGE-2 -o ${world().bridgeA} -j DROP`;
    expect(await world().explain('far', HOST, 'tcp:8090')).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'rule', table: 'filter', text: rule },
      nat: [{ kind: 'dnat', from: `${HOST}:8090`, to: `${WEB}:80` }],
    });
    const counted = await world().counted(async () => expect(await world().fails('far', get(HOST, 8090))).toBe(true));
    expect(counted.get(`filter ${rule}`)).toBeGreaterThan(0);
    const proxied = await world().explain('far', HOST, 'tcp:8080');
    expect(proxied).toMatchObject({ outcome: 'accept', out: 'local', nat: [], proxiedTo: { container: 'web', address: `${WEB}:80` } });
    expect(proxied.why.join(' ')).toContain('docker-proxy');
    await world().host.sh('conntrack -F 2>/dev/null');
    expect(await world().succeeds('far', get(HOST, 8080))).toBe(true);
    const connections = await world().host.sh('conntrack -L -p tcp 2>/dev/null');
    expect(connections).toMatch(new RegExp(`src=${STRANGER} dst=${HOST} sport=\\d+ dport=8080`));
    expect(connections).toMatch(new RegExp(`src=10.21.0.1 dst=${WEB} sport=\\d+ dport=80`));
  });

  it('what conntrack calls INVALID leaves without translation, until a rule drops it', async () => {
    await world().host.sh('sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0');
    const late = { in: world().bridgeB, src: STRANGER, dst: OUTSIDE, proto: 'tcp', sport: 40000, dport: 80, flags: 'ACK' } as const;
    expect(await world().judge(late)).toMatchObject({ outcome: 'accept', out: 'eth0', nat: [] });
    const send = (): Promise<boolean> => world().succeeds('far', `hping3 -c 1 -A -s 40000 -p 80 ${OUTSIDE}`);
    expect(await arriving(world(), 'tcp port 40000', send)).toContain(`${STRANGER}.40000 > ${OUTSIDE}.80`);
    expect(await world().judge({ ...late, flags: 'SYN' })).toMatchObject({ outcome: 'accept', nat: [{ kind: 'masquerade' }] });
    const rule = '-A FORWARD -o eth0 -m conntrack --ctstate INVALID -j DROP';
    await world().host.sh(`iptables ${rule.replace('-A', '-I')}`);
    expect(await world().judge(late)).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', text: rule } });
    const counted = await world().counted(send);
    expect(counted.get(`filter ${rule}`)).toBe(1);
  });

  it('an answer whose question took another way is INVALID, and dropped by a rule that says so', async () => {
    const rule = '-A DOCKER-USER -m conntrack --ctstate INVALID -j DROP';
    await world().host.sh(`iptables ${rule.replace('-A', '-I')}`);
    const answer = { in: world().bridgeB, src: STRANGER, dst: OUTSIDE, proto: 'tcp', sport: 80, dport: 40000, flags: 'SYN,ACK' } as const;
    expect(await world().judge(answer)).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', text: rule } });
    const send = (): Promise<boolean> => world().succeeds('far', `hping3 -c 1 -SA -s 80 -k -p 40000 ${OUTSIDE}`);
    const counted = await world().counted(send);
    expect(counted.get(`filter ${rule}`)).toBe(1);
    await world().host.sh(`iptables ${rule.replace('-A', '-D')}`);
    expect(await world().judge(answer)).toMatchObject({ outcome: 'accept', out: 'eth0' });
    expect(await arriving(world(), 'tcp port 40000', send)).toContain(`> ${OUTSIDE}.40000: Flags [S.]`);
  });

  it('a connection from before a rule keeps what was decided then', async () => {
    const stale = { in: 'eth0', src: OUTSIDE, dst: HOST, proto: 'udp', sport: 40000, dport: 8090 } as const;
    const send = (): Promise<boolean> => world().succeeds('outside', `hping3 -2 -c 1 -s 40000 -k -p 8090 ${HOST}`);
    await world().host.sh('iptables -I INPUT -p udp --dport 8090 -j ACCEPT; iptables -I OUTPUT -p icmp --icmp-type 3 -j DROP');
    await send();
    await world().host.sh(`iptables -t nat -I PREROUTING -d ${HOST} -p udp --dport 8090 -j DNAT --to-destination ${WEB}:80`);
    const verdict = await world().judge(stale);
    expect(verdict).toMatchObject({ outcome: 'accept', out: 'local', nat: [] });
    expect(verdict.decidedBy.text).toContain(`conntrack entry udp ${OUTSIDE}:40000 -> ${HOST}:8090`);
    const counted = await world().counted(send);
    expect([...counted.keys()].filter((rule) => rule.includes('--dport 8090 -j DNAT'))).toEqual([]);
    await world().host.sh('conntrack -F 2>/dev/null');
    expect(await world().judge(stale)).toMatchObject({ nat: [{ kind: 'dnat', to: `${WEB}:80` }] });
    const later = await world().counted(send);
    expect([...later.keys()].filter((rule) => rule.includes('--dport 8090 -j DNAT'))).toHaveLength(1);
    expect(NEIGHBOUR).not.toBe(WEB);
  });

  it('a full table drops what would begin a connection, before any rule', async () => {
    const max = Number(await world().host.sh('sysctl -n net.netfilter.nf_conntrack_max'));
    await world().host.sh(
      `awk 'BEGIN { for (i = 0; i < ${max}; i++) printf "-I -p tcp -t 600 -u SEEN_REPLY,ASSURED --state ESTABLISHED -s 192.0.%d.%d -d 198.51.100.%d --sport %d --dport 80\\n", int(i / 65536) % 4, int(i / 256) % 256, i % 256, 1024 + int(i / 65536) }' >${world().host.dir}/entries; conntrack -F 2>/dev/null; conntrack -R ${world().host.dir}/entries >/dev/null 2>&1; true`,
    );
    const verdict = await world().explain('outside', HOST, 'tcp:8080');
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'sysctl', text: `net.netfilter.nf_conntrack_max = ${max}` } });
    expect(verdict.why.join(' ')).toContain('full');
    const counted = await world().counted(async () => expect(await world().fails('outside', get(HOST, 8080))).toBe(true));
    expect([...counted.keys()].filter((rule) => rule.includes('--dport 8080'))).toEqual([]);
    await world().host.sh('conntrack -F 2>/dev/null');
    expect(await world().explain('outside', HOST, 'tcp:8080')).toMatchObject({ outcome: 'accept' });
    expect(await world().succeeds('outside', get(HOST, 8080))).toBe(true);
  });
});
