/** The workloads: each has a corpus, arguments for our command, and a way to compare results. */
import type { CorpusName } from './corpora.ts';

export interface Workload {
  readonly title: string;
  readonly corpus: CorpusName;
  /** `mapreduce run <these> --input ... --output ... --workers ...`. The path of a job module is relative to the checkout. */
  readonly ours: readonly string[];
  /** The workload whose job does the same over bytes, for a second line beside this one. */
  readonly bytesForm?: 'word-count-bytes';
  /** The name of the task in the scripts in peers/. */
  readonly peerTask: PeerTask | undefined;
  readonly peerPattern?: string;
  readonly result: ResultKind;
  /** Whether it runs without --only. */
  readonly byDefault: boolean;
}

/** 'token-count' is a word count of an input of which a peer may know that it holds only small letters and spaces. */
export type PeerTask =
  | 'word-count'
  | 'token-count'
  | 'gzip-word-count'
  | 'sort'
  | 'grep'
  | 'jsonl-groups'
  | 'csv-groups';

/**
 * How two results are compared:
 * - 'lines': the same lines in any order (`word TAB count`);
 * - 'sorted': the lines of the input, in the order of their first ten bytes across all parts;
 * - 'total': the numbers at the ends of the lines have the same sum;
 * - 'unchecked': no peer runs this workload, so there is nothing to compare.
 */
export type ResultKind = 'lines' | 'sorted' | 'total' | 'unchecked';

/** Matches 4 % of the lines of the corpus `words`. It has no literal part that memchr could search for. */
const GREP_PATTERN = 'z[aeiou]k[a-z]*[aeiou]';

export const WORKLOADS = {
  'word-count': {
    title: 'Word count',
    corpus: 'words',
    ours: ['word-count'],
    bytesForm: 'word-count-bytes',
    peerTask: 'word-count',
    result: 'lines',
    byDefault: true,
  },
  'word-count-bytes': {
    title: 'Word count over bytes',
    corpus: 'words',
    ours: ['bench/jobs/word-count-bytes.ts'],
    peerTask: 'word-count',
    result: 'lines',
    byDefault: false,
  },
  'word-count-strings': {
    title: 'Word count with a string for each word',
    corpus: 'words',
    ours: ['bench/jobs/word-count-strings.ts'],
    peerTask: 'word-count',
    result: 'lines',
    byDefault: false,
  },
  'high-cardinality': {
    title: 'Word count, nearly every word different',
    corpus: 'tokens',
    ours: ['word-count'],
    bytesForm: 'word-count-bytes',
    peerTask: 'token-count',
    result: 'lines',
    byDefault: true,
  },
  sort: {
    title: 'Sort',
    corpus: 'records',
    ours: ['sort', '--set', 'key-length=10'],
    peerTask: 'sort',
    result: 'sorted',
    byDefault: true,
  },
  grep: {
    title: 'Grep',
    corpus: 'words',
    ours: ['grep-count', '--set', `pattern=${GREP_PATTERN}`],
    peerTask: 'grep',
    peerPattern: GREP_PATTERN,
    result: 'total',
    byDefault: true,
  },
  tiny: {
    title: 'Word count of 2 KB: the time to start',
    corpus: 'tiny',
    ours: ['word-count'],
    peerTask: 'word-count',
    result: 'lines',
    byDefault: true,
  },
  jsonl: {
    title: 'Group JSON Lines',
    corpus: 'orders-jsonl',
    ours: ['bench/jobs/orders-jsonl.ts'],
    peerTask: 'jsonl-groups',
    result: 'lines',
    byDefault: false,
  },
  csv: {
    title: 'Group CSV',
    corpus: 'orders-csv',
    ours: ['bench/jobs/orders-csv.ts'],
    peerTask: 'csv-groups',
    result: 'lines',
    byDefault: false,
  },
  gzip: {
    title: 'Word count of gzip files',
    corpus: 'words-gzip',
    ours: ['word-count'],
    peerTask: 'gzip-word-count',
    result: 'lines',
    byDefault: false,
  },
  'small-files': {
    title: 'Word count of small gzip files',
    corpus: 'small-files',
    ours: ['word-count'],
    peerTask: 'gzip-word-count',
    result: 'lines',
    byDefault: false,
  },
  'access-log': {
    title: 'Access log',
    corpus: 'access-log',
    ours: ['access-log'],
    peerTask: undefined,
    result: 'unchecked',
    byDefault: false,
  },
  'skewed-words': {
    title: 'Word count, one word is 60 %',
    corpus: 'skewed-words',
    ours: ['word-count'],
    peerTask: 'word-count',
    result: 'lines',
    byDefault: false,
  },
  'skewed-sort': {
    title: 'Sort, one key in 60 % of the records',
    corpus: 'skewed-records',
    ours: ['sort', '--set', 'key-length=10'],
    peerTask: 'sort',
    result: 'sorted',
    byDefault: false,
  },
  distinct: {
    title: 'Word count, 10 million words, each once',
    corpus: 'distinct',
    ours: ['word-count'],
    peerTask: 'token-count',
    result: 'lines',
    byDefault: false,
  },
} as const satisfies Record<string, Workload>;

export type WorkloadName = keyof typeof WORKLOADS;
export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as WorkloadName[];

export function workload(name: WorkloadName): Workload {
  return WORKLOADS[name];
}
