import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventReason } from '../../src/agent/docker-events.ts';
import { containerIds, reduceContainer, reduceNetwork } from '../../src/agent/docker-reduce.ts';

const ID = 'a'.repeat(64);

/** As Docker Engine 28 answers, cut to what matters and with what must not be kept. */
const inspect = {
  Id: ID,
  Name: '/web1',
  Path: 'SECRET-PATH',
  Args: ['--password', 'SECRET-ARG'],
  Image: 'sha256:0123',
  State: { Status: 'running', Running: true, Pid: 4711, StartedAt: '2026-01-02T03:04:05.6Z', Health: { Log: ['SECRET-HEALTH'] } },
  Mounts: [{ Source: '/SECRET-MOUNT' }],
  HostConfig: { NetworkMode: 'test_net1', Binds: ['/SECRET-BIND:/x'], PortBindings: { '81/tcp': [{ HostIp: '', HostPort: '8081' }] } },
  Config: {
    Image: 'nginx:1',
    Env: ['TOKEN=SECRET-ENV'],
    Cmd: ['SECRET-CMD'],
    Labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web', other: 'SECRET-LABEL' },
  },
  NetworkSettings: {
    SandboxKey: '/var/run/docker/netns/1234',
    Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '443/tcp': null },
    Networks: {
      test_net1: {
        NetworkID: 'n1',
        IPAddress: '172.18.0.2',
        IPPrefixLen: 16,
        MacAddress: '02:42:ac:12:00:02',
        Gateway: '172.18.0.1',
        GwPriority: 1,
        DriverOpts: { x: 'SECRET-OPT' },
      },
    },
  },
};

describe('reduceContainer', () => {
  it('keeps what networking needs', () => {
    expect(reduceContainer(inspect)).toEqual({
      value: {
        Id: ID,
        Name: '/web1',
        Image: 'nginx:1',
        State: { Status: 'running', Running: true, Pid: 4711, StartedAt: '2026-01-02T03:04:05.6Z' },
        HostConfig: { NetworkMode: 'test_net1' },
        NetworkSettings: {
          SandboxKey: '/var/run/docker/netns/1234',
          Networks: {
            test_net1: {
              NetworkID: 'n1',
              IPAddress: '172.18.0.2',
              IPPrefixLen: 16,
              MacAddress: '02:42:ac:12:00:02',
              Gateway: '172.18.0.1',
              GwPriority: 1,
            },
          },
          Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '443/tcp': null },
        },
        ComposeProject: 'shop',
        ComposeService: 'web',
      },
    });
  });

  it('keeps no environment, command line, mount, health output or other label', () => {
    expect(JSON.stringify(reduceContainer(inspect))).not.toContain('SECRET');
  });

  it('tells what a stopped container will publish', () => {
    const stopped = { ...inspect, State: { Status: 'exited', Running: false, Pid: 0 } };
    const reduced = reduceContainer(stopped);
    expect('value' in reduced && reduced.value.NetworkSettings.Ports).toEqual({ '81/tcp': [{ HostIp: '', HostPort: '8081' }] });
  });

  it.each([
    [null, 'is no object'],
    [[], 'is no object'],
    [{ State: {} }, 'has no Id'],
    [{ Id: '../../images/json', State: {} }, 'has no Id'],
    [{ Id: ID }, 'has no State'],
  ])('says what is wrong with %j', (answer, problem) => {
    expect(reduceContainer(answer)).toEqual({ problem });
  });

  it('bounds every string and list', () => {
    const huge = 'x'.repeat(1_000_000);
    const networks = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`n${index}`, { NetworkID: huge }]));
    const reduced = reduceContainer({ ...inspect, Name: huge, NetworkSettings: { Networks: networks } });
    if (!('value' in reduced)) throw new Error(reduced.problem);
    expect(reduced.value.Name.length).toBe(1024);
    expect(Object.keys(reduced.value.NetworkSettings.Networks)).toHaveLength(4096);
  });

  it('takes process numbers only where they are ones', () => {
    for (const pid of ['4711', -1, 1.5, 2 ** 40, null, { valueOf: 1 }]) {
      const reduced = reduceContainer({ ...inspect, State: { ...inspect.State, Pid: pid } });
      expect('value' in reduced && reduced.value.State.Pid).toBe(0);
    }
  });
});

describe('any answer at all', () => {
  it('is reduced or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (answer) => {
        reduceContainer(answer);
        reduceNetwork(answer);
        containerIds(answer);
        eventReason(answer);
      }),
    );
  });

  it('is reduced or refused when only parts of it are odd', () => {
    const keys = ['Id', 'Name', 'State', 'NetworkSettings', 'HostConfig', 'Config', 'IPAM', 'Options', 'Driver', 'Actor', 'Type', 'Action'];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.anything(), fc.constant(ID), fc.object())), (part) => {
        reduceContainer({ ...inspect, ...part });
        reduceNetwork({ Id: 'n', Name: 'n', ...part });
        eventReason(part);
      }),
    );
  });
});

describe('reduceNetwork', () => {
  it('keeps subnets and options', () => {
    const answer = {
      Id: 'n1',
      Name: 'test_net1',
      Driver: 'bridge',
      Scope: 'local',
      Internal: true,
      EnableIPv6: false,
      IPAM: { Config: [{ Subnet: '10.0.0.0/24', Gateway: '10.0.0.1' }, 7] },
      Options: { 'com.docker.network.bridge.name': 'br0', bad: 5 },
      Containers: { x: {} },
    };
    expect(reduceNetwork(answer)).toEqual({
      value: {
        Id: 'n1',
        Name: 'test_net1',
        Driver: 'bridge',
        Scope: 'local',
        Internal: true,
        EnableIPv6: false,
        IPAM: { Config: [{ Subnet: '10.0.0.0/24', Gateway: '10.0.0.1' }, {}] },
        Options: { 'com.docker.network.bridge.name': 'br0' },
      },
    });
  });
});

describe('containerIds', () => {
  it('lets no id through that would change the path of the next request', () => {
    expect(containerIds([{ Id: ID }, { Id: '../info' }, { Id: 'x?y' }, {}, 3])).toEqual({ value: [ID] });
    expect(containerIds({ message: 'no' })).toEqual({ problem: 'is no list' });
  });
});

describe('eventReason', () => {
  const network = { Type: 'network', Action: 'connect', Actor: { ID: 'n1', Attributes: { name: 'net', container: ID } } };

  it('tells of containers by name', () => {
    expect(eventReason({ Type: 'container', Action: 'die', Actor: { ID, Attributes: { name: 'web1' } } })).toBe('container web1 stopped');
  });

  it('names the container that joined a network', () => {
    expect(eventReason(network, (id) => (id === ID ? 'web1' : null))).toBe('container web1 connected to network net');
    expect(eventReason(network)).toBe('container aaaaaaaaaaaa connected to network net');
  });

  it('reads the events of old daemons', () => {
    expect(eventReason({ status: 'start', id: ID, from: 'nginx' })).toBe('container aaaaaaaaaaaa started');
  });

  it.each(['exec_create: sh', 'health_status: healthy', 'top', 'constructor', 'toString'])('passes over %s', (action) => {
    expect(eventReason({ Type: 'container', Action: action, Actor: { Attributes: { name: 'x' } } })).toBeNull();
  });
});
