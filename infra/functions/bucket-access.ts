/**
 * What each function may do with the objects of the bucket. The patterns come from the functions that make the keys
 * (src/aws/protocol/keys.ts, src/commit/layout.ts), called for ANY_JOB. The `*` of IAM also matches slashes, so
 * `output/*` covers outputs of any depth.
 *
 * A function may read what it writes: when the response to a write is lost, it reads the object to see whose write
 * succeeded.
 */
import {
  ANY_JOB,
  attemptFailuresPrefix,
  attemptsKey,
  backupsPrefix,
  cancelKey,
  FAILURE_SUFFIX,
  failureKey,
  jobLayout,
  OUTPUT_PREFIX,
  outputClaimKey,
  planPrefix,
  REQUESTS_PREFIX,
  requestKey,
  stageKey,
  WORK_PREFIX,
} from '../../src/aws/protocol/keys.ts';
import { STAGES, type Stage } from '../../src/base/ids.ts';
import {
  attemptSummariesPrefix,
  committedPrefix,
  fileListsPrefix,
  mergePrefix,
  shuffleIndexKey,
  shufflePrefix,
} from '../../src/commit/layout.ts';
import {
  ATTEMPTS_NAME,
  BAD_RECORDS_NAME,
  MANIFEST_NAME,
  mergedName,
  PART_PREFIX,
  REPORT_NAME,
  SUCCESS_NAME,
} from '../../src/report/result-names.ts';
import type { FunctionName } from './function-names.ts';

/** Patterns of keys, with `*` for any text. */
export interface BucketAccess {
  /** Prefixes that may be listed. */
  readonly list: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly remove: readonly string[];
}

const LAYOUT = jobLayout(ANY_JOB);
const output = (name: string) => `${LAYOUT.outputPrefix}${name}`;

const CLAIM = requestKey(ANY_JOB);
const PLAN = `${planPrefix(ANY_JOB)}*`;
const CANCEL = cancelKey(ANY_JOB);
const FAILURE = failureKey(ANY_JOB);
const ATTEMPTS = attemptsKey(ANY_JOB);
const REQUESTS = `${REQUESTS_PREFIX}*`;
const SHUFFLE = `${shufflePrefix(LAYOUT)}*`;
const SHUFFLE_INDEX = shuffleIndexKey(LAYOUT);
const MERGE = `${mergePrefix(LAYOUT)}*`;
const FILE_LISTS = `${fileListsPrefix(LAYOUT)}*`;
/** Summaries of attempts that do not fit the metadata of their parts. */
const SUMMARIES = `${attemptSummariesPrefix(LAYOUT)}*`;
/** Notes that failed attempts write. */
const NOTES = `${attemptFailuresPrefix(ANY_JOB)}*`;
const BACKUPS = `${backupsPrefix(ANY_JOB)}*`;
const SUCCESS = output(SUCCESS_NAME);
/** Tells a barrier that fails whether the job has committed its result all the same. */
const PUBLISHED = [SUCCESS, output(MANIFEST_NAME)];
const OUTPUT_CLAIM = outputClaimKey(LAYOUT.outputPrefix);
const OUTPUT_PARTS = output(`${PART_PREFIX}*`);
const MERGED = output(mergedName('*'));
/** The barriers list the outputs to verify that the files of several are there. */
const OUTPUTS = `${OUTPUT_PREFIX}*`;

/** What the commit writes. */
const REPORTS = [MANIFEST_NAME, REPORT_NAME, ATTEMPTS_NAME, BAD_RECORDS_NAME].map(output);
const RESULTS = [SUCCESS, ...REPORTS, OUTPUT_PARTS, MERGED];
const outputParts = (stage: Stage) => `${committedPrefix(LAYOUT, stage, { reducers: 0, merge: false })}*`;
const partsToMerge = (stage: Stage) => `${committedPrefix(LAYOUT, stage, { reducers: 0, merge: true })}*`;

const fileLists = (stage: Stage) =>
  `${committedPrefix(LAYOUT, stage, { reducers: 0, merge: false, severalFiles: true })}*`;

/** Parts of the result, parts that are still to be merged, and lists of files. */
const parts = (stage: Stage) => [outputParts(stage), partsToMerge(stage), fileLists(stage)];
const PARTS = STAGES.flatMap(parts);
const STAGE_RESULTS = STAGES.map((stage) => stageKey(ANY_JOB, stage));
/** What the tasks of a job have committed, for the list of the attempts of a job that failed. */
const COMMITTED = [...STAGE_RESULTS, SHUFFLE, ...PARTS, SUMMARIES];

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
 * A condition for s3:ListBucket that allows only these prefixes. With s3:ListBucket, S3 reports an absent object as 404
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
        lists: [...inputs, OUTPUTS],
        // To check that a job wrote the results before it replaces them.
        reads: [...inputs, REQUESTS, ...RESULTS],
        // CANCEL: if a job takes over an output, it cancels the job that owned the output.
        writes: [CLAIM, PLAN, OUTPUT_CLAIM, CANCEL],
        // A redrive, and a job that replaces results, delete objects.
        removes: [CANCEL, FAILURE, ATTEMPTS, ...RESULTS],
      };
    case 'map':
      return {
        reads: [...inputs, PLAN, CANCEL, FAILURE, SUCCESS],
        writes: [SHUFFLE, ...parts('map'), SUMMARIES, NOTES],
        // The files of an attempt that did not commit.
        removes: [outputParts('map')],
      };
    case 'map-barrier':
      return {
        lists: [SHUFFLE, NOTES, OUTPUTS],
        reads: [SHUFFLE, ...parts('map'), SUMMARIES, NOTES, OUTPUT_CLAIM, ...PUBLISHED],
        writes: [PLAN, SHUFFLE_INDEX, stageKey(ANY_JOB, 'map')],
        removes: [SHUFFLE, ...parts('map')],
      };
    case 'reduce':
      return {
        reads: [PLAN, CANCEL, FAILURE, SUCCESS, SHUFFLE, SHUFFLE_INDEX],
        writes: [...parts('reduce'), SUMMARIES, NOTES],
        removes: [outputParts('reduce')],
      };
    case 'reduce-barrier':
      return {
        lists: [NOTES, OUTPUTS],
        reads: [stageKey(ANY_JOB, 'map'), ...parts('reduce'), SUMMARIES, NOTES, OUTPUT_CLAIM, ...PUBLISHED],
        writes: [PLAN, stageKey(ANY_JOB, 'reduce')],
        removes: [SHUFFLE, MERGE, FILE_LISTS, outputParts('reduce')],
      };
    case 'commit':
      return {
        lists: [`${WORK_PREFIX}*`, OUTPUTS],
        reads: [CLAIM, PLAN, OUTPUT_CLAIM, OUTPUT_PARTS, `${WORK_PREFIX}*`],
        writes: [...REPORTS, SUCCESS, MERGED, NOTES],
        // SUCCESS: its own, if it lost the output while it wrote it.
        removes: [`${WORK_PREFIX}*`, SUCCESS, OUTPUT_PARTS, MERGED],
      };
    case 'watch':
      return {
        lists: [SHUFFLE, ...PARTS],
        reads: [PLAN, CANCEL, FAILURE, SUCCESS],
        writes: [BACKUPS],
        removes: [],
      };
    case 'failure':
      return {
        lists: [NOTES, SHUFFLE, ...PARTS],
        reads: [REQUESTS, CLAIM, NOTES, PLAN, ...COMMITTED],
        writes: [FAILURE, ATTEMPTS, `${REQUESTS_PREFIX}*${FAILURE_SUFFIX}`],
        removes: [],
      };
  }
}
