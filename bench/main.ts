/** `npm run bench`: see README.md beside this file. */
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { ENGINE_DEFAULT, engineAt, otherBuild, ourBytesCommand, ourCommand } from './contenders.ts';
import { describeFormatMemory, FORMAT_CASE_NAMES, runFormatMemory } from './format-memory.ts';
import { installedPackage } from './installed.ts';
import { describeLambdas, measureLambdas } from './lambdas.ts';
import { describeMachine, thisMachine } from './machine.ts';
import { RunFailed, stopRunning } from './measure.ts';
import { describeMemoryProof, runMemoryProof } from './memory.ts';
import { comparisonsOf, type Verdict } from './paired.ts';
import { findPeers, PEER_NAMES, type PeerName } from './peers.ts';
import { describeProfile, runProfile } from './profile.ts';
import { describeComparisons, describeWorkload } from './report.ts';
import { describeS3Overhead, isWithinBounds, measureS3Overhead, OVERHEAD_NAMES } from './s3/overhead.ts';
import { runWorkload, type WorkloadResult } from './suite.ts';
import { describeSummary } from './summary.ts';
import { WORKLOAD_NAMES, type WorkloadName, workload } from './workloads.ts';

const SMOKE = { scale: 0.01, runs: 1 };
const COLD_STARTS = 10;
/** The number of pairs of this build and another one. With nine, the median of the ratios is stable on a noisy machine. */
const PAIRS = 9;
const DATA_FOLDER = fileURLToPath(new URL('./data', import.meta.url));

interface Options {
  readonly only: WorkloadName[];
  readonly scale: number;
  readonly runs: number;
  readonly workers: number;
  readonly memory?: string;
  readonly peers?: true | PeerName[];
  readonly peersOnly?: true;
  readonly installed?: true;
  readonly smoke?: true;
  readonly memoryProof?: true;
  readonly memoryFormats?: true | string[];
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

const program = new Command('npm run bench --')
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
  .option('--smoke', `check that everything runs: --scale ${SMOKE.scale} --runs ${SMOKE.runs}`)
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
  .option('--reducers <count>', 'with --s3-overhead: the reduce tasks (default: of the plan)', wholePositive)
  .option(
    '--lambdas',
    `measure package size and cold start of each Lambda function; implies --runs ${COLD_STARTS}`,
  )
  .option(
    '--engine <checkout>',
    `also measure another build (a checkout, or its bin/mapreduce.js), in ${PAIRS} pairs with this one; may be repeated. With --profile, --memory-proof or --memory-formats, measure it instead of this one`,
    (path: string, before: string[] = []) => [...before, engineAt(path)],
  )
  .option('--data <folder>', 'folder for the inputs', DATA_FOLDER)
  .option('--clean', 'remove the inputs at the end')
  .option('--json', 'print JSON; progress goes to stderr')
  .allowExcessArguments(false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();

const given = program.opts<Options>();
const options: Options = {
  ...given,
  ...(given.smoke && program.getOptionValueSource('scale') === 'default' ? { scale: SMOKE.scale } : {}),
  ...(program.getOptionValueSource('runs') === 'default' ? { runs: runsDefault(given) } : {}),
  data: resolve(given.data),
};

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    stopRunning();
    for (const name of ['output', 'formats']) {
      rmSync(join(options.data, `${name}-${process.pid}`), { recursive: true, force: true });
    }
    process.exit(code);
  });
}

try {
  for (const engine of options.engine ?? []) {
    if (!existsSync(engine)) throw new RunFailed(`--engine: ${engine} does not exist`);
  }
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof RunFailed)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  if (options.clean) rmSync(options.data, { recursive: true, force: true });
}

async function run(): Promise<number> {
  if (options.memoryProof) return memoryProof();
  if (options.memoryFormats) return memoryFormats(options.memoryFormats);
  if (options.s3Overhead) return s3Overhead();
  if (options.profile === true) throw new RunFailed('--profile needs the name of a workload, such as sort');
  if (options.profile !== undefined) return profile(options.profile);
  if (options.lambdas) return lambdas();
  return figures();
}

