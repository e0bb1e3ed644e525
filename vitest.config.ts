import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * The compile cache for the worker threads and processes that tests start. Short runs spend most of their time on
 * loading the sources. Each run of the tests uses the cache of earlier runs.
 */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compile-cache'),
};

/**
 * `npm test` first runs the tests that need no emulator, then the tests that need one. An emulator starts only if one
 * of its test files is selected. `npm run test:unit` and `npm run test:emulator` run one of the two groups.
 *
 * Tests and job modules import the sources directly, because the condition `serverless-mapreduce-source` in the exports
 * of package.json applies here, in worker threads and in child processes.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/helpers/count-reporter.ts'],
    // The report has a line only for tests that take longer than this.
    slowTestThreshold: 2_000,
    projects: [
      {
        ssr: { resolve: { conditions: ['serverless-mapreduce-source', 'node'] } },
        test: {
          name: 'unit',
          env: COMPILE_CACHE,
          include: ['test/**/*.test.ts'],
          exclude: ['test/emulator/**', '**/node_modules/**'],
          // Minutes, because a machine may be slow and busy. Only a test that hangs takes that long.
          testTimeout: 240_000,
          hookTimeout: 240_000,
          // The second flag avoids a fault in V8 13.6 that occurs with thousands of worker threads in one process.
          // Node strips types with a WebAssembly module in every thread that loads sources. After 1,000 calls, V8
          // compiles the wrappers between that module and JavaScript and shares them between threads. On rare
          // occasions it aborts when it frees one ("Check failed: jit_page.has_value()"). With this budget it compiles
          // none. Users do not need the flag: it makes V8 reject Node's own code cache, which costs 40 ms per start. A
          // process that runs one job hardly ever reaches 1,000 calls, and the published package strips no types.
          execArgv: ['--conditions=serverless-mapreduce-source', '--wasm-wrapper-tiering-budget=2147483647'],
          // Engine tests start their own worker threads, so more test files at once would only wait for each other.
          maxWorkers: 2,
        },
      },
      'test/emulator/vitest.config.ts',
    ],
  },
});
