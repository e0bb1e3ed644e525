/**
 * What each function may do with the objects of the bucket. Keys are given by patterns; src/aws/protocol/keys.ts and
 * src/commit/layout.ts draw the keys. The `*` of IAM matches slashes too, so `output/*` covers outputs of any depth.
 *
 * A function may read what it writes: when the response to a write is lost, it reads the object to see whose write
 * succeeded.
 */
import { JOBS_PREFIX, OUTPUT_PREFIX, REQUESTS_PREFIX, WORK_PREFIX } from '../../src/aws/protocol/keys.ts';
import { MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { FunctionName } from './function-names.ts';

/** Patterns of keys, with `*` for any text. */
export interface BucketAccess {
  /** Prefixes that may be listed. */
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
/** Summaries of attempts, where one does not fit the metadata of its part. */
const SUMMARIES = work('attempts/*');
/** Notes that failed attempts write. */
const NOTES = work('failures/*');
const BACKUPS = work('backups/*');
const SUCCESS = output(SUCCESS_NAME);
const OUTPUT_CLAIM = output('_JOB');

const RESULTS = [SUCCESS, output(MANIFEST_NAME), output(REPORT_NAME), output('part-*'), output('merged.*')];

/** Parts of the result, or parts that are still to be merged. */
const parts = (stage: 'm' | 'r') => [output(`part-${stage}-*`), work(`merge/${stage}-*`)];

/**
 * @param readable  prefixes that jobs may read their input from
 */
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
 * A condition for s3:ListBucket that allows these prefixes only. With s3:ListBucket, S3 reports an absent object as 404
 * instead of 403. AWS does not document whether S3 then compares the key with `s3:prefix` or has no such condition key.
 * `IfExists`, and the keys that are read among the prefixes, allow both. A request that lists without a prefix passes
 * as well; the store always sends one.
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
        // To check that the results which it is to replace come from a job.
        reads: [...inputs, REQUESTS, ...RESULTS],
        // CANCEL: when a job takes over an output, the job that owned it is cancelled.
        writes: [CLAIM, PLAN, OUTPUT_CLAIM, CANCEL],
        // For a redrive, and to replace results.
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
        // SUCCESS: its own, if it lost the output while it wrote it.
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
