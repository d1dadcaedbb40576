/** From what a trace is to be about to its task: the exact packet, its prediction, and who could send it. */
import { failure, usageError } from '../../base/errors.ts';
import { parseIp, sameIp } from '../../base/ip-address.ts';
import type { DockerContainer } from '../../host/facts.ts';
import { IPPROTO_TCP } from '../../packet/packet.ts';
import { judgeBoth } from '../../path/judge.ts';
import { answerBetween } from '../../path/question.ts';
import type { PacketSpec } from '../../path/verdict.ts';
import { findContainer } from '../../topology/target.ts';
import type { HostVersion } from '../host-store.ts';
import { namespaceOf } from '../namespace-of.ts';
import type { TraceSubject } from '../state/trace-state.ts';
import type { TraceSender, TraceTask } from './trace-run.ts';

export const traceTask = (version: HostVersion, subject: TraceSubject): TraceTask =>
  subject.kind === 'flow' ? flowTask(version, subject) : questionTask(version, subject);

const questionTask = (version: HostVersion, { src, dst, proto }: Extract<TraceSubject, { kind: 'question' }>): TraceTask => {
  const { model, topology } = version;
  const { spec, words, verdict, settled } = answerBetween(model, topology, src, dst, proto);
  if (settled !== null) {
    throw failure('there is nothing to trace: such packets do not come to the rules of the host', {
      detail: settled.decidedBy.text,
      hint: `vethscope explain ${src} ${dst} ${proto}`,
    });
  }
  return { words, spec, withPort: false, verdict, sender: senderOf(version, src.trim(), spec.in) };
};

const flowTask = (version: HostVersion, { capture, flowId }: Extract<TraceSubject, { kind: 'flow' }>): TraceTask => {
  const row = capture.flow(flowId);
  const question = capture.question(flowId);
  if (row === null || question === null) throw failure('there is nothing to trace: the rules of IP have no say in this flow');
  if ('unknown' in question) throw failure('the flow cannot be traced: how its packets come in is not known', { detail: question.unknown });
  // What is traced are packets to come: the kernel's connections say which state they have.
  const { state: _state, connection: _connection, ...asked } = question.spec;
  const isUnderWay = row.flow.packets[0] > 0 && row.flow.packets[1] > 0;
  const spec: PacketSpec = isUnderWay && row.flow.protocol === IPPROTO_TCP ? { ...asked, flags: 'ACK' } : asked;
  const { verdict } = judgeBoth(version.model, spec);
  return { words: `${row.aName} → ${row.bName} ${row.protocol}`, spec, withPort: true, verdict, sender: undefined };
};

/** Undefined for whoever is not on this machine. */
const senderOf = (version: HostVersion, src: string, device: string | null): TraceSender | undefined => {
  if (device === null) return { from: null };
  const ip = parseIp(src);
  const colon = src.lastIndexOf(':');
  const node =
    ip !== null
      ? null
      : (findContainer(version.topology, src) ?? (colon > 0 ? findContainer(version.topology, src.slice(0, colon)) : null));
  const holder = node?.sharesWith == null ? node : (findContainer(version.topology, node.sharesWith) ?? node);
  const container = version.facts.containers.find(
    (each) => (holder !== null && each.id === holder.id) || (ip !== null && hasAddress(each, ip)),
  );
  if (container === undefined) return undefined;
  const document = version.document.docker.containers.find((each) => each.Id === container.id);
  const from = document?.NetNs == null ? undefined : namespaceOf(version.document, String(document.NetNs));
  return from === undefined ? { unreachable: container.name } : { from };
};

const hasAddress = (container: DockerContainer, ip: NonNullable<ReturnType<typeof parseIp>>): boolean =>
  container.endpoints.some(({ ipv4, ipv6 }) => [ipv4, ipv6].some((each) => each !== null && sameIp(each, ip)));

/** `--send` works from where this machine's processes are. */
export const checkSender = ({ sender }: TraceTask): void => {
  if (sender !== undefined && 'unreachable' in sender) {
    throw failure(`nothing can be sent from ${sender.unreachable}: the way into its network namespace is not known`, {
      hint: 'is it running? vethscope doctor says which privileges are missing',
    });
  }
  if (sender === undefined) {
    throw usageError('only containers of this host and the host itself can send: nothing is sent from outside', {
      hint: 'leave out --send and send such a packet from there while the trace waits',
    });
  }
};
