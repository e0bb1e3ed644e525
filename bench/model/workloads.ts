/** The jobs of the model's table, each with what is known about its code. */
import { CPU_FACTS, SHUFFLE_FACTS } from '../../src/aws/model/facts.ts';
import type { PointTraits } from '../../src/aws/model/point.ts';
import { GiB } from '../../src/base/limits.ts';

export interface Workload {
  readonly name: string;
  readonly traits: PointTraits;
}

const COMMON = {
  inflation: 1,
  skew: 1.1,
  shuffleBytesOfSplitMax: Number.POSITIVE_INFINITY,
};

/** Combines: the shuffle of a split holds each of 300,000 words once, however large the split is. */
export const WORD_COUNT: Workload = {
  name: 'word count',
  traits: {
    ...COMMON,
    mapBytesPerSecond: CPU_FACTS.wordCountMapBytesPerSecond.value,
    reduceBytesPerSecond: CPU_FACTS.foldReduceBytesPerSecond.value,
    shuffleRatio: SHUFFLE_FACTS.wordCountBytesOf64MiB.value / 2 ** 26,
    shuffleBytesOfSplitMax: SHUFFLE_FACTS.wordCountBytesOf256MiB.value,
    // 300,000 words once: nothing beside the input.
    outputRatio: 0,
  },
};

/** Records of 100 bytes: everything is shuffled, and everything is written. */
export const SORT: Workload = {
  name: 'sort',
  traits: {
    ...COMMON,
    mapBytesPerSecond: CPU_FACTS.sortMapBytesPerSecond.value,
    reduceBytesPerSecond: CPU_FACTS.sortReduceBytesPerSecond.value,
    shuffleRatio: SHUFFLE_FACTS.sortRatio.value,
    outputRatio: 1,
  },
};

/**
 * AMPLab's second query, 2A: sums for 2 million prefixes of addresses, over 126.8 GB of visits of about 155 bytes. A key of
 * eight characters and a sum are about 12 bytes compressed.
 */
export const QUERY_2: Workload = {
  name: 'AMPLab query 2',
  traits: {
    ...COMMON,
    mapBytesPerSecond: 100e6,
    reduceBytesPerSecond: CPU_FACTS.foldReduceBytesPerSecond.value,
    shuffleRatio: 12 / 155,
    shuffleBytesOfSplitMax: 2_067_313 * 12,
    outputRatio: (2_067_313 * 20) / 126.8e9,
  },
};
export const QUERY_2_BYTES = 126.8e9;

export const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ['6.25 GiB', 6.25 * GiB],
  ['62.5 GiB', 62.5 * GiB],
  ['625 GiB', 625 * GiB],
  ['1 TB', 1e12],
  ['10 TB', 1e13],
];
