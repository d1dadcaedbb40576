/** The agent's small parts that need no host: what they make of programs' outputs, and the programs themselves. */
import { describe, expect, it } from 'vitest';
import { linkTypeOf } from '../../src/agent/engine/cap-module.ts';
import { PacketClock } from '../../src/agent/engine/clock.ts';
import { explainTcpdump, parseCounts, tcpdumpArguments } from '../../src/agent/engine/tcpdump-engine.ts';
import { parseLinks } from '../../src/agent/links.ts';
import { parseNetnsIds, programNamesOnly, splitBatch } from '../../src/agent/namespaces.ts';
import { inParallel, run } from '../../src/agent/programs.ts';
import type { StartCapture } from '../../src/agent/protocol.ts';
import { sysctlName } from '../../src/agent/sysctls.ts';

const capture: StartCapture = {
  captureId: 1,
  interface: 'veth1',
  netns: null,
  filter: 'icmp or tcp',
  engine: 'tcpdump',
  snapLength: 2048,
  bufferBytes: 64 * 1024 * 1024,
  fifo: '/x',
  description: 'web1 (net)',
};

describe('run', () => {
  it('gives what a program printed', async () => {
    expect(await run('printf', ['a\\nb'])).toEqual({ ok: true, stdout: 'a\nb', stderr: '', truncated: false });
  });

  it('feeds its stdin', async () => {
    expect(await run('cat', [], { input: 'hello' })).toMatchObject({ stdout: 'hello' });
  });

  it('says that a program is missing', async () => {
    expect(await run('no-such-program', [])).toMatchObject({ ok: false, notFound: true, reason: 'no-such-program is not installed' });
  });

  it('says how a program failed, by the last line of its stderr', async () => {
    expect(await run('sh', ['-c', 'echo first >&2; echo last >&2; exit 3'])).toMatchObject({
      ok: false,
      reason: 'sh failed (exit 3): last',
    });
  });

  it('ends a program that hangs', async () => {
    expect(await run('sleep', ['60'], { timeoutMs: 50 })).toMatchObject({ ok: false, reason: 'sleep gave no answer within 0.05 s' });
  });

  it('ends a program that prints without end', async () => {
    expect(await run('yes', [], { maxBytes: 10_000 })).toMatchObject({ ok: false, reason: 'yes printed more than 10000 bytes' });
  });

  it('keeps so many lines and says that there were more', async () => {
    expect(await run('yes', [], { maxLines: 3 })).toMatchObject({ ok: true, stdout: 'y\ny\ny\n', truncated: true });
    expect(await run('seq', ['3'], { maxLines: 3 })).toMatchObject({ stdout: '1\n2\n3\n', truncated: false });
  });

  it('hands none of our environment on', async () => {
    process.env['VETHSCOPE_TEST_SECRET'] = 'x';
    const result = await run('env', []);
    expect(result.stdout).not.toContain('SECRET');
    expect(result.stdout).toContain('LC_ALL=C');
    delete process.env['VETHSCOPE_TEST_SECRET'];
  });
});

describe('inParallel', () => {
  it('keeps the order and the limit', async () => {
    let now = 0;
    let most = 0;
    const results = await inParallel([3, 1, 2, 0], 2, async (value) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, value));
      now--;
      return value * 10;
    });
    expect(results).toEqual([30, 10, 20, 0]);
    expect(most).toBe(2);
  });
});

describe('sysctlName', () => {
  it('swaps dots and slashes as sysctl(8) does', () => {
    expect(sysctlName('ipv4/conf/eth0.30/rp_filter')).toBe('net.ipv4.conf.eth0/30.rp_filter');
    expect(sysctlName('bridge/bridge-nf-call-iptables')).toBe('net.bridge.bridge-nf-call-iptables');
  });
});

describe('programNamesOnly', () => {
  it('keeps the names of programs and nothing else about them', () => {
    const line = 'tcp LISTEN 0 4096 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=5,fd=6),("a\\"b (x)",pid=7,fd=8))';
    expect(programNamesOnly(line)).toBe('tcp LISTEN 0 4096 0.0.0.0:80 0.0.0.0:* users:(("nginx"),("a\\"b (x)"))');
  });
});

