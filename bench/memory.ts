/**
 * `--memory-proof` shows that the budget of a run decides its memory, and the input does not. It runs word count and sort
 * over 512 MiB and over 4 GiB, with one key that has 60 % of all values, and with 10 million different keys. Every run uses
 * `--memory 256MiB --workers 2`.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ourCommand } from './contenders.ts';
import { CORPORA, type CorpusName } from './corpora.ts';
import { type Measurement, measure, RunFailed } from './measure.ts';
import { ratio } from './statistics.ts';
import { prepareNoted } from './suite.ts';
import { formatBytes, formatRatio, formatSeconds, formatTable } from './table.ts';
import type { WorkloadName } from './workloads.ts';

const MIB = 1 << 20;
const GIB = 1 << 30;
export const PROOF_MEMORY = '256MiB';
export const PROOF_WORKERS = 2;
/** The limit for the peak of the whole process tree. */
export const PROOF_PEAK_BYTES_MAX = GIB;
/** The limit for the growth of the peak with eight times the input. */
export const PROOF_GROWTH_MAX = 1.15;

interface ProofCase {
  readonly workload: WorkloadName;
  readonly corpus: CorpusName;
  readonly sizeBytes: number;
  /** The same case with less input. */
  readonly smallerCase?: number;
}

const CASES: readonly ProofCase[] = [
  { workload: 'word-count', corpus: 'words', sizeBytes: 512 * MIB },
  { workload: 'word-count', corpus: 'words', sizeBytes: 4 * GIB, smallerCase: 0 },
  { workload: 'sort', corpus: 'records', sizeBytes: 512 * MIB },
  { workload: 'sort', corpus: 'records', sizeBytes: 4 * GIB, smallerCase: 2 },
  { workload: 'skewed-words', corpus: 'skewed-words', sizeBytes: 512 * MIB },
  { workload: 'skewed-sort', corpus: 'skewed-records', sizeBytes: 512 * MIB },
  { workload: 'distinct', corpus: 'distinct', sizeBytes: CORPORA.distinct.sizeBytes },
];

export interface ProofResult {
  readonly workload: WorkloadName;
  readonly inputBytes: number;
  readonly measurement: Measurement | undefined;
  /** The peak divided by the peak with the smaller input. */
  readonly growth: number | undefined;
  readonly verdict: 'holds' | 'too much' | 'failed';
  readonly failure: string | undefined;
}

export async function runMemoryProof(options: {
  engine: string;
  scale: number;
  folder: string;
  note: (text: string) => void;
}): Promise<ProofResult[]> {
  const contender = ourCommand({ engine: options.engine, memory: PROOF_MEMORY });
  const output = join(options.folder, `output-${process.pid}`);
  const results: ProofResult[] = [];
  for (const { workload, corpus, sizeBytes, smallerCase } of CASES) {
    const { unitBytes } = CORPORA[corpus];
    const inputBytes = Math.max(1, Math.round((sizeBytes * options.scale) / unitBytes)) * unitBytes;
    const { path } = prepareNoted(corpus, inputBytes, options);
    options.note(`memory proof: ${workload}, ${formatBytes(inputBytes)}`);
    const { command } = contender.command({ workload, input: path, output, workers: PROOF_WORKERS })!;
    try {
      const measurement = await measure({ command });
      const smaller = smallerCase === undefined ? undefined : results[smallerCase]!.measurement;
      const growth = smaller && ratio({ ours: measurement.peakBytes, peer: smaller.peakBytes });
      const holds = measurement.peakBytes <= PROOF_PEAK_BYTES_MAX && (growth ?? 1) <= PROOF_GROWTH_MAX;
      const verdict = holds ? 'holds' : 'too much';
      results.push({ workload, inputBytes, measurement, growth, verdict, failure: undefined });
    } catch (error) {
      if (!(error instanceof RunFailed)) throw error;
      const failure = error.message;
      results.push({
        workload,
        inputBytes,
        measurement: undefined,
        growth: undefined,
        verdict: 'failed',
        failure,
      });
    } finally {
      rmSync(output, { recursive: true, force: true });
    }
  }
  return results;
}

export function describeMemoryProof(results: readonly ProofResult[]): string {
  const rows = results.map(({ workload, inputBytes, measurement, growth, verdict }) => [
    workload,
    formatBytes(inputBytes),
    measurement === undefined ? '-' : formatSeconds(measurement.wallMs),
    measurement === undefined ? '-' : formatBytes(measurement.peakBytes),
    measurement?.peakAnonymousBytes === undefined ? '-' : formatBytes(measurement.peakAnonymousBytes),
    formatRatio(growth),
    verdict,
  ]);
  return [
    `Memory at --memory ${PROOF_MEMORY} --workers ${PROOF_WORKERS}: at most ${formatBytes(PROOF_PEAK_BYTES_MAX)} for the whole ` +
      `process tree, at most ${PROOF_GROWTH_MAX}x with eight times the input`,
    formatTable(['', 'input', 'wall s', 'peak', 'anonymous', 'peak 8x/1x', 'verdict'], rows),
    ...results.flatMap(({ workload, failure }) => (failure === undefined ? [] : [`${workload}: ${failure}`])),
  ].join('\n');
}
