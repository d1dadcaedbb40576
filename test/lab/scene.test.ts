/** The scene of the lab on three generations of Docker: what the tool says of each conversation, and what the kernel counted. */
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/path/verdict.ts';
import { moved, readCounters } from './counters.ts';
import { type LabEngine, type LabHost, useLab } from './lab.ts';
import { Program, run } from './program.ts';
import { describeLab } from './root.ts';

interface FlowObject {
  readonly type: 'flow';
  readonly proto: string;
  readonly a: { readonly address: string; readonly port?: number; readonly name?: string };
  readonly b: { readonly address: string; readonly port?: number; readonly name?: string };
  readonly packets: readonly [number, number];
  readonly state: string;
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
  /** Of captures at several points. */
  readonly trail?: readonly { readonly as?: readonly { readonly b: { readonly address: string; readonly port?: number } }[] }[];
}

const HOST = '203.0.113.1';
const OUTSIDE = '203.0.113.2';

/** Captures at the targets while `traffic` runs, and gives each flow as it was told last. */
const capture = async (host: LabHost, targets: readonly string[], filter: string, traffic: () => Promise<void>): Promise<FlowObject[]> => {
  const program = new Program(['capture', ...targets, '--json', '--', filter], host.wrap);
  await program.remark(/listening on/, targets.length);
  await traffic();
  // The counters are read about once a second: a verdict is `counted` once they have been.
  await new Promise((resolve) => setTimeout(resolve, 2_200));
  const { code, stderr } = await program.interrupt();
  expect(code, stderr).toBe(0);
  const flows = new Map<unknown, FlowObject>();
  for (const object of program.objects) if (object['type'] === 'flow') flows.set(object['id'], object as unknown as FlowObject);
  return [...flows.values()];
};

const ping = (host: LabHost, from: string, to: string, count = 3): Promise<string> =>
  host.container(from, `ping -c ${count} -W 1 ${to} || true`);

/** One HTTP request and its answer, by bash alone: busybox's static wget crashes where it resolves names. */
const httpGet = (address: string, port: number): string =>
  `timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/${port} && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3 >/dev/null' || true`;

const between = (flows: readonly FlowObject[], a: string, b: string, proto: string): FlowObject => {
  const found = flows.find((flow) => flow.a.address === a && flow.b.address === b && flow.proto === proto);
  if (found === undefined)
    throw new Error(`no ${proto} flow ${a} -> ${b} in ${JSON.stringify(flows.map((flow) => [flow.proto, flow.a, flow.b]))}`);
  return found;
};

const explain = async (host: LabHost, ...question: string[]): Promise<Verdict> => {
  const { code, stdout, stderr } = await run(['explain', ...question, '--json'], host.wrap);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Verdict;
};

