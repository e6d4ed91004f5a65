import { availableParallelism } from 'node:os';

import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Most files wait for processes of theirs; vitest itself would leave one of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    setupFiles: ['test/support/fixed-seed.ts'],
  },
});

export default config;
