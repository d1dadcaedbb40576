/**
 * Docker's rules of every generation: that the renderer writes what real engines write, and that every pair of a host with such rules goes
 * the way that is foretold, by the kernel's trace.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GENERATIONS, type Generation, renderRules } from './docker-generations.ts';
import { GenerationWorld, NETWORKS } from './generation-world.ts';
import { type LabEngine, type LabHost, useLab } from './lab.ts';
import { describeLab } from './root.ts';

/** Of the conversations each so-manieth; `npm run oracle -- generations` holds all of them. */
const EVERY = 7;

/** The host asks who is outside; whether that finds back is not seen from here. */
const TRUE_REASON = /^whether 203\.0\.113\.2 has a route back to 172\.2[03]\.0\.\d by this host is not seen from here/;

/** Rules by table and chain, without counters and without what is built in. */
const chainsOf = (save: string): Readonly<Record<string, readonly string[]>> => {
  const chains: Record<string, string[]> = {};
  let table = '';
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const rule = /^-A (\S+) (.*)$/.exec(line);
    if (rule === null) continue;
    const list = chains[`${table} ${rule[1]}`] ?? [];
    list.push(rule[2] as string);
    chains[`${table} ${rule[1]}`] = list;
  }
  return chains;
};

const GATEWAY_MODE = 'com.docker.network.bridge.gateway_mode_ipv4';

const makeNetworks = async (host: LabHost, hasModes: boolean): Promise<void> => {
  const commands: string[] = [];
  for (const { bridge, subnet, gateway, internal, icc, masquerade, mode, containers } of NETWORKS) {
    const options = [
      `-o com.docker.network.bridge.name=${bridge}`,
      ...(internal ? ['--internal'] : []),
      ...(icc ? [] : ['-o com.docker.network.bridge.enable_icc=false']),
      ...(masquerade ? [] : ['-o com.docker.network.bridge.enable_ip_masquerade=false']),
      ...(hasModes && mode !== 'nat' ? [`-o ${GATEWAY_MODE}=${mode}`] : []),
    ];
    if (bridge !== 'docker0') commands.push(`docker network create --subnet ${subnet} --gateway ${gateway} ${options.join(' ')} ${bridge}`);
    for (const { name, ip, published } of containers) {
      const ports = published.map(({ port, hostPort, hostIp }) => `-p ${hostIp === undefined ? '' : `${hostIp}:`}${hostPort}:${port}`);
      const where = bridge === 'docker0' ? '' : `--network ${bridge} --ip ${ip}`;
      commands.push(`docker run -d --name ${name} ${where} ${ports.join(' ')} lab/busybox /bin/sleep 1000000`);
    }
  }
  await host.sh(commands.join(' && '));
};

describeLab('the rules that are rendered', () => {
  const real = (engine: LabEngine, generation: Generation): void => {
    describe(`for Docker ${engine}`, () => {
      const host = useLab({ engine, scene: false });

      it('are those that it writes for the same networks', async () => {
        await makeNetworks(host(), engine === '28.5');
        expect(chainsOf(renderRules(generation, NETWORKS).save)).toEqual(chainsOf(await host().sh('iptables-save')));
      });
    });
  };
  real('20.10', '20.10');
  real('26.1', '20.10');
  real('28.5', '28.5');
});

describeLab('every pair of a host', () => {
  let world: GenerationWorld | null = null;
  beforeAll(() => {
    world = GenerationWorld.open('dist/main.js');
  });
  afterAll(() => world?.close());

  it.each(GENERATIONS)(
    'with the rules of Docker %s goes the way that is foretold, rule by rule and back',
    async (generation) => {
      const { conversations, passages, differing, undetermined } = await (world as GenerationWorld).reach(generation, EVERY);
      expect(differing.join('\n')).toBe('');
      expect(conversations).toBeGreaterThan(250);
      expect(passages).toBeGreaterThan(350);
      for (const reason of undetermined.keys()) expect(reason).toMatch(TRUE_REASON);
    },
    60_000,
  );
});
