/**
 * Real Docker hosts for tests, several at once. `useLab` is what a test file wants, `useSwarm` two hosts that are one swarm; `startLab` is
 * the same without Vitest.
 * Hosts end with the test file, with its process (also when that is killed), and never later.
 */
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';

const run = promisify(execFile);
/** Tests and programs are started from the repository's root, and the compiled programs lie elsewhere. */
const LAB_SH = 'test/lab/lab.sh';
/** A first start may have to fetch an engine. */
const START_TIMEOUT_MS = 600_000;

/** Versions of dockerd; `local` is that of this machine's distribution. */
export type LabEngine = '20.10' | '26.1' | '28.5' | 'local';

export interface LabOptions {
  readonly engine: LabEngine;
  /** Make the networks and containers of test/lab/README.md. Default true. */
  readonly scene?: boolean;
  /** Add the IPv6 network. Default false. */
  readonly scene6?: boolean;
  /**
   * Use one host for all test files that ask for the same: it ends with the whole test run. For tests that only look;
   * whoever changes the host (stops a container, adds a rule) takes one of their own. Default false.
   */
  readonly shared?: boolean;
  /** Stand on the outside network of this host, as 203.0.113.3. */
  readonly beside?: LabHost;
  /** Make one swarm with that host, and the overlay networks and containers of test/lab/README.md. Default false. */
  readonly swarm?: boolean;
}

/** Two hosts of one swarm: 203.0.113.1, which manages, and 203.0.113.3. */
export interface LabSwarm {
  readonly first: LabHost;
  readonly second: LabHost;
}

export interface LabHost {
  readonly name: string;
  readonly engine: LabEngine;
  /** `unix:///...`, for DOCKER_HOST. */
  readonly dockerHost: string;
  /** Names under /run/netns. */
  readonly netns: string;
  readonly outsideNetns: string;
  /** A process that holds the host's namespaces. */
  readonly anchorPid: number;
  readonly dir: string;
  /** argv that runs `argv` inside the host: its network, its /sys, DOCKER_HOST set, the caller's folder, the same process id. */
  wrap(argv: readonly string[]): string[];
  /** argv that runs `argv` on the outside machine, 203.0.113.2. */
  wrapOutside(argv: readonly string[]): string[];
  /** argv that runs `argv` in the network namespace of a container, with the machine's own programs. */
  wrapContainer(container: string, argv: readonly string[]): string[];
  /** Run a shell command to its end and give its standard output; throws with its standard error where it fails. */
  sh(command: string): Promise<string>;
  outside(command: string): Promise<string>;
  container(container: string, command: string): Promise<string>;
  /** The address of a container, for networks whose addresses differ from host to host. */
  addressOf(container: string, network: string): Promise<string>;
  stopDocker(): Promise<void>;
  startDocker(): Promise<void>;
  /** Both scenes, on a host that was started without. */
  makeScenes(): Promise<void>;
  /** Ends the host and everything in it; more than once does no harm. A shared host stays until the test run ends. */
  stop(): Promise<void>;
}

/** Starts a host that lives until `stop()`, or until this process ends. */
export const startLab = async (options: LabOptions): Promise<LabHost> => {
  // Vitest runs test files in children of its own process: a shared host belongs to that one.
  const owner = options.shared ? process.ppid : process.pid;
  const scenes = [
    ...((options.scene ?? true) ? ['scene'] : []),
    ...(options.scene6 ? ['scene6'] : []),
    ...(options.swarm ? ['swarm'] : []),
  ];
  const beside = options.beside === undefined ? [] : ['--beside', options.beside.name];
  const name = options.shared
    ? `s${owner}-${[options.engine.replace('.', ''), ...scenes, ...(options.beside === undefined ? [] : ['b'])].join('-')}`
    : `t${owner}-${randomBytes(3).toString('hex')}`;
  try {
    await lab(['ensure', name, options.engine, '--owner', String(owner), ...beside, ...scenes]);
  } catch (error) {
    await lab(['down', name]);
    throw error;
  }
  return describeHost(name, options.engine, options.shared === true);
};

/** Registers a host for the enclosing `describe` (or the whole file) and gives the way to reach it from within tests. */
export const useLab = (options: LabOptions): (() => LabHost) => {
  let host: LabHost | null = null;
  beforeAll(async () => {
    host = await startLab(options);
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await host?.stop();
  }, 60_000);
  return () => {
    if (host === null) throw new Error('the lab host is there only while tests run');
    return host;
  };
};

