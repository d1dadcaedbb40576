/** Docker beside a firewall of one's own: the rule at fault is named where it lies, request or reply, and its mending shows. */
import { expect, it } from 'vitest';
import { describeLab } from '../root.ts';
import { get, HOST, OUTSIDE, ping, useWorld, WEB } from './world.ts';

describeLab("beside a firewall of one's own", () => {
  const world = useWorld();

  it('a ban in INPUT does not touch a published port; in DOCKER-USER it does', async () => {
    await world().host.sh(`iptables -I INPUT -s ${OUTSIDE} -j DROP`);
    const open = await world().explain('outside', HOST, 'tcp:8080');
    expect(open).toMatchObject({ outcome: 'accept', nat: [{ kind: 'dnat', to: `${WEB}:80` }], reply: { outcome: 'accept' } });
    expect(open.steps.some((step) => step.hook === 'input' && step.namespace === undefined)).toBe(false);
    expect(open.why.join(' ')).toContain('INPUT');
    const counted = await world().counted(async () => expect(await world().succeeds('outside', get(HOST, 8080))).toBe(true));
    expect([...counted.keys()].filter((rule) => rule.startsWith('filter -A INPUT'))).toEqual([]);
    await world().host.sh(`iptables -I DOCKER-USER -s ${OUTSIDE} -j DROP`);
    const rule = `-A DOCKER-USER -s ${OUTSIDE}/32 -j DROP`;
    expect(await world().explain('outside', HOST, 'tcp:8080')).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', text: rule } });
    const later = await world().counted(async () => expect(await world().fails('outside', get(HOST, 8080))).toBe(true));
    expect(later.get(`filter ${rule}`)).toBeGreaterThan(0);
  });

  it('a rule for the port as published never matches behind the translation; one for the original port does', async () => {
    await world().host.sh('iptables -I DOCKER-USER -i eth0 -p tcp --dport 8080 -j DROP');
    const open = await world().explain('outside', HOST, 'tcp:8080');
    expect(open).toMatchObject({ outcome: 'accept', nat: [{ kind: 'dnat', from: `${HOST}:8080`, to: `${WEB}:80` }] });
    expect(open.why.join(' ')).toContain('--dport 8080');
    const counted = await world().counted(async () => expect(await world().succeeds('outside', get(HOST, 8080))).toBe(true));
    expect([...counted.keys()].filter((rule) => rule.includes('--dport 8080 -j DROP'))).toEqual([]);
    const rule = '-A DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP';
    await world().host.sh(`iptables ${rule.replace('-A', '-I')}`);
    const verdict = await world().explain('outside', HOST, 'tcp:8080');
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'rule', chain: 'DOCKER-USER' } });
    expect(verdict.decidedBy.text).toContain('--ctorigdstport 8080 --ctdir ORIGINAL');
    const later = await world().counted(async () => expect(await world().fails('outside', get(HOST, 8080))).toBe(true));
    expect(later.get(`filter ${verdict.decidedBy.text}`)).toBeGreaterThan(0);
  });

  it('dropping all that comes in by the uplink drops the answers too', async () => {
    const rule = '-A DOCKER-USER -i eth0 -j DROP';
    await world().host.sh('iptables -I DOCKER-USER -i eth0 -j DROP');
    const verdict = await world().explain('far', 'outside', 'icmp');
    expect(verdict).toMatchObject({
      outcome: 'accept',
      nat: [{ kind: 'masquerade' }],
      reply: { outcome: 'drop', decidedBy: { kind: 'rule', text: rule } },
    });
    expect(verdict.why.join(' ')).toContain('answer');
    const counted = await world().counted(async () => expect(await world().fails('far', ping(OUTSIDE))).toBe(true));
    expect(counted.get(`filter ${rule}`)).toBe(1);
    await world().host.sh('iptables -I DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
    expect(await world().explain('far', 'outside', 'icmp')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('far', ping(OUTSIDE))).toBe(true);
  });

  it("a final REJECT before Docker's own rules in FORWARD refuses what they would allow", async () => {
    const rule = '-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable';
    await world().host.sh(`iptables -N ufw-reject-forward; iptables ${rule}; iptables -I FORWARD -j ufw-reject-forward`);
    const verdict = await world().explain('far', 'outside', 'icmp');
    expect(verdict).toMatchObject({ outcome: 'reject', rejectWith: 'icmp-port-unreachable', decidedBy: { kind: 'rule', text: rule } });
    expect(verdict.why.join(' ')).toContain('ufw-reject-forward');
    const counted = await world().counted(async () => expect(await world().fails('far', ping(OUTSIDE))).toBe(true));
    expect(counted.get(`filter ${rule}`)).toBe(1);
    await world().host.sh('iptables -D FORWARD -j ufw-reject-forward; iptables -A FORWARD -j ufw-reject-forward');
    expect(await world().explain('far', 'outside', 'icmp')).toMatchObject({ outcome: 'accept', reply: { outcome: 'accept' } });
    expect(await world().succeeds('far', ping(OUTSIDE))).toBe(true);
  });

  it('a policy of the other backend drops what iptables-nft shows as accepted', async () => {
    await world().host.sh('iptables-legacy -P FORWARD DROP');
    const verdict = await world().explain('outside', HOST, 'tcp:8080');
    expect(verdict).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'policy', backend: 'legacy', table: 'filter', chain: 'FORWARD' } });
    expect(verdict.why.join(' ')).toContain('legacy');
    expect(await world().fails('outside', get(HOST, 8080))).toBe(true);
    const [dropped] = /^:FORWARD DROP \[[1-9]\d*:/m.exec(await world().host.sh('iptables-legacy-save -c -t filter')) ?? [];
    expect(dropped).toBeDefined();
    await world().host.sh('iptables-legacy -P FORWARD ACCEPT');
    expect(await world().explain('outside', HOST, 'tcp:8080')).toMatchObject({ outcome: 'accept' });
    expect(await world().succeeds('outside', get(HOST, 8080))).toBe(true);
  });

  it("nftables of one's own that drops forwarded packets meets bridged ones too where br_netfilter shows them", async () => {
    await world().host.sh(
      "nft 'add table inet own; add chain inet own pass { type filter hook forward priority 0; policy drop; }; add rule inet own pass ct state established,related accept'",
    );
    const verdict = await world().explain('near', 'web', 'tcp:80');
    expect(verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'policy', backend: 'nftables', family: 'inet', table: 'own', chain: 'pass' },
    });
    expect(verdict.why.join(' ')).toContain('own');
    expect(await world().fails('near', get(WEB, 80))).toBe(true);
    await world().host.sh('sysctl -qw net.bridge.bridge-nf-call-iptables=0');
    expect(await world().explain('near', 'web', 'tcp:80')).toMatchObject({ outcome: 'accept', decidedBy: { kind: 'bridge' } });
    expect(await world().succeeds('near', get(WEB, 80))).toBe(true);
    await world().host.sh('nft delete table inet own');
  });

  it('firewalld refuses neighbours on a bridge that is in none of its zones, ping aside', async () => {
    await world().host.sh(
      "nft 'add table inet firewalld; add chain inet firewalld filter_FORWARD { type filter hook forward priority filter + 10; policy accept; }; add rule inet firewalld filter_FORWARD ct state established,related accept; add rule inet firewalld filter_FORWARD ip protocol icmp accept; add rule inet firewalld filter_FORWARD counter reject with icmpx type admin-prohibited'",
    );
    expect(await world().explain('near', 'web', 'icmp')).toMatchObject({ outcome: 'accept' });
    expect(await world().succeeds('near', ping(WEB))).toBe(true);
    const verdict = await world().explain('near', 'web', 'tcp:80');
    expect(verdict).toMatchObject({
      outcome: 'reject',
      decidedBy: { kind: 'rule', backend: 'nftables', family: 'inet', table: 'firewalld', chain: 'filter_FORWARD' },
    });
    expect(verdict.decidedBy.text).toContain('admin-prohibited');
    expect(verdict.why.join(' ')).toContain('firewalld');
    expect(await world().fails('near', get(WEB, 80))).toBe(true);
    expect(await world().host.sh('nft list chain inet firewalld filter_FORWARD')).toMatch(/counter packets [1-9]/);
    await world().host.sh(`nft insert rule inet firewalld filter_FORWARD iifname ${world().bridgeA} oifname ${world().bridgeA} accept`);
    expect(await world().explain('near', 'web', 'tcp:80')).toMatchObject({ outcome: 'accept' });
    expect(await world().succeeds('near', get(WEB, 80))).toBe(true);
    await world().host.sh('nft delete table inet firewalld');
  });
});
