/**
 * The requests of a job to S3, step by step: the formulas of docs/s3-requests.md, whose tables test/aws/protocol checks
 * against them. test/emulator/requests.test.ts counts the requests of real jobs.
 */
import type { RequestKind } from '../../storage/s3/s3-charges.ts';
import { S3_LIST_PAGE_KEYS_MAX } from '../../storage/s3/s3-limits.ts';
import type { PlannedRequests } from './job-shape.ts';

export type RequestStep = 'plan' | 'map' | 'map-barrier' | 'reduce' | 'reduce-barrier' | 'commit' | 'watch';

export interface RequestRow {
  readonly step: RequestStep;
  readonly operation: RequestKind;
  readonly what: string;
  readonly count: number;
  /** How many there are depends on how long the job takes. */
  readonly byTime?: true;
}

/** Everything that the number of requests depends on. Sums over all tasks of a stage, unless it says otherwise. */
export interface RequestShape extends PlannedRequests {
  /** Lists of tasks that are written for Distributed Maps. */
  readonly itemLists: number;
  /** Environments that run tasks: each reads the settings once. */
  readonly mapEnvironments: number;
  readonly reduceEnvironments: number;
  readonly shuffleWrites: number;
  readonly footerGets: number;
  readonly indexWrites: number;
  readonly indexGets: number;
  readonly cellGets: number;
  readonly partWrites: number;
  /** Parts whose summary is an object of its own. */
  readonly largeParts: number;
  /** Checks of all attempts for a cancellation and the like, each of which is several HEADs. */
  readonly attemptChecks: number;
  readonly attemptCheckReads: number;
  readonly watchLooks: number;
  readonly watchReads: number;
  readonly watchLists: number;
}

export function requestRows(shape: RequestShape): RequestRow[] {
  const rows = [
    ...planRows(shape),
    ...mapRows(shape),
    ...(shape.reducers === 0 ? mapOnlyBarrierRows(shape) : [...mapBarrierRows(shape), ...reduceRows(shape)]),
    ...commitRows(shape),
    ...byTimeRows(shape),
  ];
  return rows.filter(({ count }) => count > 0);
}

type Rows = readonly (readonly [RequestRow['operation'], what: string, count: number])[];

function rowsOf(step: RequestStep, rows: Rows): RequestRow[] {
  return rows.map(([operation, what, count]) => ({ step, operation, what, count }));
}

function pagesOf(keys: number): number {
  return Math.ceil(keys / S3_LIST_PAGE_KEYS_MAX);
}

function planRows(shape: RequestShape): RequestRow[] {
  const { files, inputNames, lookedFiles, sampleGets, startedBy, itemLists, storedSplits } = shape;
  return rowsOf('plan', [
    ['PUT', 'request', 1],
    ['GET', 'request', startedBy === 'request' ? 1 : 0],
    ['LIST', 'input', inputNames.prefixes === 0 ? 0 : Math.max(inputNames.prefixes, pagesOf(files))],
    // Whether a prefix is the output of an unfinished job; a key itself.
    ['HEAD', 'input', inputNames.prefixes + inputNames.keys],
    ['LIST', 'output', 1],
    ['GET', 'input', lookedFiles],
    ['GET', 'samples', sampleGets],
    ['PUT', 'claim', 1],
    ['PUT', 'plan', 1],
    ['PUT', 'settings', 1],
    ['PUT', 'items', itemLists],
    // Step Functions reads them.
    ['GET', 'items', itemLists],
    ['PUT', 'splits', storedSplits],
  ]);
}

function mapRows(shape: RequestShape): RequestRow[] {
  const { maps, reducers, inputGets, storedSplits, shuffleWrites } = shape;
  return rowsOf('map', [
    ['GET', 'splits', storedSplits],
    ['GET', 'input', inputGets],
    ...(reducers === 0 ? partWriteRows(shape) : ([['PUT', 'shuffle', shuffleWrites]] as const)),
    // A task that writes a part also looks just before its commit.
    ['HEAD', 'cancel', reducers === 0 ? 2 * maps : maps],
  ]);
}

function partWriteRows({ partWrites, largeParts }: RequestShape): Rows {
  return [
    ['PUT', 'part', partWrites],
    ['PUT', 'summaries', largeParts],
  ];
}

function mapOnlyBarrierRows({ maps, largeParts }: RequestShape): RequestRow[] {
  return rowsOf('map-barrier', [
    ['GET', 'plan', 1],
    ['HEAD', 'part', maps],
    ['GET', 'summaries', largeParts],
    ['PUT', 'stage', 1],
  ]);
}

function mapBarrierRows({ maps, footerGets, indexWrites }: RequestShape): RequestRow[] {
  return rowsOf('map-barrier', [
    ['GET', 'plan', 1],
    ['LIST', 'shuffle', pagesOf(maps)],
    ['GET', 'footers', footerGets],
    ['PUT', 'index', indexWrites],
    ['PUT', 'stage', 1],
  ]);
}

function reduceRows(shape: RequestShape): RequestRow[] {
  const { reducers, indexGets, cellGets, largeParts } = shape;
  return [
    ...rowsOf('reduce', [
      ['GET', 'index', indexGets],
      ['GET', 'cells', cellGets],
      ...partWriteRows(shape),
      ['HEAD', 'cancel', 2 * reducers],
    ]),
    ...rowsOf('reduce-barrier', [
      ['GET', 'plan', 1],
      ['GET', 'stage', 1],
      ['HEAD', 'part', reducers],
      ['GET', 'summaries', largeParts],
      ['PUT', 'stage', 1],
    ]),
  ];
}

function commitRows({ maps, reducers, largeParts }: RequestShape): RequestRow[] {
  const stages = reducers === 0 ? 1 : 2;
  const parts = reducers === 0 ? maps : reducers;
  // Shuffle objects, or summaries of attempts; the index and the results of the barriers.
  const work = (reducers === 0 ? 0 : maps + 1) + largeParts + stages;
  return rowsOf('commit', [
    ['HEAD', '_SUCCESS', 1],
    ['GET', 'plan', 1],
    ['GET', 'stage', stages],
    ['GET', 'claim', 2],
    ['GET', 'request', 1],
    ['LIST', 'failures', 1],
    ['LIST', 'backups', 1],
    ['LIST', 'part', Math.max(1, pagesOf(parts))],
    ['PUT', 'manifest', 1],
    ['PUT', 'report', 1],
    ['PUT', 'attempts', 1],
    ['PUT', '_SUCCESS', 1],
    ['LIST', 'work', pagesOf(work)],
    ['DELETE', 'work', pagesOf(work)],
  ]);
}

function byTimeRows(shape: RequestShape): RequestRow[] {
  const { attemptChecks, attemptCheckReads, watchLooks, watchReads, watchLists } = shape;
  const { mapEnvironments, reduceEnvironments } = shape;
  const rows: RequestRow[] = [
    ...rowsOf('map', [
      ['GET', 'settings', mapEnvironments],
      ['HEAD', 'checks of attempts', attemptChecks * attemptCheckReads],
    ]),
    // An environment is used again if it is free in time.
    ...rowsOf('reduce', [['GET', 'settings', reduceEnvironments]]),
    ...rowsOf('watch', [
      ['GET', 'settings', Math.min(1, watchLooks)],
      ['HEAD', 'checks of the watch', watchReads],
      ['LIST', 'tasks', watchLists],
    ]),
  ];
  return rows.map((row) => ({ ...row, byTime: true }));
}