/** Starts two hosts that are one swarm. */
export const startSwarm = async (engine: LabEngine, shared = false): Promise<LabSwarm> => {
  const first = await startLab({ engine, scene: false, shared });
  try {
    return { first, second: await startLab({ engine, scene: false, shared, beside: first, swarm: true }) };
  } catch (error) {
    await first.stop();
    throw error;
  }
};

/** Registers two hosts of one swarm for the enclosing `describe` (or the whole file). */
export const useSwarm = (options: Pick<LabOptions, 'engine' | 'shared'>): (() => LabSwarm) => {
  let swarm: LabSwarm | null = null;
  beforeAll(async () => {
    swarm = await startSwarm(options.engine, options.shared);
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await swarm?.second.stop();
    await swarm?.first.stop();
  }, 60_000);
  return () => {
    if (swarm === null) throw new Error('the swarm is there only while tests run');
    return swarm;
  };
};

const lab = async (argv: readonly string[]): Promise<string> => {
  const { stdout } = await runToEnd(['bash', LAB_SH, ...argv], START_TIMEOUT_MS);
  return stdout;
};

const runToEnd = async (argv: readonly string[], timeoutMs: number): Promise<{ stdout: string; stderr: string }> => {
  const [program, ...rest] = argv;
  try {
    return await run(program as string, rest, { timeout: timeoutMs, maxBuffer: 256 * 1024 * 1024 });
  } catch (error) {
    const {
      stderr = '',
      stdout = '',
      code,
      signal,
    } = error as { stderr?: string; stdout?: string; code?: number | string; signal?: string };
    const how = signal == null ? `exit ${code}` : `ended by ${signal}`;
    throw new Error([`${argv.at(-1)}: ${how}`, stdout.trimEnd(), stderr.trimEnd()].filter((part) => part !== '').join('\n'));
  }
};

const describeHost = async (name: string, engine: LabEngine, shared: boolean): Promise<LabHost> => {
  const env = new Map(
    (await lab(['env', name])).split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const value = (key: string): string => {
    const found = env.get(key);
    if (found === undefined) throw new Error(`lab.sh env ${name} gave no ${key}`);
    return found;
  };
  const dockerHost = value('DOCKER_HOST');
  const netns = value('NETNS');
  const outsideNetns = value('OUTSIDE');
  const anchorPid = Number(value('ANCHOR'));
  const dir = value('DIR');
  const path = `PATH=${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:${value('BIN')}`;
  const environment = ['env', '-C', process.cwd(), path];

  const wrap = (argv: readonly string[]): string[] => [
    'nsenter',
    `--net=/run/netns/${netns}`,
    `--mount=/proc/${anchorPid}/ns/mnt`,
    '--',
    ...environment,
    `DOCKER_HOST=${dockerHost}`,
    `DOCKER_CONFIG=${dir}/cli`,
    ...argv,
  ];
  const wrapOutside = (argv: readonly string[]): string[] => ['nsenter', `--net=/run/netns/${outsideNetns}`, '--', ...environment, ...argv];
  const wrapContainer = (container: string, argv: readonly string[]): string[] => ['bash', LAB_SH, 'in', name, container, ...argv];

  const output = async (argv: readonly string[]): Promise<string> => (await runToEnd(argv, 120_000)).stdout;
  const stopSync = (): void => {
    spawnSync('bash', [LAB_SH, 'down', name]);
  };
  if (!shared) process.once('exit', stopSync);

  return {
    name,
    engine,
    dockerHost,
    netns,
    outsideNetns,
    anchorPid,
    dir,
    wrap,
    wrapOutside,
    wrapContainer,
    sh: (command) => output(wrap(['sh', '-c', command])),
    outside: (command) => output(wrapOutside(['sh', '-c', command])),
    container: (container, command) => output(wrapContainer(container, ['sh', '-c', command])),
    addressOf: async (container, network) =>
      (await output(wrap(['docker', 'inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container]))).trim(),
    stopDocker: async () => {
      await lab(['dockerd', name, 'stop']);
    },
    startDocker: async () => {
      await lab(['dockerd', name, 'start']);
    },
    makeScenes: async () => {
      await lab(['scene', name]);
      await lab(['scene6', name]);
    },
    stop: async () => {
      if (shared) return;
      await lab(['down', name]);
      process.removeListener('exit', stopSync);
    },
  };
};
