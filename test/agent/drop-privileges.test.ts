/** Giving up root, in a process of its own since it cannot be undone. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropPrivileges } from '../../src/agent/drop-privileges.ts';
import { describeLab } from '../lab/root.ts';
import { Wire } from './wire.ts';

const dist = (file: string): string => JSON.stringify(join(process.cwd(), 'dist/agent', file));

describe('dropPrivileges', () => {
  it.each([{}, { SUDO_UID: '0', SUDO_GID: '0' }, { SUDO_UID: 'x', SUDO_GID: '1' }, { SUDO_UID: '1000' }])(
    'changes nothing for %j',
    (env) => {
      expect(dropPrivileges(env)).toMatchObject({ uid: process.getuid?.(), dropped: false });
    },
  );
});

describeLab('main started by sudo', () => {
  let wire: Wire;
  let folder: string;

  beforeEach(() => {
    wire = new Wire();
    folder = mkdtempSync(join(tmpdir(), 'drop-'));
    chmodSync(folder, 0o1777);
  });

  afterEach(() => {
    wire.remove();
    rmSync(folder, { recursive: true });
  });

  const runAs = (env: Record<string, string>, script: string): Record<string, unknown> => {
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TMPDIR: folder, ...env },
      encoding: 'utf8',
      timeout: 30_000,
    });
    if (result.status !== 0) throw new Error(result.stderr);
    return JSON.parse(result.stdout) as Record<string, unknown>;
  };

  const NOBODY = { SUDO_UID: '65534', SUDO_GID: '65534', SUDO_USER: 'nobody' };

  it('becomes the person for good while the agent stays root', () => {
    const told = runAs(
      NOBODY,
      `
      import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
      import { startAgent } from ${dist('client.js')};
      import { dropPrivileges } from ${dist('drop-privileges.js')};
      const agent = await startAgent();
      process.setgroups([0, 5]);
      const identity = dropPrivileges();
      let back = 'no';
      try { process.setuid(0); back = 'yes'; } catch {}
      const status = readFileSync('/proc/self/status', 'utf8');
      const { uid, canCapture } = await agent.probe();
      await agent.close();
      console.log(JSON.stringify({ identity, back, uids: /^Uid:\\s*(.*)$/m.exec(status)[1], caps: /^CapEff:\\s*(.*)$/m.exec(status)[1],
        groups: process.getgroups(), agentUid: uid, canCapture }));`,
    );
    expect(told).toEqual({
      identity: { uid: 65534, gid: 65534, user: 'nobody', dropped: true },
      back: 'no',
      uids: '65534\t65534\t65534\t65534',
      caps: '0000000000000000',
      groups: [65534],
      agentUid: 0,
      canCapture: true,
    });
  });

  it.each(['cap', 'tcpdump'])('captures with %s after that, through a FIFO of the person', (engine) => {
    const told = runAs(
      NOBODY,
      `
      import { startAgent } from ${dist('client.js')};
      import { dropPrivileges } from ${dist('drop-privileges.js')};
      const agent = await startAgent();
      dropPrivileges();
      const plan = ${JSON.stringify({ interface: 'va', netns: wire.netns, filter: '', engine, description: 'test' })};
      let bytes = 0;
      const capture = await agent.startCapture(plan, async (event) => {
        if (event.kind === 'section') event.stream.on('data', (chunk) => { bytes += chunk.length; });
        if (event.kind === 'started') { await capture.stop(); await agent.close(); }
        if (event.kind === 'ended') console.log(JSON.stringify({ bytes, end: event.end }));
      });`,
    );
    expect(told).toMatchObject({ end: 'stopped' });
    expect(told['bytes']).toBeGreaterThan(100);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each<[string, Record<string, string>]>([
    ['unknown here', { SUDO_USER: 'stranger' }],
    ['not told', {}],
  ])('drops all groups of root also where the name is %s', (_, name) => {
    const told = runAs(
      { SUDO_UID: '54321', SUDO_GID: '54321', ...name },
      `import { dropPrivileges } from ${dist('drop-privileges.js')};
      process.setgroups([0, 5]);
      const identity = dropPrivileges();
      console.log(JSON.stringify({ identity, groups: process.getgroups() }));`,
    );
    expect(told).toEqual({ identity: { uid: 54321, gid: 54321, user: name['SUDO_USER'] ?? null, dropped: true }, groups: [54321] });
  });
});

/** A checkout below somebody's 0700 folder cannot be run by others. */
const isReadable = spawnSync('cat', ['dist/agent/main.js'], { uid: 65534, gid: 65534 }).status === 0;

describeLab('an agent without privileges', () => {
  it.runIf(isReadable)('says for each fact why it is missing, and captures nothing', () => {
    const script = `
      import { startAgent } from ${dist('client.js')};
      process.setgroups([65534]); process.setgid(65534); process.setuid(65534);
      const agent = await startAgent();
      const { uid, canCapture, canReadRules, canEnterNamespaces } = await agent.probe();
      const { missing, raw } = await agent.collect({ firewall: true, conntrack: true, namespaces: 'links', docker: false });
      const ends = [];
      for (const engine of ['cap', 'tcpdump']) {
        await new Promise((resolve) => agent.startCapture({ interface: 'lo', netns: null, filter: '', engine, description: 'x' }, (event) => {
          if (event.kind === 'section') event.stream.resume();
          if (event.kind === 'ended') { ends.push(event.end); resolve(); }
        }));
      }
      await agent.close();
      console.log(JSON.stringify({ uid, canCapture, canReadRules, canEnterNamespaces, missing: Object.keys(missing), links: raw['ip -j -d link'].length > 10, ends }));`;
    const told = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })) as Record<
      string,
      unknown
    >;
    expect(told).toMatchObject({
      uid: 65534,
      canCapture: false,
      canReadRules: false,
      canEnterNamespaces: false,
      links: true,
      ends: ['no-privilege', 'no-privilege'],
    });
    expect(told['missing']).toContain('nft -j list ruleset');
  });
});
