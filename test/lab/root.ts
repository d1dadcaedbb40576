/** Which tests can run here: those on a real Docker host make network namespaces, and that needs root on Linux. */
import { describe } from 'vitest';

export const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/**
 * A block of tests on real hosts. Without root it is skipped, and says so; in CI that would hide a broken set-up, so there
 * it fails instead.
 */
export const describeLab = (name: string, body: () => void): void => {
  if (isRoot) {
    describe(name, body);
    return;
  }
  const reason = `needs root on Linux for its Docker host (run: sudo npm test)`;
  if (process.env['CI']) {
    describe(name, (): void => {
      throw new Error(`${name}: ${reason}`);
    });
    return;
  }
  process.stderr.write(`skipped: ${name}: ${reason}\n`);
  describe.skip(name, body);
};