async function figures(): Promise<number> {
  const wanted = options.peers ?? (options.peersOnly ? true : []);
  const { peers, missing } = await findPeers(wanted === true ? PEER_NAMES : wanted);
  const { memory } = options;
  const builds = (options.engine ?? []).map((engine) => otherBuild({ engine, memory }));
  const mine = { engine: ENGINE_DEFAULT, memory };
  const ours = options.peersOnly
    ? []
    : [ourCommand(mine), ...(builds.length > 0 ? [] : [ourBytesCommand(mine)])];
  const installed = options.installed ? [installedPackage({ memory })] : [];
  const contenders = [...ours, ...installed, ...builds, ...peers];
  const machine = thisMachine();
  print(
    `${describeMachine(machine)}\n${options.workers} threads each, ${options.runs} runs, scale ${options.scale}`,
  );
  for (const { name, version } of peers) print(`${name}: ${version}`);
  for (const reason of missing) print(`missing: ${reason}`);

  const results: (WorkloadResult & { readonly comparisons: readonly Verdict[] })[] = [];
  for (const name of options.only) {
    const result = await runWorkload(name, {
      ...options,
      contenders,
      alternates: builds.length > 0,
      folder: options.data,
      note,
    });
    const comparisons = comparisonsOf(result, builds);
    results.push({ ...result, comparisons });
    print(`\n${describeWorkload(result)}`);
    if (comparisons.length > 0) print(describeComparisons(comparisons));
  }
  if (peers.length > 0) print(`\n${describeSummary(results)}`);
  printJson({
    machine,
    options: { scale: options.scale, runs: options.runs, workers: options.workers, memory: options.memory },
    peers: peers.map(({ name, version }) => ({ name, version })),
    missing,
    results,
  });
  const bad = results.some(
    ({ contenders: all, comparisons }) =>
      all.some(({ verdict }) => verdict === 'failed' || verdict === 'different') ||
      comparisons.some(({ isSlower }) => isSlower),
  );
  return bad ? 1 : 0;
}

async function memoryProof(): Promise<number> {
  const machine = thisMachine();
  print(describeMachine(machine));
  const results = await runMemoryProof({ ...options, engine: measuredEngine(), folder: options.data, note });
  print(describeMemoryProof(results));
  printJson({ machine, scale: options.scale, results });
  return results.every(({ verdict }) => verdict === 'holds') ? 0 : 1;
}

async function memoryFormats(wanted: true | string[]): Promise<number> {
  const machine = thisMachine();
  print(describeMachine(machine));
  const { scale } = options;
  const cases = wanted === true ? FORMAT_CASE_NAMES : wanted;
  const results = await runFormatMemory({
    engine: measuredEngine(),
    cases,
    scale,
    folder: options.data,
    note,
  });
  print(describeFormatMemory(results, scale));
  printJson({ machine, scale, results });
  return results.every(({ verdict }) => verdict === 'holds') ? 0 : 1;
}

async function profile(name: WorkloadName): Promise<number> {
  const contender = ourCommand({ engine: measuredEngine(), memory: options.memory });
  const { summary, wallMs, folder } = await runProfile(name, {
    ...options,
    contender,
    folder: options.data,
    note,
  });
  print(`${workload(name).title}: ${(wallMs / 1000).toFixed(2)} s with the profiler; profiles in ${folder}`);
  if (summary.threads <= options.workers) {
    print(
      `Only ${summary.threads} threads wrote a profile; expected the main thread and ${options.workers} workers.`,
    );
  }
  print(describeProfile(summary));
  printJson({ workload: name, wallMs, ...summary });
  return 0;
}

async function lambdas(): Promise<number> {
  const machine = thisMachine();
  print(describeMachine(machine));
  const results = await measureLambdas({ runs: options.runs, note });
  print(describeLambdas(results));
  printJson({ machine, results });
  return 0;
}

async function s3Overhead(): Promise<number> {
  const machine = thisMachine();
  print(describeMachine(machine));
  const { reducers, splitSize } = options;
  const results = await measureS3Overhead({
    names: OVERHEAD_NAMES.filter((name) => options.only.includes(name)),
    ...{ scale: options.scale, runs: options.runs, profile: options.profile !== undefined },
    ...(reducers === undefined ? {} : { reducers }),
    ...(splitSize === undefined ? {} : { splitSizeBytes: splitSize * 2 ** 20 }),
    folder: options.data,
    note,
  });
  print(describeS3Overhead(results));
  printJson({ machine, results });
  return results.every(isWithinBounds) ? 0 : 1;
}

/** The build to measure, in the modes that measure only one. */
function measuredEngine(): string {
  const [engine = ENGINE_DEFAULT, ...more] = options.engine ?? [];
  if (more.length > 0)
    throw new RunFailed('--profile, --memory-proof and --memory-formats take one --engine');
  return engine;
}

function print(text: string): void {
  if (!options.json) console.log(text);
}

function printJson(value: unknown): void {
  if (options.json) console.log(JSON.stringify(value, undefined, 2));
}

/** Overwrites one line on a terminal. Elsewhere it prints only with --json, where stdout has no tables. */
function note(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}\r`);
  else if (options.json) process.stderr.write(`${text}\n`);
}

function runsDefault({
  smoke,
  lambdas: ofLambdas,
  engine,
  profile,
  memoryProof,
  memoryFormats,
  runs,
}: Options): number {
  if (smoke) return SMOKE.runs;
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
