/** An ordinary user who may not talk to Docker: said once, exit 3, whatever is explained. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeLab } from '../lab/root.ts';
import { shell } from './process.ts';

const NOBODY = 65534;

describeLab('without access to Docker', () => {
  let folder: string;
  let server: Server;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vethscope-access-'));
    await chmod(folder, 0o755);
    server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'docker.sock'), resolve));
    await chmod(join(folder, 'docker.sock'), 0o600);
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it.each(['web1 web2 icmp', '--matrix', '--matrix --json', '--matrix --from web1'])(
    'explain %s exits 3 and says it once',
    async (args) => {
      const as = `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups`;
      const { code, stdout, stderr } = await shell(`exec ${as} "$NODE" "$MAIN" explain ${args} --docker-host unix://${folder}/docker.sock`);
      expect(stderr).toContain('containers cannot be seen');
      expect(stderr.split('no privilege to talk').length - 1).toBe(1);
      expect(stdout).toBe('');
      expect(code).toBe(3);
    },
  );
});
