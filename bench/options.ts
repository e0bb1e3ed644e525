/** The options of `npm run bench`. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { parseSizeBytes } from '../src/cli/flags/flag-values.ts';
import { engineAt } from './contenders.ts';
import { FORMAT_CASE_NAMES } from './format-memory.ts';
import { MATRIX_SIZES_BYTES, MATRIX_WORKLOADS } from './matrix.ts';
import { PEER_NAMES, type PeerName } from './peers.ts';
import { OVERHEAD_NAMES } from './s3/overhead.ts';
import { formatBytes } from './table.ts';
import { WORKLOAD_NAMES, type WorkloadName, workload } from './workloads.ts';

const SMOKE = { scale: 0.01, runs: 1 };
const COLD_STARTS = 10;
/** The number of pairs of this build and another one. With nine, the median of the ratios is stable on a noisy machine. */
const PAIRS = 9;
const DATA_FOLDER = fileURLToPath(new URL('./data', import.meta.url));

export interface Options {
  readonly only: WorkloadName[];
  readonly scale: number;
  readonly runs: number;
  readonly workers: number;
  readonly memory?: string;
  readonly peers?: true | PeerName[];
  readonly peersOnly?: true;
  readonly installed?: true;
  readonly smoke?: true;
  readonly save?: true;
  readonly memoryProof?: true;
  readonly memoryFormats?: true | string[];
  /** Sizes in bytes. */
  readonly matrix?: true | number[];
  readonly profile?: true | WorkloadName;
  readonly s3Overhead?: true;
  readonly splitSize?: number;
  readonly reducers?: number;
  readonly lambdas?: true;
  readonly engine?: string[];
  readonly data: string;
  readonly clean?: true;
  readonly json?: true;
}

/** Reads the command line. Ends the process if it is wrong, or after --help. */
export function readOptions(): Options {
  const program = command().parse();
  const given = program.opts<Options>();
  return {
    ...given,
    ...(given.matrix && program.getOptionValueSource('only') === 'default'
      ? { only: [...MATRIX_WORKLOADS] }
      : {}),
    ...(given.smoke && program.getOptionValueSource('scale') === 'default' ? { scale: SMOKE.scale } : {}),
    ...(program.getOptionValueSource('runs') === 'default' ? { runs: runsDefault(given) } : {}),
    data: resolve(given.data),
  };
}

function command(): Command {
  return new Command('npm run bench --')
    .description(
      'Measures the command `mapreduce` on generated inputs, and on request other programs on the same inputs.',
    )
    .option(
      '--only <workloads>',
      `the workloads to run, out of: ${WORKLOAD_NAMES.join(', ')}`,
      listOf(WORKLOAD_NAMES),
      defaultWorkloads(),
    )
    .option('--scale <factor>', 'size of the inputs; 1 means 256 or 512 MiB', positive, 1)
    .option('--runs <count>', 'number of runs of each workload', wholePositive, 3)
    .option('--workers <count>', 'threads of our command and of each peer', wholePositive, 2)
    .option('--memory <size>', 'our --memory, such as 256MiB (default: the default of the command)')
    .option(
      '--peers [peers]',
      `also measure peers: all of them, or some of: ${PEER_NAMES.join(', ')}`,
      listOf(PEER_NAMES),
    )
    .option('--peers-only', 'measure only the peers')
    .option('--installed', 'also measure the package, packed from this checkout and installed')
    .option(
      '--smoke',
      `check that everything runs (--scale ${SMOKE.scale} --runs ${SMOKE.runs}) and that speed is not halved`,
    )
    .option(
      '--save',
      'append the figures to history/runs.jsonl; with --smoke, replace those of history/smoke.json',
    )
    .option(
      '--memory-proof',
      'compare peak memory over 4 GiB and 512 MiB; measure one giant key and 10 million keys',
    )
    .option(
      '--memory-formats [cases]',
      'measure the peak memory of each source and sink over 0.5, 1, 2 and 4 GiB; or of those whose names contain one of these texts, such as csv,gzip',
      casesOf,
    )
    .option(
      '--matrix [sizes]',
      `run ${MATRIX_WORKLOADS.join(', ')} (or --only) on inputs of several sizes, with 1 thread and with --workers; sizes such as 64MiB,2GiB (default: ${MATRIX_SIZES_BYTES.map(formatBytes).join(', ')})`,
      sizesOf,
    )
    .option(
      '--profile [workload]',
      'show the functions that take the most time, over all threads; with --s3-overhead, of its workloads',
      oneOf(WORKLOAD_NAMES),
    )
    .option(
      '--s3-overhead',
      `compare the CPU seconds of ${OVERHEAD_NAMES.join(' and ')} over files and through the S3 store, to MiniStack over TLS`,
    )
    .option(
      '--split-size <MiB>',
      'with --s3-overhead: the size of a split (default: of the plan)',
      wholePositive,
    )
    .option(
      '--reducers <count>',
      'with --s3-overhead: the reduce tasks (default: of the plan)',
      wholePositive,
    )
    .option(
      '--lambdas',
      `measure package size and cold start of each Lambda function; implies --runs ${COLD_STARTS}`,
    )
    .option(
      '--engine <checkout>',
      `also measure another build (a checkout, or its bin/mapreduce.js), in ${PAIRS} pairs with this one; may be repeated. With --profile, --matrix, --memory-proof or --memory-formats, measure it instead of this one`,
      (path: string, before: string[] = []) => [...before, engineAt(path)],
    )
    .option('--data <folder>', 'folder for the inputs', DATA_FOLDER)
    .option('--clean', 'remove the inputs at the end')
    .option('--json', 'print JSON; progress goes to stderr')
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
}

function runsDefault({
  smoke,
  lambdas: ofLambdas,
  engine,
  profile,
  memoryProof,
  memoryFormats,
  matrix,
  runs,
}: Options): number {
  if (smoke) return SMOKE.runs;
  if (matrix) return 1;
  if (engine !== undefined && profile === undefined && !memoryProof && !memoryFormats) return PAIRS;
  return ofLambdas ? COLD_STARTS : runs;
}

function defaultWorkloads(): WorkloadName[] {
  return WORKLOAD_NAMES.filter((name) => workload(name).byDefault);
}

function casesOf(text: string): string[] {
  const cases = FORMAT_CASE_NAMES.filter((name) =>
    text.split(',').some((part) => name.includes(part.trim())),
  );
  if (cases.length > 0) return cases;
  throw new InvalidArgumentError(`'${text}' is in none of: ${FORMAT_CASE_NAMES.join('; ')}.`);
}

function listOf<T extends string>(choices: readonly T[]): (text: string) => T[] {
  return (text) => text.split(',').map(oneOf(choices));
}

function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((name) => name === text.trim());
    if (choice === undefined)
      throw new InvalidArgumentError(`'${text}' is not one of ${choices.join(', ')}.`);
    return choice;
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function wholePositive(text: string): number {
  const value = positive(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return value;
}

function sizesOf(text: string): number[] {
  try {
    return text
      .split(',')
      .map((size) => parseSizeBytes('Each', size, { min: 1, max: 2 ** 50 }))
      .sort((a, b) => a - b);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
