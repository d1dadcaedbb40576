/** Who reaches whom in the lab's scene: what is foretold for a part of all pairs, and the kernel's trace of the same packets. */
import { expect, it } from 'vitest';
import type { LabEngine } from './lab.ts';
import { describeLab } from './root.ts';
import { reachScene } from './scene-reach.ts';

/** `npm run oracle -- docker` holds all of them. */
const EVERY = 5;

/** Reasons for which an answer may be open: what is said leaves the host, or passes below its rules. */
const TRUE_REASONS = [
  /only if .* sends it back does it reach mv1$/,
  /for mv1's gateway: only if that sends it back does it reach \S+$/,
  /^mv1 sends it out by eth0 to its gateway: .* only if the gateway sends it back$/,
  /for mv1's gateway \S+: whether anybody there has that address is not known/,
  /has a route back to .* is not seen from here/,
];

describeLab('every pair of the scene', () => {
  it.each<LabEngine>(['20.10', '26.1', '28.5'])(
    'goes the way that is foretold, rule by rule and back, on Docker %s',
    async (engine) => {
      const { conversations, passages, differing, undetermined } = await reachScene(engine, 'dist/main.js', { every: EVERY });
      expect(differing.join('\n')).toBe('');
      expect(conversations).toBeGreaterThan(500);
      expect(passages).toBeGreaterThan(600);
      for (const reason of undetermined.keys())
        expect(
          TRUE_REASONS.some((known) => known.test(reason)),
          reason,
        ).toBe(true);
    },
    120_000,
  );

  it('does so too without docker-proxy, where the host and a port’s own container come by translation', async () => {
    const { differing } = await reachScene('28.5', 'dist/main.js', { every: EVERY, daemon: { 'userland-proxy': false } });
    expect(differing.join('\n')).toBe('');
  }, 120_000);
});
