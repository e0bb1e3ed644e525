/**
 * What each function does with the objects of the bucket, and nothing else. Keys by their patterns, which src/aws/protocol/keys.ts
 * and src/commit/layout.ts draw; IAM's `*` goes across slashes, so `output/*` stands for outputs of any depth.
 *
 * What a function writes it may read as well: when the answer to a write is lost, it looks who has written.
 */
import { JOBS_PREFIX, OUTPUT_PREFIX, REQUESTS_PREFIX, WORK_PREFIX } from '../../src/aws/protocol/keys.ts';
import { MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { FunctionName } from './function-names.ts';

/** Patterns of keys. */
export interface BucketAccess {
  /** Of prefixes that are listed. */
  readonly list: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly remove: readonly string[];
}

const job = (key: string) => `${JOBS_PREFIX}*/${key}`;
const work = (key: string) => `${WORK_PREFIX}*/${key}`;
const output = (key: string) => `${OUTPUT_PREFIX}*/${key}`;

const CLAIM = job('request.json');
const PLAN = job('plan/*');
const CANCEL = job('cancel');
const FAILURE = job('failure.json');
const REQUESTS = `${REQUESTS_PREFIX}*`;
const SHUFFLE = work('shuffle/*');
const SHUFFLE_INDEX = work('shuffle-index');
/** Of attempts whose summary does not fit the part's metadata. */
const SUMMARIES = work('attempts/*');
/** Notes that failed attempts leave. */
const NOTES = work('failures/*');
const BACKUPS = work('backups/*');
const SUCCESS = output(SUCCESS_NAME);
const OUTPUT_CLAIM = output('_JOB');

const RESULTS = [SUCCESS, output(MANIFEST_NAME), output(REPORT_NAME), output('part-*'), output('merged.*')];

/** Parts of the result, or on their way to a merged one. */
const parts = (stage: 'm' | 'r') => [output(`part-${stage}-*`), work(`merge/${stage}-*`)];

/** @param readable  prefixes that jobs may read their input from */
export function bucketAccess(name: FunctionName, readable: readonly string[]): BucketAccess {
  const {
    lists = [],
    reads,
    writes,
    removes,
  } = accessOf(
    name,
    readable.map((prefix) => `${prefix}*`),
  );
  return { list: lists, read: [...new Set([...reads, ...writes])], write: writes, remove: removes };
}

/**
 * Of s3:ListBucket, to list these prefixes only. The right is also what makes S3 report an absent object as 404 instead
 * of 403, and AWS does not document whether it then compares the key with `s3:prefix` or finds no such condition key:
 * with `IfExists`, and with the keys that are read among the prefixes, both are allowed. A request that lists without
 * any prefix passes as well; the store always sends one.
 */
export function listCondition(prefixes: readonly string[]): Record<string, Record<string, string[]>> {
  return { StringLikeIfExists: { 's3:prefix': [...new Set(prefixes)] } };
}

interface Patterns {
  readonly lists?: readonly string[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly removes: readonly string[];
}

function accessOf(name: FunctionName, inputs: readonly string[]): Patterns {
  switch (name) {
    case 'plan':
      return {
        lists: [...inputs, `${OUTPUT_PREFIX}*`],
        // Whether results that are to be replaced are of a job.
        reads: [...inputs, REQUESTS, ...RESULTS],
        // An output that is taken over: its owner before is cancelled.
        writes: [CLAIM, PLAN, OUTPUT_CLAIM, CANCEL],
        // For a redrive, and where results are to be replaced.
        removes: [CANCEL, FAILURE, ...RESULTS],
      };
    case 'map':
      return {
        reads: [...inputs, PLAN, CANCEL, FAILURE, SUCCESS],
        writes: [SHUFFLE, ...parts('m'), SUMMARIES, NOTES],
        removes: [],
      };
    case 'map-barrier':
      return {
        lists: [SHUFFLE, NOTES],
        reads: [SHUFFLE, ...parts('m'), SUMMARIES, NOTES, OUTPUT_CLAIM],
        writes: [PLAN, SHUFFLE_INDEX, work('map-stage.json')],
        removes: [SHUFFLE, output('part-m-*')],
      };
    case 'reduce':
      return {
        reads: [PLAN, CANCEL, FAILURE, SUCCESS, SHUFFLE, SHUFFLE_INDEX],
        writes: [...parts('r'), SUMMARIES, NOTES],
        removes: [],
      };
    case 'reduce-barrier':
      return {
        lists: [NOTES],
        reads: [work('map-stage.json'), ...parts('r'), SUMMARIES, NOTES, OUTPUT_CLAIM],
        writes: [PLAN, work('reduce-stage.json')],
        removes: [SHUFFLE, work('merge/*'), output('part-r-*')],
      };
    case 'commit':
      return {
        lists: [`${WORK_PREFIX}*`, `${OUTPUT_PREFIX}*`],
        reads: [CLAIM, PLAN, OUTPUT_CLAIM, output('part-*'), `${WORK_PREFIX}*`],
        writes: [output(MANIFEST_NAME), output(REPORT_NAME), SUCCESS, output('merged.*'), NOTES],
        // Its own _SUCCESS, if it lost the output as it wrote it.
        removes: [`${WORK_PREFIX}*`, SUCCESS, output('part-*'), output('merged.*')],
      };
    case 'watch':
      return {
        lists: [SHUFFLE, ...parts('m'), ...parts('r')],
        reads: [PLAN, CANCEL, FAILURE, SUCCESS],
        writes: [BACKUPS],
        removes: [],
      };
    case 'failure':
      return {
        lists: [NOTES],
        reads: [REQUESTS, CLAIM, NOTES],
        writes: [FAILURE, `${REQUESTS_PREFIX}*.failure.json`],
        removes: [],
      };
  }
}
