/**
 * `--memory-formats` shows that the memory of each source and sink does not grow with the input: it runs a job that only
 * reads, or only writes, over 0.5, 1, 2 and 4 GiB at `--memory 256MiB --workers 2`. Each input is generated just before its
 * run and removed after it.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { jobOf } from './contenders.ts';
import { digestOf, outputFiles } from './digest.ts';
import { blocksOf, writeFormatInput } from './format-inputs.ts';
import { ROW_BYTES, SINK_CASES, SOURCE_CASES, type SourceCase } from './jobs/format-cases.ts';
import { measure, RunFailed } from './measure.ts';
import { PROOF_GROWTH_MAX, PROOF_MEMORY, PROOF_PEAK_BYTES_MAX, PROOF_WORKERS } from './memory.ts';
import { formatBytes, formatRate, formatRatio, formatTable } from './table.ts';

const MIB = 1 << 20;
export const FORMAT_SIZES_MIB = [512, 1024, 2048, 4096];
/** Generated numbers have no bytes. They count as eight each. */
const NUMBER_BYTES = 8;
/** A sink whose output is the input of the source `records()`. */
const TYPED_PARTS = 'output: records()';

export const FORMAT_CASE_NAMES: readonly string[] = [
  ...Object.keys(SOURCE_CASES),
  ...Object.keys(SINK_CASES),
];

export interface FormatMemory {
  readonly name: string;
  /** The peak for each size, in the order of FORMAT_SIZES_MIB; fewer if a run failed. */
  readonly peakBytes: readonly number[];
  /** The time of the last run. */
  readonly wallMs: number;
  /** The peak with the largest input divided by the one with the smallest. */
  readonly growth: number | undefined;
  readonly verdict: 'holds' | 'too much' | 'failed';
  readonly failure: string | undefined;
}

export interface FormatMemoryOptions {
  readonly engine: string;
  /** Contained in the names of the cases to run. */
  readonly cases: readonly string[];
  readonly scale: number;
  readonly folder: string;
  readonly note: (text: string) => void;
}

export async function runFormatMemory(options: FormatMemoryOptions): Promise<FormatMemory[]> {
  const results: FormatMemory[] = [];
  for (const name of options.cases) results.push(await runCase(name, options));
  return results;
}

async function runCase(name: string, options: FormatMemoryOptions): Promise<FormatMemory> {
  const peakBytes: number[] = [];
  let wallMs = 0;
  let failure: string | undefined;
  const folder = join(options.folder, `formats-${process.pid}`);
  for (const sizeMib of FORMAT_SIZES_MIB) {
    options.note(`memory of formats: ${name}, ${sizeMib * options.scale} MiB`);
    mkdirSync(folder, { recursive: true });
    try {
      const measured = await runOnce(name, { ...options, folder, sizeBytes: sizeMib * MIB * options.scale });
      peakBytes.push(measured.peakBytes);
      wallMs = measured.wallMs;
    } catch (error) {
      if (!(error instanceof RunFailed)) throw error;
      failure = error.message;
      break;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const growth = failure === undefined ? peakBytes.at(-1)! / peakBytes[0]! : undefined;
  const holds = Math.max(...peakBytes) <= PROOF_PEAK_BYTES_MAX && (growth ?? 1) <= PROOF_GROWTH_MAX;
  const verdict = failure !== undefined ? 'failed' : holds ? 'holds' : 'too much';
  return { name, peakBytes, wallMs, growth, verdict, failure };
}

interface OneRun {
  readonly engine: string;
  /** Empty. */
  readonly folder: string;
  readonly sizeBytes: number;
}

async function runOnce(name: string, run: OneRun): Promise<{ peakBytes: number; wallMs: number }> {
  const source = SOURCE_CASES[name];
  const output = join(run.folder, 'output');
  if (source === undefined) {
    return runJob(name, { ...run, output, input: ['--set', `records=${rowsOf(run)}`] });
  }
  const { input, records } = await inputOf(source, run);
  const measured = await runJob(name, { ...run, output, input });
  const { total } = digestOf(outputFiles(output));
  if (total !== records) throw new RunFailed(`${name}: read ${total} records of ${records}`);
  return measured;
}

async function inputOf({ reads }: SourceCase, run: OneRun): Promise<{ input: string[]; records: number }> {
  const input = join(run.folder, 'input');
  if (reads === 'numbers') {
    const records = Math.round(run.sizeBytes / NUMBER_BYTES);
    return { input: ['--set', `records=${records}`], records };
  }
  if (reads !== 'typed parts') {
    return {
      input: ['--input', input],
      records: writeFormatInput(reads, { blocks: blocksOf(run.sizeBytes), folder: input }),
    };
  }
  const records = rowsOf(run);
  await runJob(TYPED_PARTS, { ...run, output: input, input: ['--set', `records=${records}`] });
  return { input: ['--input', input], records };
}

function rowsOf({ sizeBytes }: OneRun): number {
  return Math.round(sizeBytes / ROW_BYTES);
}

function runJob(
  name: string,
  { engine, input, output }: { engine: string; input: readonly string[]; output: string },
) {
  const job = jobOf('bench/jobs/format-memory.ts', engine);
  if (job === undefined)
    throw new RunFailed(`${engine} belongs to a checkout without bench/jobs/format-memory.ts`);
  return measure({
    command: [
      ...[process.execPath, engine, 'run', job, ...input, '--output', output],
      ...['--memory', PROOF_MEMORY, '--workers', String(PROOF_WORKERS)],
    ],
    env: { MAPREDUCE_BENCH_FORMAT: name },
  });
}

export function describeFormatMemory(results: readonly FormatMemory[], scale: number): string {
  const sizes = FORMAT_SIZES_MIB.map((sizeMib) => sizeMib * MIB * scale);
  const rows = results.map(({ name, peakBytes, wallMs, growth, verdict }) => [
    name,
    ...sizes.map((_, i) => (peakBytes[i] === undefined ? '-' : formatBytes(peakBytes[i]))),
    formatRatio(growth),
    growth === undefined ? '-' : formatRate(sizes.at(-1)!, wallMs),
    verdict,
  ]);
  return [
    `Peak memory of each format at --memory ${PROOF_MEMORY} --workers ${PROOF_WORKERS}: at most ` +
      `${formatBytes(PROOF_PEAK_BYTES_MAX)} for the whole process tree, at most ${PROOF_GROWTH_MAX}x with eight times the input`,
    formatTable(['', ...sizes.map(formatBytes), 'peak 8x/1x', 'MB/s', 'verdict'], rows),
    ...results.flatMap(({ name, failure }) => (failure === undefined ? [] : [`${name}: ${failure}`])),
  ].join('\n');
}
