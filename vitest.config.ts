import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * For worker threads and processes that tests start: most of what a short run takes is reading the sources. Each run of
 * the tests may use what earlier ones have left there.
 */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compile-cache'),
};

/**
 * `npm test`: first what needs this process alone, then what needs an emulator, which starts only when one of its test
 * files is selected. `npm run test:unit` and `npm run test:emulator` run one of the two.
 *
 * Tests and job modules import the sources as they are: the condition `serverless-mapreduce-source` of package.json's exports, here, in
 * worker threads and in child processes alike.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/helpers/count-reporter.ts'],
    // Below this a test is not worth a line of the report.
    slowTestThreshold: 2_000,
    projects: [
      {
        ssr: { resolve: { conditions: ['serverless-mapreduce-source', 'node'] } },
        test: {
          name: 'unit',
          env: COMPILE_CACHE,
          include: ['test/**/*.test.ts'],
          exclude: ['test/emulator/**', '**/node_modules/**'],
          // Minutes, since a machine may be slow and busy: what hangs takes them, what is green does not.
          testTimeout: 240_000,
          hookTimeout: 240_000,
          // The second keeps thousands of worker threads in one process clear of a fault in V8 13.6. Node strips types with a
          // WebAssembly module in every thread that loads sources; after 1,000 calls V8 compiles its bridges to JavaScript,
          // shares them between threads, and rarely aborts when it frees one ("Check failed: jit_page.has_value()"). With
          // this budget it compiles none. Not for users: it has V8 refuse Node's own code cache, 40 ms of every start, and
          // a process that runs one job hardly ever comes to that point, the published package, without sources, never.
          execArgv: ['--conditions=serverless-mapreduce-source', '--wasm-wrapper-tiering-budget=2147483647'],
          // Engine tests start worker threads of their own; more at once only makes them wait for each other.
          maxWorkers: 2,
        },
      },
      'test/emulator/vitest.config.ts',
    ],
  },
});
