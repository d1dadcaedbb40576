/**
 * Every way to a published port: what is said of it before, beside what a client finds; where docker-proxy dials, beside its own arguments;
 * and the halves of what it carries, beside the ports that the clients really had.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whySentences } from '../../src/diagnosis/diagnose.ts';
import type { HostFacts } from '../../src/host/facts.ts';
import { compileHost, type HostModel } from '../../src/path/model.ts';
import { answerBetween } from '../../src/path/question.ts';
import type { Verdict } from '../../src/path/verdict.ts';
import { buildTopology } from '../../src/topology/build.ts';
import type { Topology } from '../../src/topology/topology.ts';
import { factsOf } from './host-facts.ts';
import { type LabEngine, type LabHost, startLab, useLab } from './lab.ts';
import { Program, run } from './program.ts';
import { describeLab } from './root.ts';

const HOST = '203.0.113.1';
const HOST6 = '2001:db8:203::1';
const OUTSIDE6 = '2001:db8:203::2';

/** What a client sees; `lost`: nobody answers it at all. */
type Seen = 'answered' | 'refused' | 'closed' | 'silent' | 'lost';

/** Who asks (`host`, `outside`, a container), at which address and port. */
type Way = readonly [from: string, address: string, port: number, proto?: 'tcp' | 'udp'];

interface Said {
  readonly seen: Seen | 'unknown';
  readonly verdict: Verdict;
  readonly why: string;
}

interface Ground {
  readonly facts: HostFacts;
  readonly model: HostModel;
  readonly topology: Topology;
}

const groundOf = async (host: LabHost): Promise<Ground> => {
  const facts = await factsOf(host);
  return { facts, model: compileHost(facts), topology: buildTopology(facts) };
};

const say = ({ facts, model, topology }: Ground, [from, address, port, proto = 'tcp']: Way): Said => {
  const source = from === 'outside' && address.includes(':') ? OUTSIDE6 : from;
  const { spec, verdict, reply } = answerBetween(model, topology, source, address, `${proto}:${port}`, { explain: true });
  const why = whySentences({ spec, verdict, reply, flow: null, facts, topology }).join('\n');
  return { seen: seenBy(verdict, reply, proto), verdict, why };
};

const seenBy = (verdict: Verdict, reply: Verdict | null, proto: 'tcp' | 'udp'): Said['seen'] => {
  const nothing = proto === 'tcp' ? 'lost' : 'silent';
  if (verdict.outcome === 'undetermined' || reply?.outcome === 'undetermined') return 'unknown';
  if (verdict.outcome === 'reject') return 'refused';
  if (verdict.outcome === 'drop' || reply?.outcome === 'drop') return nothing;
  if (verdict.proxiedTo !== undefined) return BEHIND_PROXY[verdict.proxiedTo.client];
  return verdict.steps.some(({ socket }) => socket === 'closed') ? 'refused' : 'answered';
};

const BEHIND_PROXY = { carried: 'answered', closed: 'closed', silent: 'silent', unknown: 'unknown' } as const;

type Answer = readonly [Seen, string | null, number | null];

/** All questions of one namespace at once. */
const ask = async (
  host: LabHost,
  from: string,
  questions: readonly (readonly [string, number, string, string])[],
): Promise<readonly Answer[]> => {
  const command = `python3 test/lab/ask.py '${JSON.stringify(questions)}'`;
  const text = await (from === 'host' ? host.sh(command) : from === 'outside' ? host.outside(command) : host.container(from, command));
  return JSON.parse(text) as Answer[];
};

const GET = 'GET / HTTP/1.0';

/** The ways that end otherwise than is said, each as a sentence. */
const differences = async (host: LabHost, ground: Ground, ways: readonly Way[]): Promise<readonly string[]> => {
  const all = await Promise.all(
    [...new Set(ways.map(([from]) => from))].map(async (from) => {
      const own = ways.filter((way) => way[0] === from);
      const answers = await ask(
        host,
        from,
        own.map(([, address, port, proto = 'tcp']) => [address, port, proto, GET] as const),
      );
      return own.flatMap((way, n) => {
        const { seen, verdict } = say(ground, way);
        const found = answers[n]?.[0];
        return seen === found ? [] : [`${way.join(' ')}: said ${seen} (${verdict.decidedBy.text}), found ${found}`];
      });
    }),
  );
  return all.flat();
};

