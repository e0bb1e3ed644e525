/**
 * The data that the state machine passes from state to state and to its tasks. It is small, because a state holds at most
 * 256 KiB: lists of tasks are in the bucket, and states hold their keys.
 */
import * as v from 'valibot';
import type { SerializedError } from '../../base/errors.ts';
import { type JobId, STAGES, type Stage } from '../../base/ids.ts';
import { jobIdSchema } from '../../base/schemas.ts';
import type { SplitPiece } from '../../read/input-file.ts';
import type { JobEstimate } from '../../report/estimate.ts';
import type { TaskResult } from '../../report/task-summary.ts';
import { type JobProgress, NOT_STARTED } from '../../stages/advance.ts';
import { deathSchema } from './lambda-reports.ts';

/**
 *     plan ----> map ----> map-barrier ----> reduce ----> reduce-barrier ----> commit
 *       |         ^____________|  ^            ^_______________|  |   ^__________|
 *       |         tasks missing   |            tasks missing      |   a part must be recreated
 *       |                         |_______________________________|
 *       +-> end (a duplicate)        the shuffle must be recreated
 *
 * A redrive goes from plan to map-barrier, or to commit if the job has committed its result. A barrier that
 * fails although the job has committed its result goes to commit, too.
 *
 * src/stages/advance.ts decides the next step of a job. Steps with `-inline` run the tasks in the execution of the job
 * itself, others in a Distributed Map. Steps with `-watched` start backup attempts for stragglers.
 */
export type NextStep = RunStep | `${Stage}-barrier` | 'commit' | 'end';
type RunStep = `${Stage}${'' | '-inline'}${'' | '-watched'}`;

export interface JobState {
  readonly jobId: JobId | '';
  readonly next: NextStep;
  /** Key of the items of the next Distributed Map; empty if the next step is another one. */
  readonly items: string;
  /** The items of the next inline Map: only indexes, because they are part of the state. */
  readonly tasks: readonly TaskItem[];
  /** How many tasks the next Map runs at once; 0 if the next step is another one. */
  readonly maxConcurrency: number;
  readonly progress: TravellingProgress;
  /** Identifies the code that planned the execution. The steps verify that they run the same. */
  readonly codeHash: string;
}

const round = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
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
 * The part of the progress that is passed from state to state. It has no counts per object, because these might not fit and
 * AWS_BOUNDS does not need them.
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
/** Set by `mapreduce invoke`, never by the state machine. */
const dryRun = v.optional(v.boolean(), false);

/** A file that is still to be uploaded. */
export interface AnnouncedFile {
  readonly key: string;
  readonly sizeBytes: number;
}

/** Input of plan, which is called once per execution. */
export const planEventSchema = v.object({
  input: v.unknown(),
  execution: v.object({ id: v.string(), startTime: timestamp }),
  dryRun,
  /** For a dry run: inputs that are still to be uploaded. */
  announced: v.optional(v.array(v.object({ key: v.string(), sizeBytes: v.number() })), []),
});

/** Input of the barriers and of commit, which are called once per round. */
export const stepEventSchema = v.object({
  jobId: jobIdSchema,
  progress: progressSchema,
  codeHash: v.string(),
  execution: v.object({ id: v.string(), startTime: timestamp }),
});

/** How often the function died while it ran this task in this child execution, and the last reported error. */
const died = { deaths: v.optional(round, 0), death: v.optional(deathSchema, {}) };

/** Input of map, which is called once per attempt. */
export const mapEventSchema = v.object({
  jobId: jobIdSchema,
  /** How many attempts failed since this child execution began, or since the last death. */
  retry: v.optional(v.number(), 0),
  item: v.object({
    index: round,
    /** Absent if they are stored with the settings, or, if there are too many, next to the plan. */
    pieces: v.optional(v.array(v.unknown())),
  }),
  backup: v.optional(v.boolean(), false),
  ...died,
  dryRun,
});

/** Input of reduce, which is called once per attempt. */
export const reduceEventSchema = v.object({
  jobId: jobIdSchema,
  retry: v.optional(v.number(), 0),
  item: v.object({ index: round }),
  backup: v.optional(v.boolean(), false),
  ...died,
  dryRun,
});

/** Input of failure, which is called once per failed execution. */
export const failureEventSchema = v.object({
  /** Absent, or empty, before there is a plan. */
  jobId: v.optional(v.union([v.literal(''), jobIdSchema]), ''),
  error: v.object({ Error: v.optional(v.string(), 'Unknown'), Cause: v.optional(v.string(), '') }),
  execution: v.object({ id: v.string(), startTime: timestamp, input: v.unknown() }),
});

/** What `mapreduce submit --dry-run` gets of a job that it does not start. */
export interface DryPlan {
  readonly dryRun: true;
  readonly files: number;
  readonly bytes: number;
  /** What may not fit the deployment. */
  readonly notices: readonly string[];
  readonly estimate: JobEstimate;
}

/** The outcome of an attempt that a user started with `mapreduce invoke`. It commits nothing. */
export interface DryRun {
  readonly dryRun: true;
  readonly elapsedMs: number;
  /** Present if the attempt succeeded. */
  readonly result?: TaskResult;
  /** Present if the attempt failed. */
  readonly error?: SerializedError;
}

/** Returns only the outcome of a dry run, because the results of 10,000 children would not fit into one state. */
export function forHand(result: TaskResult | DryRun | undefined): DryRun | undefined {
  return result !== undefined && 'dryRun' in result ? result : undefined;
}

export interface TaskItem {
  readonly index: number;
}

export interface MapItem extends TaskItem {
  readonly pieces?: readonly SplitPiece[];
}

/** Each child returns `{}`. This many of them, with commas, fit into the 256 KiB of the state that collects them. */
export const TASKS_PER_STAGE_MAX = 80_000;

/**
 * An item is part of the state of a child execution, and the pieces of a small stage are part of the settings. Longer lists
 * of pieces have objects of their own.
 */
export const ITEM_BYTES_MAX = 16 * 1024;