const scene = (engine: LabEngine): void => {
  describe(`Docker ${engine}`, () => {
    const host = useLab({ engine, shared: true });

    it('names the rule that drops a ping between networks, and it is the rule whose counter moves', async () => {
      const web1 = await host().addressOf('web1', 'test_net1');
      const web2 = await host().addressOf('web2', 'test_net2');
      const before = await readCounters(host());
      const flows = await capture(host(), ['web1'], 'icmp', async () => {
        await ping(host(), 'web1', web2);
      });
      const counted = moved(before, await readCounters(host()));
      const flow = between(flows, web1, web2, 'icmp');
      expect(flow).toMatchObject({ a: { name: 'web1' }, b: { name: 'web2' }, packets: [3, 0], reply: null });
      expect(flow.verdict).toMatchObject({ outcome: 'drop', evidence: 'counted', decidedBy: { kind: 'rule' } });
      expect(flow.verdict.decidedBy.text).toMatch(/-j DROP$/);
      expect(counted.get(`${flow.verdict.decidedBy.table} ${flow.verdict.decidedBy.text}`)).toBe(3);
      // Every step that the tool names has been counted by the kernel, and no rule was left out before the deciding one.
      for (const step of flow.verdict.steps) {
        if (step.rule !== null && step.hook !== 'routing') expect([...counted.keys()]).toContain(`${step.table} ${step.text}`);
      }
    });

    it('accepts within a network, masquerades to the outside, drops by icc=false and leaves unmasqueraded what is set so', async () => {
      const address = (name: string, network: string) => host().addressOf(name, network);
      const [web1, web2, web3] = [
        await address('web1', 'test_net1'),
        await address('web2', 'test_net2'),
        await address('web3', 'test_net2'),
      ];
      const [n1, n2, nm1] = [await address('n1', 'noicc'), await address('n2', 'noicc'), await address('nm1', 'nomasq')];
      const flows = await capture(host(), ['web1', 'web2', 'n1', 'nm1'], 'icmp', async () => {
        await ping(host(), 'web2', web3);
        await ping(host(), 'web1', OUTSIDE);
        await ping(host(), 'n1', n2);
        await ping(host(), 'nm1', OUTSIDE);
      });
      expect(between(flows, web2, web3, 'icmp').verdict).toMatchObject({
        outcome: 'accept',
        nat: [],
        deliveredTo: { container: 'web3', network: 'test_net2' },
      });
      expect(between(flows, web2, web3, 'icmp').packets).toEqual([3, 3]);
      const out = between(flows, web1, OUTSIDE, 'icmp');
      expect(out.verdict).toMatchObject({ outcome: 'accept', out: 'eth0', nat: [{ kind: 'masquerade', from: web1, to: HOST }] });
      expect(out.reply).toMatchObject({ outcome: 'accept' });
      const icc = between(flows, n1, n2, 'icmp').verdict;
      expect(icc).toMatchObject({ outcome: 'drop', evidence: 'counted' });
      expect(icc.decidedBy.text).toMatch(/-i (br-\w+) -o \1 -j DROP$/);
      expect(between(flows, nm1, OUTSIDE, 'icmp').verdict).toMatchObject({ outcome: 'accept', out: 'eth0', nat: [] });
    });

    it('shows the DNAT of a published port from outside, at the uplink and at the container', async () => {
      const pub = await host().addressOf('pub', 'bridge');
      const flows = await capture(host(), ['eth0', 'pub'], 'tcp', async () => {
        await host().outside(httpGet(HOST, 8080));
      });
      const atUplink = flows.find((flow) => flow.b.address === HOST && flow.b.port === 8080);
      expect(atUplink?.verdict).toMatchObject({
        outcome: 'accept',
        nat: [{ kind: 'dnat', from: `${HOST}:8080`, to: `${pub}:80` }],
        deliveredTo: { container: 'pub', network: 'bridge' },
      });
      expect(atUplink?.reply).toMatchObject({ outcome: 'accept' });
      // Behind the translation it is the same connection, and no second row.
      expect(atUplink?.trail?.flatMap(({ as = [] }) => as.map(({ b }) => b))).toEqual([
        { address: HOST, port: 8080 },
        { address: pub, port: 80 },
      ]);
      expect(flows.filter((flow) => flow.b.address === pub)).toEqual([]);
    });

    it('sees traffic between containers on the default bridge, and both directions at a veth', async () => {
      const pub = await host().addressOf('pub', 'bridge');
      const publocal = await host().addressOf('publocal', 'bridge');
      const flows = await capture(host(), ['bridge:docker0'], 'tcp', async () => {
        await host().container('pub', httpGet(publocal, 80));
      });
      const flow = flows.find((candidate) => candidate.a.address === pub && candidate.b.address === publocal);
      expect(flow?.packets[0]).toBeGreaterThan(2);
      expect(flow?.packets[1]).toBeGreaterThan(2);
      expect(flow?.verdict).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'publocal' } });
    });

    it('says that a container reaches its own gateway through INPUT', async () => {
      const gateway = (await host().sh("docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' test_net1")).trim();
      const verdict = await explain(host(), 'web1', gateway, 'icmp');
      expect(verdict).toMatchObject({ outcome: 'accept', out: 'local' });
      expect(verdict.steps.some((step) => step.hook === 'input')).toBe(true);
    });

    it('says that an internal network has no way out', async () => {
      const verdict = await explain(host(), 'i1', 'outside', 'icmp');
      expect(verdict.outcome).toBe('drop');
      expect(['route', 'rule']).toContain(verdict.decidedBy.kind);
    });

    it('explains host mode by INPUT and OUTPUT, and mode none by the lack of any network', async () => {
      const fromHost = await explain(host(), 'hostmode', 'outside', 'icmp');
      expect(fromHost).toMatchObject({ outcome: 'accept', out: 'eth0' });
      expect(fromHost.steps.some((step) => step.hook === 'forward')).toBe(false);
      const none = await explain(host(), 'nonemode', 'outside', 'icmp');
      expect(none).toMatchObject({ outcome: 'drop', decidedBy: { kind: 'route' } });
    });
  });
};

describeLab('the scene', () => {
  scene('20.10');
  scene('26.1');
  scene('28.5');
});
