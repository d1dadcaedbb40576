/** Containers of one network may not talk to each other (enable_icc=false, docker_gwbridge). */
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { given, stops, testsOnly } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

export const iccOff: Cause = {
  id: 'icc-off',
  find: (subject) => {
    const { obstacle, src, target } = subject;
    const rule = obstacle?.rule ?? null;
    if (obstacle === null || rule === null || !stops(rule)) return null;
    const bridge = given(rule, '-i');
    if (bridge === null || given(rule, '-o') !== bridge || !testsOnly(rule, ['-i', '-o'])) return null;
    const network = networkOn(subject, bridge);
    const name = network?.name ?? bridge;
    const swarm = network !== null && network.name === 'docker_gwbridge';
    return {
      sentence: swarm
        ? `${src.name} and ${target.name} meet on ${name}, the way out of swarm tasks, where they may not talk to each other by design; overlay networks are for that.`
        : `Containers in network ${name} may not talk to each other (icc=false), and ${src.name} and ${target.name} are both in it.`,
      evidence: [rulingSentence(obstacle.verdict)],
      ...(swarm || src.container === null
        ? {}
        : {
            fix: `docker network create shared && docker network connect shared ${src.name} && docker network connect shared ${target.name}`,
            fixFor: 'To let these two talk by their addresses in a common network',
          }),
    };
  },
};
