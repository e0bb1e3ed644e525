import { expect, it } from 'vitest';
import { describeLambdas } from '../../bench/lambdas.ts';

it('prints the functions as a table of sizes in KiB and of milliseconds', () => {
  const text = describeLambdas([
    {
      name: 'map',
      bundleBytes: 1_204_300,
      gzipBytes: 290_195,
      sourceMapBytes: 929_776,
      packageBytes: 521_000,
      coldStarts: 10,
      initMs: { median: 103.6, min: 98.2, max: 122.4 },
    },
  ]);

  expect(text.split('\n').slice(1)).toEqual([
    '     bundle KiB  gzip KiB  source map KiB  package KiB  INIT ms  (min-max)',
    '---  ----------  --------  --------------  -----------  -------  ---------',
    'map        1176       283             908          509      104   (98-122)',
  ]);
});
