/** Every pair of the lab's scene on a real Docker host of its own: foretold as `explain` does, then held and traced. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { compileHost } from '../../src/path/model.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { KernelTrace } from './kernel-trace.ts';
import { type LabEngine, startLab } from './lab.ts';
import { type Count, countOf, hold, SENTINEL } from './reach.ts';
import { type PairOptions, routeBack, scenePairs, sentinelOf, spacesOf } from './scene-pairs.ts';
import { Talk } from './talk.ts';

export interface SceneOptions extends PairOptions {
  /** What dockerd is told otherwise than by default (daemon.json). */
  readonly daemon?: Readonly<Record<string, unknown>>;
}

/** `main`: the built program, whose `snapshot` command reads the host. */
export const reachScene = async (engine: LabEngine, main: string, options: SceneOptions): Promise<Count> => {
  const { daemon } = options;
  const host = await startLab({ engine, scene: daemon === undefined, scene6: daemon === undefined });
  let talk: Talk | null = null;
  let trace: KernelTrace | null = null;
  try {
    if (daemon !== undefined) {
      writeFileSync(`${host.dir}/daemon.json`, JSON.stringify(daemon));
      await host.stopDocker();
      await host.startDocker();
      await host.makeScenes();
    }
    await routeBack(host, true);
    const [program = '', ...args] = host.wrap([process.execPath, main, 'snapshot']);
    const read = () =>
      readFacts(parseSnapshot(execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] })));
    const spaces = spacesOf(host, read());
    talk = await Talk.open(spaces.files, spaces.listeners);
    // With the listeners, and before the tracer's own table is there.
    const facts = read();
    const model = compileHost(facts);
    const plans = scenePairs(model, buildTopology(facts), options);
    trace = KernelTrace.open(host.wrap, facts.self.rulesets);
    return countOf(await hold(plans, { model, talk, trace, sentinel: sentinelOf(SENTINEL) }));
  } finally {
    await trace?.close();
    talk?.close();
    await host.stop();
  }
};
