/**
 * Entry of the agent's process: answers main's requests and goes when main goes. It looks at the host and starts engines; it never looks into
 * packets.
 */
import { failure, messageOf, VethscopeError } from '../base/errors.ts';
import { Captures } from './captures.ts';
import { collect } from './collect.ts';
import { DockerDaemon } from './docker.ts';
import { chooseDockerEndpoint } from './docker-endpoint.ts';
import { localMachine } from './machine/local.ts';
import type { Machine } from './machine/machine.ts';
import { probe } from './probe.ts';
import { type AgentMessage, type AgentRequest, DOCKER_HOST_OPTION, REMOTE_OPTION, type SendPacket } from './protocol.ts';
import { dockerThere } from './remote/docker-dial.ts';
import { remoteFrom } from './remote/ssh-machine.ts';
import { sendPacket } from './trace-send.ts';
import { Traces } from './traces.ts';
import { Watch } from './watch.ts';

const send = (message: AgentMessage): void => {
  if (process.connected === true) process.send?.(message, () => {});
};

const findDocker = (): DockerDaemon | { readonly error: string } => {
  if (remote !== null) return new DockerDaemon(dockerThere(remote), remote);
  try {
    return new DockerDaemon(chooseDockerEndpoint(process.env[DOCKER_HOST_OPTION] ?? null, process.env));
  } catch (error) {
    return { error: messageOf(error) };
  }
};

const remote = remoteFrom(process.env[REMOTE_OPTION]);
const machine: Machine = remote ?? localMachine();
const docker = findDocker();
// dockerode reads the variable too, and would take it for more than what was chosen
delete process.env['DOCKER_HOST'];
const captures = new Captures(machine, remote?.reach ?? null, send);
const traces = new Traces(send);
const watch = new Watch(machine, docker, send);

const leave = (): void => {
  watch.stop();
  captures.killAll();
  remote?.close();
  void traces.stopAll().then(() => process.exit(0));
};

const answer = async (requestId: number, work: () => Promise<AgentMessage>): Promise<void> => {
  try {
    send(await work());
  } catch (error) {
    send({ type: 'failed', requestId, message: messageOf(error), hint: error instanceof VethscopeError ? error.hint : null });
  }
};

const refuseTrace = (traceId: number): void =>
  send({
    type: 'traceEnded',
    traceId,
    end: 'refused',
    message: 'the kernel can be asked for its trace only on the machine itself',
    hint: `vethscope trace, on ${remote?.remote}`,
    counts: { traced: null, overRate: null, messagesLost: null, legacyDropped: null, gaps: 0 },
  });

const sendHere = (packet: SendPacket): Promise<string> => {
  if (remote !== null)
    throw failure('packets are sent only from the machine itself', { hint: `vethscope trace --send, on ${remote.remote}` });
  return sendPacket(packet);
};

const handle = (request: AgentRequest): void => {
  switch (request.type) {
    case 'collect':
      void answer(request.requestId, async () => {
        const snapshot = await collect(request.what, machine, docker);
        watch.seen(snapshot);
        return { type: 'collected', requestId: request.requestId, snapshot };
      });
      break;
    case 'probe':
      void answer(request.requestId, async () => ({
        type: 'probed',
        requestId: request.requestId,
        capabilities: await probe(machine, docker),
      }));
      break;
    case 'watch':
      watch.start(request.intervalMs, request.what);
      break;
    case 'unwatch':
      watch.stop();
      break;
    case 'startCapture':
      captures.start(request.capture);
      break;
    case 'continueCapture':
      captures.continue(request.captureId, request.fifo);
      break;
    case 'startTrace':
      if (remote === null) traces.start(request.trace);
      else refuseTrace(request.trace.traceId);
      break;
    case 'stopTrace':
      traces.stop(request.traceId);
      break;
    case 'send':
      void answer(request.requestId, async () => ({ type: 'sent', requestId: request.requestId, by: await sendHere(request.packet) }));
      break;
    case 'stopCapture':
      captures.stop(request.captureId);
      break;
  }
};

process.on('disconnect', leave);
process.on('SIGTERM', leave);
process.on('message', (request) => handle(request as AgentRequest));
send({ type: 'ready', pid: process.pid });