const SETUP = `
set -e
run() { local name=$1; shift; docker run -d --name "$name" "$@" lab/busybox /bin/sleep 1000000; }
web() { local name=$1; shift; docker run -d --name "$name" "$@" lab/busybox /bin/httpd -f -p 80; }
docker network create --subnet 10.41.0.0/24 pa
docker network create --subnet 10.42.0.0/24 --ipv6 --subnet fd00:42::/64 pb
web pub --network pa --ip 10.41.0.2 -p 8080:80 -p 8060-8061:80-81
web publocal --network pa --ip 10.41.0.3 -p 127.0.0.1:8081:80
web twoa --network pa --ip 10.41.0.4 -p ${HOST}:8090:80
web twob --network pb --ip 10.42.0.4 -p 127.0.0.1:8090:80
web six --network pb --ip 10.42.0.5 --ip6 fd00:42::5 -p 8066:80
run near --network pa --ip 10.41.0.6
run far --network pb --ip 10.42.0.6 --ip6 fd00:42::6
run silent --network pa --ip 10.41.0.7 -p 8071:81 -p 5300:53/udp
docker run -d --name inner --network pa --ip 10.41.0.8 -p 8070:80 lab/busybox /bin/httpd -f -p 127.0.0.1:80
`;

/** From everywhere to everything. */
const WAYS: readonly Way[] = [
  ...(['outside', 'host', 'near', 'pub', 'far', 'six'] as const).flatMap((from): Way[] => [
    [from, HOST, 8080],
    [from, HOST, 8061],
    [from, HOST, 8081],
    [from, HOST, 8090],
    [from, HOST, 8066],
    [from, HOST, 8071],
    [from, HOST, 8070],
    [from, HOST, 5300, 'udp'],
  ]),
  ...(['near', 'pub', 'host', 'far'] as const).map((from): Way => [from, '10.41.0.1', 8080]),
  ...([8080, 8081, 8090, 8066, 8071, 8070] as const).map((port): Way => ['host', '127.0.0.1', port]),
  ['host', '127.0.0.2', 8080],
  ['host', '127.0.0.1', 5300, 'udp'],
  ...(['outside', 'host', 'far', 'six'] as const).flatMap((from): Way[] => [
    [from, HOST6, 8066],
    [from, HOST6, 8080],
  ]),
  ['host', '::1', 8066],
  ['host', '::1', 8080],
  ['host', '::1', 8071],
  ['far', 'fd00:42::1', 8066],
];

const furnish = async (host: LabHost): Promise<Ground> => {
  await host.sh(`ip -6 addr add ${HOST6}/64 dev eth0 nodad`);
  await host.outside(`ip -6 addr add ${OUTSIDE6}/64 dev eth0 nodad`);
  await host.sh(`bash -c '${SETUP}' >/dev/null`);
  return groundOf(host);
};

/** `-container-ip` and `-container-port` of each docker-proxy of the host, by protocol, host address and port. */
const proxiesOf = (host: LabHost): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let argv: string[];
    try {
      argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!argv[0]?.endsWith('docker-proxy') || !readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(host.dir)) continue;
    } catch {
      continue;
    }
    const value = (name: string): string => argv[argv.indexOf(name) + 1] ?? '';
    const ip = value('-container-ip');
    found.set(
      `${value('-proto')} ${value('-host-ip')} ${value('-host-port')}`,
      `${ip.includes(':') ? `[${ip}]` : ip}:${value('-container-port')}`,
    );
  }
  return found;
};

interface FlowObject {
  readonly id: number;
  readonly a: { readonly address: string; readonly port: number };
  readonly b: { readonly address: string; readonly port: number };
  readonly proxied?: {
    readonly half: 'client' | 'container';
    readonly flow: number | null;
    readonly client: string | null;
    readonly evidence: string | null;
    readonly candidates?: readonly number[];
  };
}

const flowsOf = (objects: readonly Record<string, unknown>[]): readonly FlowObject[] => {
  const newest = new Map<unknown, FlowObject>();
  for (const object of objects) if (object['type'] === 'flow') newest.set(object['id'], object as unknown as FlowObject);
  return [...newest.values()];
};

