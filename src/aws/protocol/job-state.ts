/**
 * What the state machine hands from state to state, and what it hands to its tasks. All of it is small: a state holds
 * at most 256 KiB, so lists of tasks lie on the bucket and states hold their keys.
 */
import * as v from 'valibot';
import type { SerializedError } from '../../base/errors.ts';
import { type JobId, STAGES, type Stage } from '../../base/ids.ts';
import { jobIdSchema } from '../../base/schemas.ts';
import type { SplitPiece } from '../../read/input-file.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import { type JobProgress, NOT_STARTED } from '../../stages/advance.ts';
import { deathSchema } from './lambda-reports.ts';

/**
 *     plan ----> map ----> map-barrier ----> reduce ----> reduce-barrier ----> commit
 *       |         ^____________|  ^            ^_______________|  |   ^__________|
 *       |         tasks missing   |            tasks missing      |   a part must be made again
 *       |                         |_______________________________|
 *       +-> end (a duplicate)        the shuffle must be made again
 *
 * src/stages/advance.ts decides which way a job takes. `-watched`: with backup attempts for stragglers.
 */
export type NextStep = Stage | `${Stage}-watched` | `${Stage}-barrier` | 'commit' | 'end';

export interface JobState {
  readonly jobId: JobId | '';
  readonly next: NextStep;
  /** Key of the items of the next Distributed Map; empty where the next step is another. */
  readonly items: string;
  readonly progress: TravellingProgress;
}

const round = v.pipe(v.number(), v.integer(), v.minValue(0));
const phaseSchema = v.variant('kind', [
  v.object({ kind: v.picklist(['running', 'closing']), stage: v.picklist(STAGES) }),
  v.object({ kind: v.picklist(['finishing', 'over']) }),
]);

const progressSchema = v.object({
  phase: phaseSchema,
  handedOut: v.object({ map: v.optional(round), reduce: v.optional(round) } satisfies Record<Stage, unknown>),
  finishes: round,
  isRedrive: v.boolean(),
});

/**
 * What of the progress goes from state to state. Counts by object do not: they might not fit, and AWS_BOUNDS does without
 * them.
 */
export type TravellingProgress = Pick<JobProgress, 'phase' | 'handedOut' | 'finishes' | 'isRedrive'>;

export function toTravel({ phase, handedOut, finishes, isRedrive }: JobProgress): TravellingProgress {
  return { phase, handedOut, finishes, isRedrive };
}

export function fromTravel(progress: v.InferOutput<typeof progressSchema>): JobProgress {
  const { map, reduce } = progress.handedOut;
  return {
    ...NOT_STARTED,
    ...progress,
    handedOut: { ...(map === undefined ? {} : { map }), ...(reduce === undefined ? {} : { reduce }) },
  };
}

const timestamp = v.string();
/** Asked for by `mapreduce invoke`, never by the state machine. */
const dryRun = v.optional(v.boolean(), false);

/** Input of plan: called once an execution. */
export const planEventSchema = v.object({
  input: v.unknown(),
  execution: v.object({ id: v.string(), startTime: timestamp }),
});

/** Input of the barriers and of commit: called once a round. */
export const stepEventSchema = v.object({
  jobId: jobIdSchema,
  progress: progressSchema,
  execution: v.object({ id: v.string(), startTime: timestamp }),
});

/** How often the function died under this task in this child execution, and of what the last time. */
const died = { deaths: v.optional(round, 0), death: v.optional(deathSchema, {}) };

/** Input of map: called once an attempt. */
export const mapEventSchema = v.object({
  jobId: jobIdSchema,
  /** How many attempts failed since this child execution began, or since the last death. */
  retry: v.optional(v.number(), 0),
  item: v.object({
    index: round,
    /** Absent where they are too many: then they lie beside the plan. */
    pieces: v.optional(v.array(v.unknown())),
  }),
  backup: v.optional(v.boolean(), false),
  ...died,
  dryRun,
});

/** Input of reduce: called once an attempt. */
export const reduceEventSchema = v.object({
  jobId: jobIdSchema,
  retry: v.optional(v.number(), 0),
  item: v.object({ index: round }),
  backup: v.optional(v.boolean(), false),
  ...died,
  dryRun,
});

/** Input of failure: called once an execution that failed. */
export const failureEventSchema = v.object({
  /** Absent, or empty, before there is a plan. */
  jobId: v.optional(v.union([v.literal(''), jobIdSchema]), ''),
  error: v.object({ Error: v.optional(v.string(), 'Unknown'), Cause: v.optional(v.string(), '') }),
  execution: v.object({ id: v.string(), startTime: timestamp, input: v.unknown() }),
});

/** What an attempt that a person asked for has come to; nothing of it is committed. */
export interface DryRun {
  readonly dryRun: true;
  readonly elapsedMs: number;
  /** Of an attempt that ran to its end. */
  readonly result?: TaskResult;
  /** Of one that failed. */
  readonly error?: SerializedError;
}

/** The answers of 10,000 children would not fit one state: only who asked by hand gets one. */
export function forHand(result: TaskResult | DryRun | undefined): DryRun | undefined {
  return result !== undefined && 'dryRun' in result ? result : undefined;
}

export interface MapItem {
  readonly index: number;
  readonly pieces?: readonly SplitPiece[];
}

export interface ReduceItem {
  readonly index: number;
}

/** Children answer `{}`: with their commas, so many fit the 256 KiB of the one state that collects them. */
export const TASKS_PER_STAGE_MAX = 80_000;

/** An item goes through the state of a child execution; longer lists of pieces are read from the bucket. */
export const ITEM_BYTES_MAX = 16 * 1024;
