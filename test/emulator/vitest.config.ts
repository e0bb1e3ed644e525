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
    // Long enough for a machine ten times slower, so only a hung test reaches it. Waits inside a test time out earlier,
    // and say what they waited for.
    testTimeout: 600_000,
    hookTimeout: 900_000,
    // Most tests wait: for an emulator, a retry or a poll of cdk. Still, the emulators and their functions share the
    // cores of this machine with the tests, so these do not run together with the unit tests.
    maxWorkers: 3,
    sequence: { groupOrder: 1 },
  },
});
