/**
 * `--matrix` runs workloads on inputs of several sizes, with one thread and with several. Time per byte must not grow with
 * the input, so it compares the sizes from 0.5 GiB on.
 */
import { existsSync, mkdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Contender } from './contenders.ts';
import { CORPORA, type CorpusName, corpusFiles, corpusPath } from './corpora.ts';
import { type Measurement, measure, RunFailed } from './measure.ts';
import { spread } from './statistics.ts';
import { countLines, prepareNoted } from './suite.ts';
import { formatBytes, formatRate, formatRatio, formatSeconds, formatTable } from './table.ts';
import { type WorkloadName, workload } from './workloads.ts';

const MIB = 1 << 20;
const GIB = 2 ** 30;
export const MATRIX_WORKLOADS = ['word-count', 'high-cardinality', 'sort', 'grep'] as const;
export const MATRIX_SIZES_BYTES: readonly number[] = [64 * MIB, 512 * MIB, 2 * GIB, 8 * GIB];
/** Below, the time to start counts. */
const FLAT_FROM_BYTES = 512 * MIB;
/** For the growth of the time per byte. */
export const FLAT_RATIO_MAX = 1.15;
/** Free space beside the input, for shuffle objects, spills that are merged again, and the result. */
const ROOM_PER_INPUT_BYTE = 3;

export interface MatrixResult {
  readonly workload: WorkloadName;
  readonly threads: number;
  readonly inputBytes: number;
  readonly wallMs: number | undefined;
  /** User and system, the median. */
  readonly cpuMs: number | undefined;
  readonly peakBytes: number | undefined;
  readonly failure: string | undefined;
}

export interface MatrixOptions {
  readonly workloads: readonly WorkloadName[];
  /** Ascending. */
  readonly sizesBytes: readonly number[];
  readonly threads: readonly number[];
  readonly runs: number;
  readonly contender: Contender;
  readonly folder: string;
  readonly note: (text: string) => void;
}

/** Removes the inputs that it generates, each before it generates the next, so that only one of them needs room. */
export async function runMatrix(options: MatrixOptions): Promise<MatrixResult[]> {
  mkdirSync(options.folder, { recursive: true });
  const corpora = [...new Set(options.workloads.map((name) => workload(name).corpus))];
  for (const corpus of corpora) checkRoom(corpus, options.sizesBytes.at(-1)!, options.folder);

  const results: MatrixResult[] = [];
  for (const sizeBytes of options.sizesBytes) {
    for (const corpus of corpora) {
      const inputBytes = wholeUnits(corpus, sizeBytes);
      const { path, generatedMs } = prepareNoted(corpus, inputBytes, options);
      countLines(corpusFiles(path));
      try {
        for (const name of options.workloads.filter((wanted) => workload(wanted).corpus === corpus)) {
          for (const threads of options.threads) {
            results.push(await runCell({ name, threads, inputBytes, path }, options));
          }
        }
      } finally {
        if (generatedMs !== undefined) rmSync(path, { recursive: true, force: true });
      }
    }
  }
  return results;
}

interface Cell {
  readonly name: WorkloadName;
  readonly threads: number;
  readonly inputBytes: number;
  readonly path: string;
}

async function runCell(
  { name, threads, inputBytes, path }: Cell,
  options: MatrixOptions,
): Promise<MatrixResult> {
  const output = join(options.folder, `output-${process.pid}`);
  const { command } = options.contender.command({ workload: name, input: path, output, workers: threads })!;
  const runs: Measurement[] = [];
  let failure: string | undefined;
  for (let run = 1; run <= options.runs && failure === undefined; run++) {
    options.note(`matrix: ${name}, ${formatBytes(inputBytes)}, ${threads} threads, run ${run}`);
    try {
      runs.push(await measure({ command }));
    } catch (error) {
      if (!(error instanceof RunFailed)) throw error;
      failure = error.message;
    } finally {
      rmSync(output, { recursive: true, force: true });
    }
  }
  const ended = failure === undefined;
  return {
    workload: name,
    threads,
    inputBytes,
    wallMs: ended ? spread(runs.map(({ wallMs }) => wallMs)).median : undefined,
    cpuMs: ended ? spread(runs.map((run) => run.cpuUserMs + run.cpuSystemMs)).median : undefined,
    peakBytes: ended ? Math.max(...runs.map(({ peakBytes }) => peakBytes)) : undefined,
    failure,
  };
}

