/** The host is asked at a port where nobody listens and that no container publishes. */
import type { Cause } from '../diagnosis.ts';

export const notPublished: Cause = {
  id: 'not-published',
  find: ({ verdict, dst, dnat, facts, protocol, src }) => {
    if (verdict.outcome !== 'accept' || verdict.out !== 'local' || !dst.isHost || dst.port === null || dnat !== null) return null;
    const closed = verdict.steps.find((step) => step.socket === 'closed');
    if (closed === undefined) return null;
    if (facts.containers.some((container) => container.published.some((port) => port.protocol === protocol && port.hostPort === dst.port)))
      return null;
    const inner = facts.containers.flatMap((container) =>
      container.published
        .filter((port) => port.protocol === protocol && port.containerPort === dst.port)
        .map((port) => `${container.name} publishes its port ${dst.port} as ${port.hostPort}`),
    );
    const hint = inner.length === 0 ? '' : ` (${inner.slice(0, 3).join('; ')})`;
    return {
      sentence: `The host lets it in, but nobody there listens on ${protocol} port ${dst.port} and no container publishes it${hint}: ${closed.note ?? 'the host refuses it'}.`,
      evidence: [closed.text],
      ...(src.isHost || inner.length > 0
        ? {}
        : { fix: `docker run -p ${dst.port}:CONTAINER-PORT …`, fixFor: 'If a container should answer there, publish its port' }),
    };
  },
};
