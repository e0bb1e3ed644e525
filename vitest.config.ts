import { defineConfig } from 'vitest/config';

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
          include: ['test/**/*.test.ts'],
          exclude: ['test/emulator/**', '**/node_modules/**'],
          testTimeout: 30_000,
          // The second: see src/local/wasm-wrappers.ts; the thread that runs the tests has worker threads beside it as well.
          execArgv: ['--conditions=serverless-mapreduce-source', '--wasm-wrapper-tiering-budget=2147483647'],
          // Engine tests start worker threads of their own; more at once only makes them wait for each other.
          maxWorkers: 2,
        },
      },
      'test/emulator/vitest.config.ts',
    ],
  },
});
