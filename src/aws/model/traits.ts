/**
 * What the model assumes about a job's code: how fast it is, and how much of the input it passes on. Nobody knows before
 * the job runs, so each figure is a range; the report of an earlier run, or of a run on a sample, narrows it (traitsOf).
 */
import type { Spread } from '../../report/estimate.ts';
import type { JobReport } from '../../report/report.ts';
import { CPU_FACTS, SHUFFLE_FACTS } from './facts.ts';

export interface JobTraits {
  /** In words, for people: what is assumed, and why. */
  readonly assumptions: readonly string[];
  /** Decompressed bytes of input that one core of the machine of CPU_FACTS maps in a second. */
  readonly mapBytesPerSecond: Spread;
  /** Stored bytes of the shuffle that one core of it reduces in a second. */
  readonly reduceBytesPerSecond: Spread;
  /** Stored bytes of the shuffle for each decompressed byte of input. 0 for a map-only job. */
  readonly shuffleRatio: Spread;
  /** A combiner cannot emit more than this from one split, however large it is: each key occurs once. */
  readonly shuffleBytesOfSplitMax: number;
  /** Bytes of the result for each decompressed byte of input. */
  readonly outputRatio: Spread;
  /** Decompressed bytes for each compressed byte of input. */
  readonly inflation: Spread;
  /** The largest partition as a multiple of their mean. */
  readonly skew: Spread;
}

export interface JobKind {
  readonly isMapOnly: boolean;
  readonly hasCombiner: boolean;
}

/** Logs and text: gzip makes them three to ten times smaller. */
const INFLATION: Spread = { low: 3, likely: 5, high: 10 };
const SKEW: Spread = { low: 1, likely: 1.1, high: 2 };
const MAP_SPEED: Spread = { low: CPU_FACTS.grepMapBytesPerSecond.value, likely: 60e6, high: 20e6 };
const REDUCE_SPEED: Spread = {
  low: CPU_FACTS.sortReduceBytesPerSecond.value,
  likely: CPU_FACTS.foldReduceBytesPerSecond.value,
  high: 15e6,
};
const NO_SPREAD: Spread = { low: 0, likely: 0, high: 0 };

export function assumedTraits({ isMapOnly, hasCombiner }: JobKind): JobTraits {
  const common = {
    mapBytesPerSecond: MAP_SPEED,
    reduceBytesPerSecond: REDUCE_SPEED,
    shuffleBytesOfSplitMax: Number.POSITIVE_INFINITY,
    inflation: INFLATION,
    skew: SKEW,
  };
  if (isMapOnly) {
    return {
      ...common,
      assumptions: ['the result has as many bytes as the input, from none to twice as many'],
      shuffleRatio: NO_SPREAD,
      outputRatio: { low: 0, likely: 1, high: 2 },
    };
  }
  if (hasCombiner) {
    return {
      ...common,
      assumptions: [
        'combining leaves 3 % of the input for the shuffle, from nothing (few keys) to all of it (every key once)',
      ],
      shuffleRatio: { low: 0, likely: 0.03, high: 1 },
      outputRatio: { low: 0, likely: 0.03, high: 1 },
    };
  }
  return {
    ...common,
    assumptions: [
      'the shuffle, compressed, has half as many bytes as the input, from none (few records emitted) to as many again',
    ],
    shuffleRatio: { low: 0, likely: SHUFFLE_FACTS.sortRatio.value, high: 1 },
    outputRatio: { low: 0, likely: 1, high: 2 },
  };
}

/** Narrows the assumptions by what an earlier run of the same job has read and written, each by 20 %. */
export function traitsOf(kind: JobKind, { stages }: Pick<JobReport, 'stages'>): JobTraits {
  const [map] = stages;
  const assumed = assumedTraits(kind);
  if (map === undefined || map.bytesRead === 0) return assumed;
  const around = (likely: number): Spread => ({ low: likely * 0.8, likely, high: likely * 1.2 });
  const writtenPerByte = map.bytesWritten / map.bytesRead;
  const output = stages.at(-1)!.bytesWritten / map.bytesRead;
  return {
    ...assumed,
    assumptions: ['the job passes on as much of its input as in the earlier run, give or take 20 %'],
    shuffleRatio: kind.isMapOnly ? NO_SPREAD : around(writtenPerByte),
    outputRatio: around(output),
  };
}
