import { defineProject } from 'vitest/config';
import { COMPILE_CACHE } from '../../vitest.config.ts';

/** `npm run test:emulator`: a project of the root configuration. */
export default defineProject({
  ssr: { resolve: { conditions: ['serverless-mapreduce-source', 'node'] } },
  test: {
    name: 'emulator',
    env: COMPILE_CACHE,
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    execArgv: ['--conditions=serverless-mapreduce-source'],
    globalSetup: ['./global-setup.ts'],
    // For a machine ten times slower: only what hangs gets there. Waits inside of a test give up before, and say for what.
    testTimeout: 600_000,
    hookTimeout: 900_000,
    // The emulators and their functions share this machine's cores with the tests: not with the unit tests as well.
    maxWorkers: 2,
    sequence: { groupOrder: 1 },
  },
});
