import { defineConfig } from 'vitest/config';

/**
 * `npm test`. Tests and job modules import the sources as they are: the condition `source` of package.json's exports,
 * here, in worker threads and in child processes alike.
 */
export default defineConfig({
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/emulator/**', '**/node_modules/**'],
    reporters: ['default', './test/helpers/count-reporter.ts'],
    testTimeout: 30_000,
    // The second: see src/local/wasm-wrappers.ts; the thread that runs the tests has worker threads beside it as well.
    execArgv: ['--conditions=source', '--wasm-wrapper-tiering-budget=2147483647'],
    // Engine tests start worker threads of their own; more at once only makes them wait for each other.
    maxWorkers: 2,
  },
});
