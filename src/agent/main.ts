/**
 * Entry of the agent's process: answers main's requests and goes when main goes. It looks at the host and starts engines; it never looks into
 * packets.
 */
import { messageOf, VethscopeError } from '../base/errors.ts';
import { Captures } from './captures.ts';
import { collect } from './collect.ts';
import { DockerDaemon } from './docker.ts';
import { chooseDockerEndpoint } from './docker-endpoint.ts';
import { probe } from './probe.ts';
import { type AgentMessage, type AgentRequest, DOCKER_HOST_OPTION } from './protocol.ts';
import { sendPacket } from './trace-send.ts';
import { Traces } from './traces.ts';
import { Watch } from './watch.ts';

const send = (message: AgentMessage): void => {
  if (process.connected === true) process.send?.(message, () => {});
};

const findDocker = (): DockerDaemon | { readonly error: string } => {
  try {
    return new DockerDaemon(chooseDockerEndpoint(process.env[DOCKER_HOST_OPTION] ?? null, process.env));
  } catch (error) {
    return { error: messageOf(error) };
  }
};

const docker = findDocker();
// dockerode reads the variable too, and would take it for more than what was chosen
delete process.env['DOCKER_HOST'];
const captures = new Captures(send);
const traces = new Traces(send);
const watch = new Watch(docker, send);

const leave = (): void => {
  watch.stop();
  captures.killAll();
  void traces.stopAll().then(() => process.exit(0));
};

const answer = async (requestId: number, work: () => Promise<AgentMessage>): Promise<void> => {
  try {
    send(await work());
  } catch (error) {
    send({ type: 'failed', requestId, message: messageOf(error), hint: error instanceof VethscopeError ? error.hint : null });
  }
};

const handle = (request: AgentRequest): void => {
  switch (request.type) {
    case 'collect':
      void answer(request.requestId, async () => {
        const snapshot = await collect(request.what, docker);
        watch.seen(snapshot);
        return { type: 'collected', requestId: request.requestId, snapshot };
      });
      break;
    case 'probe':
      void answer(request.requestId, async () => ({ type: 'probed', requestId: request.requestId, capabilities: await probe(docker) }));
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
      traces.start(request.trace);
      break;
    case 'stopTrace':
      traces.stop(request.traceId);
      break;
    case 'send':
      void answer(request.requestId, async () => ({ type: 'sent', requestId: request.requestId, by: await sendPacket(request.packet) }));
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