describe('parseNetnsIds', () => {
  it('takes numbers and passes over unassigned ones', () => {
    const lsns = {
      namespaces: [
        { ns: 1, netnsid: 'unassigned' },
        { ns: 2, netnsid: '0' },
        { ns: '3', netnsid: 7 },
        { ns: 4, netnsid: null },
        { ns: 5, netnsid: '' },
      ],
    };
    expect([...parseNetnsIds(JSON.stringify(lsns))]).toEqual([
      ['2', 0],
      ['3', 7],
    ]);
    expect(parseNetnsIds('lsns: no').size).toBe(0);
  });
});

describe('splitBatch', () => {
  it('gives one text a command, or nothing where their number differs', () => {
    expect(splitBatch('[{"a":1}]\n[]\n', 2)).toEqual(['[{"a":1}]', '[]']);
    expect(splitBatch('[]\n', 2)).toBeNull();
  });
});

describe('parseLinks', () => {
  it('reads flags and passes over what it does not know', () => {
    const links = parseLinks('[{"ifname":"a","ifindex":3,"flags":["BROADCAST","UP"]},{"ifname":"b","ifindex":4,"flags":[]},{}]');
    expect([...links]).toEqual([
      ['a', { present: true, up: true, ifindex: 3 }],
      ['b', { present: true, up: false, ifindex: 4 }],
    ]);
    expect(parseLinks('Device does not exist').size).toBe(0);
  });
});

describe('PacketClock', () => {
  it('tells the time of day', () => {
    const clock = new PacketClock();
    const before = Date.now();
    clock.stamp();
    const told = clock.sec * 1000 + clock.nsec / 1e6;
    expect(told).toBeGreaterThan(before - 5);
    expect(told).toBeLessThan(Date.now() + 5);
    expect(Number.isInteger(clock.nsec) && clock.nsec >= 0 && clock.nsec < 1e9).toBe(true);
  });
});

describe('linkTypeOf', () => {
  it("turns cap's names into LINKTYPE_ numbers", () => {
    expect(['ETHERNET', 'RAW', 'LINKTYPE_LINUX_SLL', 'NULL', 'Unknown linktype 276', 'TOKEN RING'].map(linkTypeOf)).toEqual([
      1,
      101,
      113,
      0,
      276,
      null,
    ]);
  });
});

describe('tcpdump', () => {
  it('cannot take a filter for an option', () => {
    expect(tcpdumpArguments({ ...capture, filter: '-w /etc/passwd' }).slice(-2)).toEqual(['--', '-w /etc/passwd']);
  });

  it('gets no filter argument for everything', () => {
    expect(tcpdumpArguments({ ...capture, filter: '' }).at(-1)).toBe('--');
  });

  it('tells its counts on a signal and at its end', () => {
    expect(
      parseCounts('tcpdump: listening on veth1\ntcpdump: 5 packets captured, 6 packets received by filter, 0 packets dropped by kernel\n'),
    ).toEqual({
      captured: 5,
      receivedByFilter: 6,
      droppedByKernel: 0,
      droppedByInterface: 0,
    });
    const atEnd =
      '5 packets captured\n6 packets received by filter\n0 packets dropped by kernel\n9 packets captured\n12 packets received by filter\n3 packets dropped by kernel\n1 packet dropped by interface\n';
    expect(parseCounts(atEnd)).toEqual({ captured: 9, receivedByFilter: 12, droppedByKernel: 3, droppedByInterface: 1 });
    expect(parseCounts('tcpdump: listening on veth1')).toEqual({
      captured: null,
      receivedByFilter: null,
      droppedByKernel: null,
      droppedByInterface: null,
    });
  });

  it.each([
    ["tcpdump: can't parse filter expression: syntax error", 'bad-filter'],
    ['tcpdump: veth1: No such device exists\n(No such device exists)', 'no-interface'],
    ["tcpdump: veth1: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)", 'no-privilege'],
    ['tcpdump: veth1: That device is not up', 'interface-down'],
    ['tcpdump: pcap_loop: The interface disappeared\n5 packets captured\n', 'engine-crashed'],
    ['', 'engine-crashed'],
  ])('%j means %s', (stderr, end) => {
    expect(explainTcpdump(capture, stderr, 1).end).toBe(end);
  });
});
