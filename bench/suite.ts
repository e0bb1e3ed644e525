/**
 * Runs one workload. It prepares the corpus and runs all programs in turns (A B C, A B C, ...), so that a machine that slows
 * down or warms up affects all of them. It compares their results after the first turn, outside the measured time.
 */
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Contender } from './contenders.ts';
import { type CorpusFile, type CorpusName, corpusFiles, prepareCorpus, scaledSizeBytes } from './corpora.ts';
import { type Digest, digestOf, outputFiles } from './digest.ts';
import { type Measurement, measure, RunFailed } from './measure.ts';
import { type Spread, spread } from './statistics.ts';
import { type ResultKind, type WorkloadName, workload } from './workloads.ts';

const READ_BYTES = 1 << 20;

export interface SuiteOptions {
  readonly contenders: readonly Contender[];
  readonly scale: number;
  readonly runs: number;
  readonly workers: number;
  /** Reverses the order of every other turn, so that neither build of a pair always runs first. */
  readonly alternates?: boolean;
  /** The folder for corpora and, while they are needed, for outputs. */
  readonly folder: string;
  readonly note: (text: string) => void;
}

export interface WorkloadResult {
  readonly workload: WorkloadName;
  readonly title: string;
  readonly input: {
    readonly corpus: CorpusName;
    readonly files: number;
    /** Uncompressed. */
    readonly bytes: number;
    readonly records: number;
  };
  readonly contenders: readonly ContenderResult[];
}

export interface ContenderResult {
  readonly name: string;
  readonly runs: readonly Measurement[];
  readonly summary: Summary | undefined;
  readonly digest: Digest | undefined;
  /** Sorted results are compared with the input, and other results with those of the first program. */
  readonly verdict: 'equal' | 'different' | 'unchecked' | 'failed';
  readonly failure: string | undefined;
}

export interface Summary {
  readonly wallMs: Spread;
  readonly cpuUserMs: Spread;
  readonly cpuSystemMs: Spread;
  readonly peakBytes: Spread;
  /** Undefined if the system does not count it. */
  readonly movedBytes: Spread | undefined;
  /** Throughput of the median run. */
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
}

export async function runWorkload(name: WorkloadName, options: SuiteOptions): Promise<WorkloadResult> {
  const spec = workload(name);
  const corpus = prepareNoted(spec.corpus, scaledSizeBytes(spec.corpus, options.scale), options);
  const files = corpusFiles(corpus.path);
  const records = countLines(files);
  const output = join(options.folder, `output-${process.pid}`);
  const entries = options.contenders.flatMap((contender) => {
    const started = contender.command({
      workload: name,
      input: corpus.path,
      output,
      workers: options.workers,
    });
    return started === undefined ? [] : [{ contender, started, runs: [] as Measurement[] }];
  });
  const digests = new Map<string, Digest>();
  const failures = new Map<string, string>();

  for (let run = 1; run <= options.runs; run++) {
    const turn = options.alternates && run % 2 === 0 ? entries.toReversed() : entries;
    for (const { contender, started, runs } of turn) {
      if (failures.has(contender.name)) continue;
      options.note(`${name}, run ${run} of ${options.runs}: ${contender.name}`);
      rmSync(output, { recursive: true, force: true });
      try {
        runs.push(await measure(started));
        if (run === 1 && spec.result !== 'unchecked')
          digests.set(contender.name, digestOf(outputFiles(output)));
      } catch (error) {
        if (!(error instanceof RunFailed)) throw error;
        failures.set(contender.name, error.message);
      } finally {
        rmSync(output, { recursive: true, force: true });
      }
    }
  }

  const expected = spec.result === 'sorted' ? digestOf([corpus.path]) : undefined;
  const first = [...digests.values()][0];
  return {
    workload: name,
    title: spec.title,
    input: { corpus: spec.corpus, files: files.length, bytes: corpus.sizeBytes, records },
    contenders: entries.map(({ contender, runs }) => {
      const digest = digests.get(contender.name);
      const failure = failures.get(contender.name);
      const comparable = digests.size > 1 || expected !== undefined;
      return {
        name: contender.name,
        runs,
        summary: runs.length === 0 ? undefined : summarize(runs, { bytes: corpus.sizeBytes, records }),
        digest,
        verdict:
          failure !== undefined
            ? 'failed'
            : digest === undefined || !comparable
              ? 'unchecked'
              : isEqual(digest, expected ?? first!, spec.result)
                ? 'equal'
                : 'different',
        failure,
      };
    }),
  };
}

export function prepareNoted(
  name: CorpusName,
  sizeBytes: number,
  options: { folder: string; note: (text: string) => void },
): CorpusFile {
  options.note(`corpus ${name}, ${sizeBytes} bytes`);
  mkdirSync(options.folder, { recursive: true });
  return prepareCorpus({ name, sizeBytes, folder: options.folder });
}

export function isEqual(result: Digest, expected: Digest, kind: ResultKind): boolean {
  switch (kind) {
    case 'lines':
      return (
        result.hash === expected.hash && result.lines === expected.lines && result.bytes === expected.bytes
      );
    case 'sorted':
      return result.keysInOrder && isEqual(result, expected, 'lines');
    case 'total':
      return result.total === expected.total;
    case 'unchecked':
      return true;
  }
}

function summarize(runs: readonly Measurement[], input: { bytes: number; records: number }): Summary {
  const of = (pick: (run: Measurement) => number) => spread(runs.map(pick));
  const wallMs = of((run) => run.wallMs);
  return {
    wallMs,
    cpuUserMs: of((run) => run.cpuUserMs),
    cpuSystemMs: of((run) => run.cpuSystemMs),
    peakBytes: of((run) => run.peakBytes),
    movedBytes: runs.every((run) => run.movedBytes !== undefined) ? of((run) => run.movedBytes!) : undefined,
    recordsPerSecond: (input.records / wallMs.median) * 1000,
    bytesPerSecond: (input.bytes / wallMs.median) * 1000,
  };
}

/** Reading the files once also brings them into the page cache for all programs. */
export function countLines(files: readonly string[]): number {
  return files.reduce(
    (lines, path) =>
      lines + (path.endsWith('.gz') ? newlinesIn(gunzipSync(readFileSync(path))) : countPlain(path)),
    0,
  );
}

function newlinesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

function countPlain(path: string): number {
  const file = openSync(path, 'r');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let lines = 0;
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
      lines += newlinesIn(buffer.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  return lines;
}
