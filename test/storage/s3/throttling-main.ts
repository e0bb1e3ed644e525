/**
 * Runs work of many processes at an S3 with a bounded rate, at full size and in virtual time, and prints a table:
 *
 *     npm run throttling [-- <part of a name> ...]
 *
 * It needs up to 6 GiB of memory and some minutes. The exit code is 1 if a request failed, or if work took more than 1.5 times
 * as long as the bounds require.
 */
import { KiB } from '../../../src/base/limits.ts';
import {
  maps,
  mixed,
  READS_PER_SECOND,
  run,
  type Scenario,
  shuffle,
  WRITES_PER_SECOND,
} from './s3-rate-scenarios.ts';
import { everyRequest, type Partition } from './s3-rates.ts';

const SEED = 7;
const SLOWDOWN_MAX = 1.5;
const CELLS = { maps: 1_000, reducers: 100, cellBytes: 4 * KiB };
const S3_BOUND = everyRequest(READS_PER_SECOND, READS_PER_SECOND / 10);

function idealMs(requests: number, perSecond: number): number {
  return (requests / perSecond) * 1_000;
}

function prefixBound(prefix: string, perSecond: number): Partition {
  return {
    applies: ({ key }) => key.startsWith(prefix),
    requestsPerSecond: () => perSecond,
    burst: perSecond / 10,
  };
}

const scenarios: readonly (() => Scenario)[] = [
  () =>
    shuffle(
      { ...CELLS, cellBytes: 64 * KiB },
      {
        name: '1,000 x 100 cells of 64 KiB, 5,500 GET/s',
        partitions: [S3_BOUND],
        idealMs: idealMs(100_000, READS_PER_SECOND),
      },
    ),
  () =>
    shuffle(CELLS, {
      name: 'bursts: a second of requests at once',
      partitions: [everyRequest(READS_PER_SECOND, READS_PER_SECOND)],
      idealMs: idealMs(100_000 - READS_PER_SECOND, READS_PER_SECOND),
    }),
  () =>
    shuffle(CELLS, {
      name: 'a limit that rises: 1,000/s and 500/s more each second',
      partitions: [{ ...S3_BOUND, requestsPerSecond: (nowMs) => 1_000 + nowMs / 2 }],
      // 1,000 t + 250 t^2 = 100,000
      idealMs: 18_100,
    }),
  () =>
    shuffle(CELLS, {
      name: 'four prefixes, 5,500 GET/s each',
      keyOf: (map) => `${map % 4}/m-${map}`,
      partitions: [0, 1, 2, 3].map((prefix) => prefixBound(`${prefix}/`, READS_PER_SECOND)),
      idealMs: idealMs(25_000, READS_PER_SECOND),
    }),
  () =>
    shuffle(CELLS, {
      name: 'a slow prefix: a tenth of the cells at 300 GET/s',
      keyOf: (map) => `${map % 10}/m-${map}`,
      partitions: [prefixBound('0/', 300), S3_BOUND],
      idealMs: idealMs(10_000, 300),
    }),
  () =>
    maps(
      { tasks: 1_000, reads: 0, parts: 0, puts: 20 },
      {
        name: 'PUT flood: 1,000 processes, 20 each, 3,500/s',
        partitions: [everyRequest(WRITES_PER_SECOND, WRITES_PER_SECOND / 10)],
        idealMs: idealMs(20_000, WRITES_PER_SECOND),
      },
    ),
  () =>
    maps(
      { tasks: 100, reads: 100, parts: 2, puts: 50 },
      {
        name: 'mixed: 100 tasks, 100 reads, 54 writes, 550 and 350/s',
        partitions: [
          {
            ...everyRequest(WRITES_PER_SECOND / 10, WRITES_PER_SECOND / 100),
            applies: ({ isWrite }) => isWrite,
          },
          everyRequest(READS_PER_SECOND / 10, READS_PER_SECOND / 100),
        ],
        // Each task writes after it has read.
        idealMs: idealMs(10_000, READS_PER_SECOND / 10) + idealMs(5_400, WRITES_PER_SECOND / 10),
      },
    ),
  () =>
    mixed(
      { tasks: 1_000, reads: 100, puts: 30, lists: 10 },
      {
        name: 'GET, PUT and LIST at once: 1,000 processes, 5,500 and 3,500/s',
        partitions: [
          { ...everyRequest(WRITES_PER_SECOND, WRITES_PER_SECOND / 10), applies: ({ isWrite }) => isWrite },
          S3_BOUND,
        ],
        idealMs: Math.max(idealMs(110_000, READS_PER_SECOND), idealMs(30_000, WRITES_PER_SECOND)),
      },
    ),
  () =>
    shuffle(
      { maps: 200, reducers: 200, cellBytes: 1 * KiB },
      {
        name: 'latency rises instead of 503: 300 GET/s, 200 processes',
        partitions: [{ ...everyRequest(300, 0), queues: true }],
        idealMs: idealMs(40_000, 300),
      },
    ),
  () =>
    shuffle(
      { maps: 100, reducers: 1_000, cellBytes: 1 * KiB },
      {
        name: '100 x 1,000: a thousand reducers at once, 5,500 GET/s',
        partitions: [S3_BOUND],
        idealMs: idealMs(100_000, READS_PER_SECOND),
      },
    ),
];

const wanted = process.argv.slice(2);
for (const make of scenarios) {
  const scenario = make();
  if (wanted.length > 0 && !wanted.some((part) => scenario.name.includes(part))) continue;
  const { failures, elapsedMs, served, refused, medianEndMs, lastEndMs } = await run(scenario, SEED);
  const slowdown = elapsedMs / scenario.idealMs;
  const row = [
    `${(elapsedMs / 1_000).toFixed(1)} s, ideal ${(scenario.idealMs / 1_000).toFixed(1)} s (x ${slowdown.toFixed(2)})`,
    `${served} served, ${refused} throttled`,
    `half of the processes ended after ${(medianEndMs / 1_000).toFixed(1)} s, the last after ${(lastEndMs / 1_000).toFixed(1)} s`,
    `${failures.length} failed${failures.length === 0 ? '' : `: ${failures[0]}`}`,
  ];
  process.stdout.write(`${scenario.name}\n    ${row.join('\n    ')}\n`);
  if (failures.length > 0 || slowdown > SLOWDOWN_MAX) process.exitCode = 1;
}