function wholeUnits(corpus: CorpusName, sizeBytes: number): number {
  const { unitBytes } = CORPORA[corpus];
  return Math.max(1, Math.round(sizeBytes / unitBytes)) * unitBytes;
}

/** @throws {RunFailed} if the disk has no room for a job on an input of this size */
function checkRoom(corpus: CorpusName, sizeBytes: number, folder: string): void {
  const inputBytes = wholeUnits(corpus, sizeBytes);
  const existing = join(folder, corpusPath(corpus, inputBytes));
  const isThere = existsSync(existing) && statSync(existing).size === inputBytes;
  const neededBytes = inputBytes * (ROOM_PER_INPUT_BYTE + (isThere ? 0 : 1));
  const freeBytes = freeBytesIn(folder);
  if (freeBytes >= neededBytes) return;
  throw new RunFailed(
    `--matrix: a job on ${formatBytes(inputBytes)} of ${corpus} needs ${formatBytes(neededBytes)} of free disk for its input, ` +
      `intermediate data and result; ${folder} has ${formatBytes(freeBytes)}. ` +
      'Free some, use a folder on another disk (--data <folder>), or smaller inputs (--matrix 64MiB,512MiB).',
  );
}

function freeBytesIn(folder: string): number {
  const { bavail, bsize } = statfsSync(existsSync(folder) ? folder : dirname(folder));
  return bavail * bsize;
}

export interface Flatness {
  readonly workload: WorkloadName;
  readonly threads: number;
  /**
   * The time per byte divided by that of a smaller input, of those from 0.5 GiB on; the highest such ratio. Below 1 if it
   * falls, because the start counts less. Undefined with fewer than two inputs.
   */
  readonly growth: number | undefined;
}

/** For each workload and number of threads, in the order of the results. */
export function flatnessOf(results: readonly MatrixResult[]): Flatness[] {
  return groupsOf(results).map((group) => {
    const { workload: name, threads } = group[0]!;
    const times = group
      .filter(({ inputBytes, wallMs }) => inputBytes >= FLAT_FROM_BYTES * 0.99 && wallMs !== undefined)
      .map(({ inputBytes, wallMs }) => wallMs! / inputBytes);
    return {
      workload: name,
      threads,
      growth:
        times.length < 2
          ? undefined
          : Math.max(...times.slice(1).map((time, i) => time / Math.min(...times.slice(0, i + 1)))),
    };
  });
}

function groupsOf(results: readonly MatrixResult[]): MatrixResult[][] {
  const groups = Map.groupBy(results, ({ workload: name, threads }) => `${name}\n${threads}`);
  return [...groups.values()];
}

export function describeMatrix(results: readonly MatrixResult[]): string {
  const rows = groupsOf(results).flatMap((group) =>
    group.map(({ workload: name, threads, inputBytes, wallMs, cpuMs, peakBytes, failure }) => [
      name,
      String(threads),
      formatBytes(inputBytes),
      ...(wallMs === undefined || cpuMs === undefined || peakBytes === undefined
        ? ['failed', '', '', '', '', '']
        : [
            formatSeconds(wallMs),
            formatSeconds(cpuMs),
            formatRate(inputBytes, wallMs),
            nanoseconds(wallMs, inputBytes),
            nanoseconds(cpuMs, inputBytes),
            formatBytes(peakBytes),
          ]),
      failure ?? '',
    ]),
  );
  const flat = flatnessOf(results).map(({ workload: name, threads, growth }) => [
    name,
    String(threads),
    formatRatio(growth),
    growth === undefined ? 'needs two sizes' : growth <= FLAT_RATIO_MAX ? 'flat' : 'not flat',
  ]);
  return [
    formatTable(
      ['', 'threads', 'input', 'wall s', 'CPU s', 'MB/s', 'wall ns/byte', 'CPU ns/byte', 'peak', ''],
      rows.map((row) => row.with(-1, row.at(-1)!.split('\n', 1)[0]!)),
    ),
    '',
    `Wall time per byte from ${formatBytes(FLAT_FROM_BYTES)} on, divided by that of a smaller input; flat is at most ${FLAT_RATIO_MAX}`,
    formatTable(['', 'threads', 'growth', ''], flat),
    ...results.flatMap(({ workload: name, failure }) =>
      failure === undefined ? [] : [`${name}: ${failure}`],
    ),
  ].join('\n');
}

function nanoseconds(ms: number, bytes: number): string {
  return ((ms * 1e6) / bytes).toFixed(2);
}
