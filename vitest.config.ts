import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    environment: 'node',
    // Real hosts beside each other on a busy machine take their time.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Far more than anything polled for takes: the machine may be busy.
    expect: { poll: { timeout: 15_000 } },
    // In CI a test that fails is run up to twice more, as real hosts beside each other disturb each other's times; the report marks it.
    retry: process.env['CI'] === undefined ? 0 : 2,
  },
});