describeLab('published ports', () => {
  describe('with docker-proxy', () => {
    let host: LabHost;
    let ground: Ground;
    beforeAll(async () => {
      host = await startLab({ engine: '28.5', scene: false });
      ground = await furnish(host);
    }, 120_000);
    afterAll(() => host?.stop());

    it('are reached, or not, as is said of every way to them', async () => {
      expect(await differences(host, ground, WAYS)).toEqual([]);
    }, 60_000);

    it('are dialled where each docker-proxy was told to', () => {
      const proxies = proxiesOf(host);
      const dialled = (address: string, port: number): string | undefined =>
        say(ground, ['host', address, port]).verdict.proxiedTo?.address;
      expect(dialled('127.0.0.1', 8080)).toBe(proxies.get('tcp 0.0.0.0 8080'));
      expect(dialled('127.0.0.1', 8090)).toBe(proxies.get('tcp 127.0.0.1 8090'));
      expect(dialled('::1', 8080)).toBe(proxies.get('tcp :: 8080'));
      expect(dialled('::1', 8066)).toBe(proxies.get('tcp :: 8066'));
      expect(proxies.get('tcp :: 8066')).toBe('[fd00:42::5]:80');
    });

    it('leave two entries in conntrack where docker-proxy carries it, and one where a rule translates', async () => {
      await host.sh('conntrack -F 2>/dev/null');
      expect((await ask(host, 'far', [[HOST, 8080, 'tcp', GET]]))[0]?.[0]).toBe('answered');
      expect((await ask(host, 'outside', [[HOST, 8080, 'tcp', GET]]))[0]?.[0]).toBe('answered');
      const entries = await host.sh('conntrack -L -p tcp 2>/dev/null');
      const { verdict } = say(ground, ['far', HOST, 8080]);
      expect(verdict.proxiedTo).toMatchObject({ container: 'pub', address: '10.41.0.2:80', from: '10.41.0.1', client: 'carried' });
      expect(entries).toMatch(/src=10\.42\.0\.6 dst=203\.0\.113\.1 sport=\d+ dport=8080 src=203\.0\.113\.1 dst=10\.42\.0\.6/);
      expect(entries).toMatch(/src=10\.41\.0\.1 dst=10\.41\.0\.2 sport=\d+ dport=80/);
      expect(entries).toMatch(/src=203\.0\.113\.2 dst=203\.0\.113\.1 sport=\d+ dport=8080 src=10\.41\.0\.2 dst=203\.0\.113\.2/);
    });

    it('are told of with what the client finds, and what stops the second connection', async () => {
      expect(say(ground, ['near', HOST, 8070]).why).toContain('"connection reset by peer"');
      expect(say(ground, ['near', HOST, 8070]).why).toContain('127.0.0.1');
      expect(say(ground, ['outside', HOST, 8081]).why).toContain('publishes port 8081 for this machine only (127.0.0.1)');
      expect(say(ground, ['host', '::1', 8080]).why).toContain('pub has no IPv6 address');
      const rule = '-A OUTPUT -d 10.41.0.2/32 -p tcp -m tcp --dport 80 -j DROP';
      await host.sh(`iptables ${rule}`);
      const { verdict, why } = say(await groundOf(host), ['near', HOST, 8080]);
      const [answer] = await ask(host, 'near', [[HOST, 8080, 'tcp', GET]]);
      const { code } = await run(['explain', 'near', HOST, 'tcp:8080', '--expect', 'accept'], host.wrap);
      await host.sh(`iptables ${rule.replace('-A', '-D')}`);
      expect(verdict).toMatchObject({
        outcome: 'accept',
        proxiedTo: { outcome: 'drop', client: 'silent', verdict: { decidedBy: { text: rule } } },
      });
      expect(why).toContain(rule);
      expect(answer?.[0]).toBe('silent');
      expect(code).toBe(4);
    });

    it('are joined to their second halves, concurrent ones too, and a refused one', async () => {
      const program = new Program(['capture', 'bridge:pa', 'bridge:pb', 'eth0', '--json', '--', 'tcp'], host.wrap);
      await program.remark(/listening on/, 3);
      const paths = ['one', 'two', 'three'];
      const answers = await ask(
        host,
        'far',
        paths.map((path) => [HOST, 8080, 'tcp', `GET /${path} HTTP/1.0`] as const),
      );
      const [outside] = await ask(host, 'outside', [[HOST6, 8080, 'tcp', 'GET /six HTTP/1.0']]);
      const [refused] = await ask(host, 'near', [[HOST, 8071, 'tcp', 'GET /none HTTP/1.0']]);
      const clients = [...answers, outside, refused];
      const own = clients.map((answer) => (answer?.[1]?.includes(':') ? `[${answer[1]}]:${answer[2]}` : `${answer?.[1]}:${answer?.[2]}`));
      await expect
        .poll(() => flowsOf(program.objects).filter(({ proxied }) => proxied?.half === 'client' && proxied.flow !== null).length, {
          timeout: 15_000,
        })
        .toBe(5);
      const { code, stderr } = await program.interrupt();
      expect(code, stderr).toBe(0);
      const flows = flowsOf(program.objects);
      const seconds = flows.filter(({ proxied }) => proxied?.half === 'container');
      expect(seconds.map(({ proxied }) => proxied?.client).sort()).toEqual([...own].sort());
      for (const { id, proxied } of seconds) {
        const first = flows.find((flow) => flow.id === proxied?.flow);
        expect(first?.proxied).toMatchObject({ half: 'client', flow: id });
        const text = first?.a.address.includes(':') ? `[${first.a.address}]:${first.a.port}` : `${first?.a.address}:${first?.a.port}`;
        expect(proxied?.client).toBe(text);
      }
      expect(seconds.map(({ proxied }) => proxied?.evidence).sort()).toEqual(['payload', 'payload', 'payload', 'payload', 'refusal']);
    }, 60_000);
  });

  describe('without docker-proxy', () => {
    let host: LabHost;
    let ground: Ground;
    beforeAll(async () => {
      host = await startLab({ engine: '28.5', scene: false });
      await host.sh(`echo '{"userland-proxy": false}' >${host.dir}/daemon.json`);
      await host.stopDocker();
      await host.startDocker();
      ground = await furnish(host);
    }, 120_000);
    afterAll(() => host?.stop());

    it('are reached, or not, as is said of every way to them', async () => {
      expect(await differences(host, ground, WAYS)).toEqual([]);
    }, 60_000);

    it('are kept from others by dockerd, which answers nobody where the rules are gone', async () => {
      await host.sh(`iptables-save -t nat >${host.dir}/nat; iptables -t nat -F PREROUTING`);
      const { verdict, why } = say(await groundOf(host), ['outside', HOST, 8080]);
      const answers = [await ask(host, 'outside', [[HOST, 8080, 'tcp', GET]]), await ask(host, 'outside', [[HOST, 8080, 'tcp', GET]])];
      await host.sh(`iptables-restore <${host.dir}/nat`);
      expect(verdict).toMatchObject({ outcome: 'accept', out: 'local' });
      expect(why).toContain('dockerd only keeps the port busy');
      expect(answers.map(([answer]) => answer?.[0])).toEqual(['silent', 'lost']);
    });

    it('cannot be asked at ::1, where no answer comes back', () => {
      expect(say(ground, ['host', '::1', 8066]).why).toContain('IPv6 has no route_localnet');
      expect(say(ground, ['host', '::1', 8080]).why).toContain('for IPv4 only');
    });
  });

  for (const engine of ['20.10', '26.1'] as const satisfies readonly LabEngine[])
    describe(`of Docker ${engine}`, () => {
      const host = useLab({ engine, shared: true });

      it('are reached, or not, as is said of every way to them', async () => {
        const ground = await groundOf(host());
        const ways = ['outside', 'host', 'web1', 'web2', 'pubnet1', 'nm1'].flatMap((from): Way[] => [
          [from, HOST, 8080],
          [from, HOST, 8081],
          [from, HOST, 8082],
        ]);
        const own: Way[] = [8080, 8081, 8082].flatMap((port): Way[] => [
          ['host', '127.0.0.1', port],
          ['host', '::1', port],
        ]);
        expect(await differences(host(), ground, [...ways, ...own])).toEqual([]);
      }, 60_000);
    });
});
