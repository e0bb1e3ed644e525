/** `npm run simulate`: see bench/README.md. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { GiB } from '../../src/base/limits.ts';
import { parseSizeBytes } from '../../src/cli/flags/flag-values.ts';
import { count, dollars } from '../model/report.ts';
import { formatTable } from '../table.ts';
import { type Figures, modelled } from './figures.ts';
import { saveRow, sizeText, WORKLOADS, type WorkloadName } from './results.ts';
import { type SimulateOptions, simulated } from './run.ts';

const SIZES_DEFAULT = [1 * GiB, 6.25 * GiB];
/** Smaller jobs run with several seeds. */
const SMALL_BYTES_MAX = 10 * GiB;
const SMALL_RUNS = 5;
const SIZE_BYTES_MAX = 2 * 1024 * GiB;

interface Options {
  readonly sizes: readonly number[];
  readonly seed: number;
  readonly json?: true;
  readonly save?: true;
}

interface Row extends Figures {
  readonly job: WorkloadName;
  readonly inputBytes: number;
  readonly by: 'simulation' | 'model';
  readonly realSeconds?: number;
}

function sizesOf(text: string): number[] {
  try {
    return text.split(',').map((size) => parseSizeBytes('--sizes', size, { min: 1, max: SIZE_BYTES_MAX }));
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Of a small job, one slow task is a large part of the time, so several runs are made: that with the median time. */
async function medianOfSeeds(
  options: Omit<SimulateOptions, 'seed'>,
  firstSeed: number,
): Promise<Figures & { readonly seed: number }> {
  const runs: (Figures & { readonly seed: number })[] = [];
  const count = options.inputBytes <= SMALL_BYTES_MAX ? SMALL_RUNS : 1;
  for (let seed = firstSeed; seed < firstSeed + count; seed++)
    runs.push({ ...(await simulated({ ...options, seed })), seed });
  return runs.sort((a, b) => a.seconds - b.seconds)[count >> 1]!;
}

async function simulate(names: readonly WorkloadName[], { sizes, seed, json, save }: Options): Promise<void> {
  const rows: Row[] = [];
  for (const job of names) {
    for (const inputBytes of sizes) {
      const point = { workload: WORKLOADS[job], inputBytes };
      const startedMs = performance.now();
      const onProgress = (seconds: number) =>
        process.stderr.write(`\r${job}, ${sizeText(inputBytes)}: ${Math.round(seconds)} virtual seconds   `);
      const simulation = await medianOfSeeds({ ...point, onProgress }, seed);
      process.stderr.write('\n');
      const realSeconds = (performance.now() - startedMs) / 1000;
      rows.push({ job, inputBytes, by: 'simulation', ...simulation, realSeconds });
      rows.push({ job, inputBytes, by: 'model', ...modelled(point) });
      const asOf = new Date().toISOString().slice(0, 10);
      if (save) saveRow({ job, inputBytes, asOf, ...simulation });
    }
  }
  console.log(json ? JSON.stringify(rows) : describe(rows));
}

function describe(rows: readonly Row[]): string {
  const header = ['job', 'size', 'by', 'maps x reducers', 'reads', 'writes', 'peak req/s', '503s', 'failed'];
  return formatTable(
    [...header, 'seconds', 'GB-s', 'transitions', 'total', 'real s'],
    rows.map((row) => [
      row.job,
      sizeText(row.inputBytes),
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
  .addOption(
    new Option('--sizes <size,...>', 'of the input, such as 6.25GiB,1TB')
      .argParser(sizesOf)
      .default(SIZES_DEFAULT, '1GiB,6.25GiB'),
  )
  .option('--seed <n>', 'of delays', Number, 1)
  .option('--json', 'print the rows as JSON')
  .option('--save', 'write the simulations into bench/simulate/results.json, for docs/cost.md')
  .action(async (jobs: string[], options: Options) => {
    const unknown = jobs.find((job) => !(job in WORKLOADS));
    if (unknown !== undefined) {
      program.error(`unknown job '${unknown}'. Choose from: ${Object.keys(WORKLOADS).join(', ')}`);
    }
    // The cast: all have been looked up.
    await simulate(jobs as WorkloadName[], options);
  });
await program.parseAsync();
