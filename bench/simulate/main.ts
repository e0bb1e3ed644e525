/** `npm run simulate`: see bench/README.md. */
import { Command, InvalidArgumentError } from 'commander';
import { GiB } from '../../src/base/limits.ts';
import { count, dollars } from '../model/report.ts';
import { SORT, WORD_COUNT } from '../model/workloads.ts';
import { formatTable } from '../table.ts';
import { type Figures, modelled, simulated } from './run.ts';

const WORKLOADS = { 'word-count': WORD_COUNT, sort: SORT } as const;
type WorkloadName = keyof typeof WORKLOADS;

const SIZES_GIB_DEFAULT = [1, 6.25];

interface Options {
  readonly sizes: readonly number[];
  readonly seed: number;
  readonly json?: true;
}

function sizesOf(text: string): number[] {
  const sizes = text.split(',').map(Number);
  if (sizes.every((size) => size > 0 && size < 1_000)) return sizes;
  throw new InvalidArgumentError(`must be sizes in GiB between 0 and 1000, such as 1,6.25; received ${text}`);
}

async function simulate(names: readonly WorkloadName[], { sizes, seed, json }: Options): Promise<void> {
  const rows: (Figures & { job: string; gib: number; by: string; realSeconds?: number })[] = [];
  for (const name of names) {
    for (const gib of sizes) {
      const point = { workload: WORKLOADS[name], inputBytes: gib * GiB };
      const startedMs = performance.now();
      const onProgress = (seconds: number) =>
        process.stderr.write(`\r${name}, ${gib} GiB: ${Math.round(seconds)} virtual seconds   `);
      const simulation = await simulated({ ...point, seed, onProgress });
      process.stderr.write('\n');
      const realSeconds = (performance.now() - startedMs) / 1000;
      rows.push({ job: name, gib, by: 'simulation', ...simulation, realSeconds });
      rows.push({ job: name, gib, by: 'model', ...modelled(point) });
    }
  }
  console.log(json ? JSON.stringify(rows) : describe(rows));
}

function describe(
  rows: readonly (Figures & { job: string; gib: number; by: string; realSeconds?: number })[],
): string {
  const header = ['job', 'GiB', 'by', 'maps x reducers', 'reads', 'writes', 'peak req/s', '503s', 'failed'];
  return formatTable(
    [...header, 'seconds', 'GB-s', 'transitions', 'total', 'real s'],
    rows.map((row) => [
      row.job,
      String(row.gib),
      row.by,
      row.tasks,
      ...[row.reads, row.writes, row.peakPerSecond, row.throttled, row.failedAttempts].map(count),
      row.seconds.toFixed(1),
      ...[row.gbSeconds, row.transitions].map(count),
      dollars(row.dollars),
      row.realSeconds?.toFixed(0) ?? '',
    ]),
  );
}

const program = new Command('npm run simulate --').description(
  'Runs jobs with synthetic tasks in the simulated AWS, beside the model. Every other part is real.',
);
program
  .argument('[jobs...]', 'word-count, sort', Object.keys(WORKLOADS))
  .option('--sizes <GiB,...>', 'sizes of the input', sizesOf, SIZES_GIB_DEFAULT)
  .option('--seed <n>', 'of delays', Number, 1)
  .option('--json', 'print the rows as JSON')
  .action(async (jobs: string[], options: Options) => {
    const unknown = jobs.find((job) => !(job in WORKLOADS));
    if (unknown !== undefined) {
      program.error(`unknown job '${unknown}'. Choose from: ${Object.keys(WORKLOADS).join(', ')}`);
    }
    // The cast: all have been looked up.
    await simulate(jobs as WorkloadName[], options);
  });
await program.parseAsync();
