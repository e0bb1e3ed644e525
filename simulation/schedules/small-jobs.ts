/**
 * The jobs that schedules run: a fold, a sort over ranges of keys, a job without a reduce, and one with several files per
 * task; each with a few inputs, numbers of reducers, and merged or not.
 */
import type { Job } from '../../src/api/job.ts';
import { Random } from '../random.ts';
import copyLines from './jobs/copy-lines.ts';
import countInFolders from './jobs/count-in-folders.ts';
import sortLines from './jobs/sort-lines.ts';
import wordCount from './jobs/word-count.ts';

export const APPS: Readonly<Record<string, Job>> = {
  'word-count': wordCount,
  'sort-lines': sortLines,
  'copy-lines': copyLines,
  'count-in-folders': countInFolders,
};

export type AppName = 'word-count' | 'sort-lines' | 'copy-lines' | 'count-in-folders';

export function moduleOf(app: AppName): URL {
  return new URL(`./jobs/${app}.ts`, import.meta.url);
}

export interface SmallJob {
  readonly id: number;
  readonly app: AppName;
  /** Texts of the input files. */
  readonly files: readonly string[];
  readonly splitSizeBytes: number;
  /** 0 without a reduce. */
  readonly reducers: number;
  readonly merge: boolean;
}

/** What a run without faults produces. */
export interface ExpectedResult {
  /** Bytes as text by the name of the file without the attempt, e.g. `part-r-00000.tsv`. */
  readonly files: Readonly<Record<string, string>>;
  readonly counters: Readonly<Record<string, number>>;
  /** Of each stage. */
  readonly recordsRead: readonly number[];
  readonly recordsWritten: readonly number[];
  readonly partitionRecords: readonly number[];
}

export const SMALL_JOBS: readonly SmallJob[] = (
  [
    ['word-count', 1, false],
    ['word-count', 2, false],
    ['word-count', 3, true],
    ['word-count', 2, true],
    ['sort-lines', 2, false],
    ['sort-lines', 3, true],
    ['sort-lines', 3, false],
    ['sort-lines', 1, true],
    ['copy-lines', 0, false],
    ['copy-lines', 0, true],
    ['count-in-folders', 1, false],
    ['count-in-folders', 2, false],
  ] as const
).map(([app, reducers, merge], id) => smallJob({ id, app, reducers, merge }));

function smallJob(job: Pick<SmallJob, 'id' | 'app' | 'reducers' | 'merge'>): SmallJob {
  const random = new Random(1_000 + job.id);
  const words = random.times(9, (index) => `${random.pick(['ab', 'b', 'cd'])}${index}`);
  const line = () => random.times(random.int(1, 5), () => random.pick(words)).join(' ');
  const files = random.times(random.int(1, 3), () => `${random.times(random.int(3, 20), line).join('\n')}\n`);
  const bytes = files.reduce((sum, text) => sum + text.length, 0);
  return { ...job, files, splitSizeBytes: Math.ceil(bytes / random.int(2, 5)) };
}

/** Removes the attempt from the name of a file of a task that writes several. */
export function plainNameOf(name: string): string {
  return name.replace(/(part-[mr]-\d{5})\.[^.]+(?=\..*\.?)/, '$1');
}
