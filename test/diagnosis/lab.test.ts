/**
 * Faults made on real hosts: the kernel drops the traffic, the diagnosis names the cause, and its own command, run as shown,
 * makes the traffic pass.
 */
import { describe, expect, it } from 'vitest';
import { type Diagnosis, diagnose } from '../../src/diagnosis/diagnose.ts';
import { compileHost } from '../../src/path/model.ts';
import { answerBetween } from '../../src/path/question.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { factsOf } from '../lab/host-facts.ts';
import { type LabEngine, type LabHost, useLab } from '../lab/lab.ts';
import { describeLab } from '../lab/root.ts';

const diagnosisOf = async (host: LabHost, src: string, dst: string, proto: string): Promise<Diagnosis> => {
  const facts = await factsOf(host);
  const topology = buildTopology(facts);
  const { spec, verdict, reply } = answerBetween(compileHost(facts), topology, src, dst, proto);
  const [best] = diagnose({ spec, verdict, reply, flow: null, facts, topology });
  if (best === undefined) throw new Error(`nothing was found for ${src} ${dst} ${proto}: ${JSON.stringify(verdict, null, 1)}`);
  return best;
};

interface Fault {
  readonly id: string;
  readonly question: readonly [string, string, string];
  /** Makes the fault; nothing where Docker itself does. */
  readonly make?: string;
  /** Where it succeeds the traffic passes. */
  readonly probe: (host: LabHost) => Promise<string>;
  /** Undoes what the fix left. */
  readonly undo?: string;
}

const ping =
  (from: string, to: string) =>
  (host: LabHost): Promise<string> =>
    host.container(from, `ping -c1 -W1 ${to}`);

const FAULTS: readonly Fault[] = [
  {
    id: 'network-isolation',
    question: ['web1', 'web2', 'icmp'],
    probe: ping('web1', '198.18.20.2'),
    undo: 'docker network disconnect test_net2 web1',
  },
  {
    id: 'icc-off',
    question: ['n1', 'n2', 'icmp'],
    probe: async (host) => ping('n1', await host.addressOf('n2', 'shared').catch(() => '172.19.0.3'))(host),
  },
  { id: 'internal-network', question: ['i1', 'outside', 'icmp'], probe: ping('i1', '203.0.113.2') },
  {
    id: 'forwarding-off',
    question: ['web1', 'outside', 'icmp'],
    make: 'sysctl -w net.ipv4.ip_forward=0',
    probe: ping('web1', '203.0.113.2'),
  },
  {
    id: 'forwarding-off',
    question: ['web3', 'outside', 'icmp'],
    make: 'sysctl -w net.ipv4.conf.eth0.forwarding=0',
    probe: ping('web3', '203.0.113.2'),
  },
  {
    id: 'docker-user',
    question: ['web1', 'outside', 'icmp'],
    make: 'iptables -I DOCKER-USER -d 203.0.113.2 -j DROP',
    probe: ping('web1', '203.0.113.2'),
  },
  {
    id: 'docker-user',
    question: ['web1', 'outside', 'icmp'],
    make: 'iptables -I DOCKER-USER -i eth0 -j DROP',
    probe: ping('web1', '203.0.113.2'),
    undo: 'iptables -D DOCKER-USER -i eth0 -j DROP',
  },
  {
    id: 'input-refused',
    question: ['web1', 'host', 'icmp'],
    make: 'iptables -P INPUT DROP',
    probe: ping('web1', '172.18.0.1'),
    undo: 'iptables -P INPUT ACCEPT; iptables -D INPUT 1',
  },
  {
    id: 'two-backends',
    question: ['web1', 'outside', 'icmp'],
    make: 'iptables-legacy -P FORWARD DROP',
    probe: ping('web1', '203.0.113.2'),
  },
  {
    id: 'no-masquerade',
    question: ['web1', 'outside', 'icmp'],
    make: 'iptables -t nat -F POSTROUTING',
    probe: ping('web1', '203.0.113.2'),
  },
];

const ENGINES: readonly LabEngine[] = ['20.10', '28.5'];

describeLab('a fault', () => {
  describe.each(ENGINES)('on dockerd %s', (engine) => {
    const host = useLab({ engine });

    it.each(FAULTS)(
      '$id: $question is explained, and mended by the command that is shown',
      async (fault) => {
        if (fault.make !== undefined) await host().sh(fault.make);
        await expect(fault.probe(host())).rejects.toThrow();
        const found = await diagnosisOf(host(), ...fault.question);
        expect(found.id).toBe(fault.id);
        if (found.fix === null) throw new Error('no command is shown');
        await host().sh(found.fix);
        await fault.probe(host());
        if (fault.undo !== undefined) await host().sh(fault.undo);
      },
      60_000,
    );

    it('unplugged: a cable without its bridge is explained, and mended by the command that is shown', async () => {
      const probe = ping('web2', '198.18.20.3');
      const facts = await factsOf(host());
      const cable = buildTopology(facts).containers.find(({ name }) => name === 'web3')?.endpoints[0]?.host?.interface ?? '?';
      await host().sh(`ip link set ${cable} nomaster`);
      await expect(probe(host())).rejects.toThrow();
      const found = await diagnosisOf(host(), 'web2', 'web3', 'icmp');
      expect(found.id).toBe('unplugged');
      await host().sh(found.fix ?? 'false');
      // The neighbours learn the way back with their next questions: a ping or two may pass before.
      await host().container('web2', 'ping -c 8 -W 1 198.18.20.3 | grep -q "bytes from"');
    }, 60_000);
  });
});
