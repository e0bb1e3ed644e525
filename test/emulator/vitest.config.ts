import { defineConfig } from 'vitest/config';

/** `npm run test:emulator`; also a project of the root configuration. */
export default defineConfig({
  ssr: { resolve: { conditions: ['source', 'node', 'development|production'] } },
  test: {
    name: 'emulator',
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    execArgv: ['--conditions=source'],
    globalSetup: ['./global-setup.ts'],
    reporters: ['default', '../helpers/count-reporter.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two emulators and their functions share this machine's cores with the tests.
    maxWorkers: 2,
  },
});
