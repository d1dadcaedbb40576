/** Every rule lets it through; inside the container nobody listens on that port, or only on its loopback. */
import { formatIp, isUnspecified, sameIp } from '../../base/ip-address.ts';
import type { Verdict } from '../../path/verdict.ts';
import { insideOf } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

/** What the container answers, as its own socket table says. */
const refusal = ({ steps }: Verdict): string[] => {
  const told = steps.find(({ namespace, socket }) => namespace !== undefined && socket === 'closed')?.note;
  return told === undefined ? [] : [told];
};

export const nobodyListens: Cause = {
  id: 'nobody-listens',
  find: (subject) => {
    const { verdict, target, protocol, flow } = subject;
    const { ip, port, container } = target;
    if (verdict.outcome !== 'accept' || container === null || ip === null || port === null || (protocol !== 'tcp' && protocol !== 'udp'))
      return null;
    // The container's own rules may have sent it on to another port, which is open.
    if (subject.whole.verdict.steps.some(({ namespace, socket }) => namespace === container.name && socket === 'open')) return null;
    const inside = insideOf(subject, container);
    const listeners = inside?.listeners?.filter((listener) => listener.protocol === protocol && listener.port === port) ?? null;
    const reset = flow?.tcp?.resetBy === 1 && flow.tcp.phase === 'reset' && flow.tcp.handshakeNs === null;
    if (listeners === null && !reset) return null;
    if (listeners?.some((listener) => isUnspecified(listener.ip) || sameIp(listener.ip, ip)) === true) return null;
    const loopbackOnly = listeners?.find((listener) => (listener.ip.version === 4 ? listener.ip.a >>> 24 === 127 : listener.ip.d === 1));
    const elsewhere = listeners?.map((listener) => formatIp(listener.ip)) ?? [];
    const known =
      inside?.listeners
        ?.filter((listener) => listener.protocol === protocol && (isUnspecified(listener.ip) || sameIp(listener.ip, ip)))
        .map((listener) => listener.port) ?? [];
    const others = known.length === 0 ? '' : `; it listens on ${[...new Set(known)].slice(0, 5).join(', ')}`;
    return {
      sentence:
        loopbackOnly !== undefined
          ? `All rules let it through, but inside ${container.name} the service listens on ${formatIp(loopbackOnly.ip)} only, where nobody from outside can reach it.`
          : `All rules let it through, but inside ${container.name} nobody listens on ${protocol} port ${port}${others}.`,
      evidence: [
        ...(reset ? [`${container.name} itself answered with a reset`] : refusal(subject.whole.verdict)),
        ...(listeners === null
          ? []
          : [
              elsewhere.length === 0
                ? `no ${protocol} socket on port ${port} in ${container.name}`
                : `${protocol} port ${port} is open on ${elsewhere.join(', ')}`,
            ]),
      ],
      ...(loopbackOnly === undefined
        ? {}
        : { fix: `# let the service in ${container.name} listen on 0.0.0.0:${port}`, fixFor: 'In its configuration' }),
    };
  },
};
