/** A packet for 127.0.0.0/8 that did not come by the loopback, kept out since Docker 28. */
import type { Cause } from '../diagnosis.ts';
import { given, givenNot, prefixValue, stops } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

export const loopbackFromOutside: Cause = {
  id: 'loopback-from-outside',
  find: ({ obstacle, dst, inDevice, facts }) => {
    const rule = obstacle?.rule ?? null;
    if (obstacle === null || rule === null || !stops(rule) || givenNot(rule, '-i') !== 'lo') return null;
    const prefix = prefixValue(given(rule, '-d'));
    if (prefix === null || prefix.address.version !== 4 || prefix.address.a >>> 24 !== 127) return null;
    const owner = facts.containers.find((container) =>
      container.published.some((port) => port.hostPort === dst.port && port.hostIp.startsWith('127.')),
    );
    return {
      sentence: `${owner === undefined ? 'That port is published' : `${owner.name} publishes port ${dst.port}`} for this machine only, and the packet came in by ${inDevice ?? 'another interface'}: somebody outside addressed the loopback.`,
      evidence: [rulingSentence(obstacle.verdict)],
      ...(dst.port === null ? {} : { fix: `docker run -p ${dst.port}:CONTAINER-PORT …`, fixFor: 'To publish it for others too' }),
    };
  },
};
