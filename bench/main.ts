/** `npm run bench`: see README.md beside this file. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ENGINE_DEFAULT, otherBuild, ourBytesCommand, ourCommand } from './contenders.ts';
import { describeFormatMemory, FORMAT_CASE_NAMES, runFormatMemory } from './format-memory.ts';
import {
  describeWorse,
  type Figures,
  figuresOf,
  HISTORY_FOLDER,
  readHistory,
  recordOf,
  saveRecord,
  worseThanBefore,
} from './history.ts';
import { describeIdle } from './idle.ts';
import { installedPackage } from './installed.ts';
import { describeLambdas, measureLambdas } from './lambdas.ts';
import { describeMachine, thisMachine } from './machine.ts';
import { describeMatrix, MATRIX_SIZES_BYTES, runMatrix } from './matrix.ts';
import { RunFailed, stopRunning } from './measure.ts';
import { describeMemoryProof, runMemoryProof } from './memory.ts';
import { readOptions } from './options.ts';
import { comparisonsOf, type Verdict } from './paired.ts';
import { findPeers, PEER_NAMES } from './peers.ts';
import { describeProfile, runProfile } from './profile.ts';
import { referenceMs } from './reference-loop.ts';
import { describeComparisons, describeWorkload } from './report.ts';
import { describeS3Overhead, isWithinBounds, measureS3Overhead, OVERHEAD_NAMES } from './s3/overhead.ts';
import { assertFastEnough, describeSmoke, runSmoke, type SmokeResult, saveSmoke } from './smoke.ts';
import { runWorkload, type WorkloadResult } from './suite.ts';
import { describeSummary } from './summary.ts';
import { type WorkloadName, workload } from './workloads.ts';

const options = readOptions();

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
  if (options.matrix) return matrix(options.matrix);
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
  const held: [string, Figures][] = [];
  const isHeld = ours.length > 0 && builds.length === 0 && !options.smoke;
  for (const name of options.only) {
    const loopMs = isHeld ? referenceMs() : 0;
    const result = await runWorkload(name, {
      ...options,
      contenders,
      alternates: builds.length > 0,
      folder: options.data,
      note,
    });
    if (isHeld) held.push(...figuresOf(result, Math.min(loopMs, referenceMs())));
    const comparisons = comparisonsOf(result, builds);
    results.push({ ...result, comparisons });
    print(`\n${describeWorkload(result)}`);
    if (comparisons.length > 0) print(describeComparisons(comparisons));
  }
  if (peers.length > 0) print(`\n${describeSummary(results)}`);
  if (held.length > 0) holdAgainstHistory(held);
  const smoke = options.smoke ? await speedSmoke() : undefined;
  printJson({
    machine,
    options: { scale: options.scale, runs: options.runs, workers: options.workers, memory: options.memory },
    peers: peers.map(({ name, version }) => ({ name, version })),
    missing,
    results,
    smoke,
  });
  assertFastEnough(smoke ?? []);
  const bad = results.some(
    ({ contenders: all, comparisons }) =>
      all.some(({ verdict }) => verdict === 'failed' || verdict === 'different') ||
      comparisons.some(({ isSlower }) => isSlower),
  );
  return bad ? 1 : 0;
}

function holdAgainstHistory(figures: readonly [string, Figures][]): void {
  const record = recordOf({ machine: thisMachine(), options, figures });
  const worse = describeWorse(worseThanBefore(record, readHistory(HISTORY_FOLDER)));
  if (worse !== undefined) print(`\n${worse}`);
  if (options.save) saveRecord(HISTORY_FOLDER, record);
}

async function speedSmoke(): Promise<SmokeResult[]> {
  const { only: workloads, workers, data: folder } = options;
  const results = await runSmoke({
    workloads,
    workers,
    historyFolder: HISTORY_FOLDER,
    folder,
    isToBeSaved: options.save === true,
    note,
  });
  if (results.length > 0) print(`\n${describeSmoke(results)}`);
  if (!options.save) return results;
  saveSmoke(HISTORY_FOLDER, results);
  return [];
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

async function matrix(sizes: true | number[]): Promise<number> {
  const machine = thisMachine();
  print(describeMachine(machine));
  const results = await runMatrix({
    workloads: options.only,
    sizesBytes: sizes === true ? MATRIX_SIZES_BYTES : sizes,
    threads: [...new Set([1, options.workers])],
    runs: options.runs,
    contender: ourCommand({ engine: measuredEngine(), memory: options.memory }),
    folder: options.data,
    note,
  });
  print(describeMatrix(results));
  printJson({ machine, results });
  return results.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

async function profile(name: WorkloadName): Promise<number> {
  const contender = ourCommand({ engine: measuredEngine(), memory: options.memory });
  const { summary, idle, wallMs, folder } = await runProfile(name, {
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
  if (idle !== undefined) print(`\n${describeIdle(idle)}`);
  printJson({ workload: name, wallMs, ...summary, idle });
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
    throw new RunFailed('--profile, --matrix, --memory-proof and --memory-formats take one --engine');
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
