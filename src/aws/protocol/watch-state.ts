/** The state that the watch machine passes from one look at a stage to the next. */
import * as v from 'valibot';
import { STAGES } from '../../base/ids.ts';
import { jobIdSchema } from '../../base/schemas.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const watchEventSchema = v.object({
  jobId: jobIdSchema,
  stage: v.picklist(STAGES),
  /** ARNs of the versions that the job runs. */
  functions: v.object({ watch: v.string(), task: v.string() }),
  /** When the stage began. */
  startedAt: v.string(),
  waitSeconds: count,
  looks: count,
  committed: count,
  /** Milliseconds after the stage began. */
  lastProgressMs: count,
  /** When a look first found most tasks committed, in milliseconds after the stage began; 0 before that. */
  mostCommittedMs: count,
});

export type WatchEvent = v.InferOutput<typeof watchEventSchema>;

export interface WatchState extends WatchEvent {
  readonly done: boolean;
  /** Tasks that get a backup attempt. There are few, because they are part of the state. */
  readonly backups: readonly { readonly index: number }[];
}

/** A stage with fewer tasks is not watched, because there are too few to judge what is slow. */
export const WATCHED_TASKS_MIN = 4;
export const WATCH_SECONDS_MIN = 3;
export const WATCH_SECONDS_MAX = 15;
/** If more than this fraction of the tasks is slow, they are not stragglers: the job is just slow. */
export const BACKUPS_FRACTION_MAX = 0.1;
/** Bounds the backups of one look, because they are part of one state. */
export const BACKUPS_PER_LOOK_MAX = 100;
/**
 * A watch always ends: after this many looks (four hours of one stage), or if no task has committed for twice the time limit
 * of Lambda. Each look adds 13 events to the history, which holds at most 25,000.
 */
export const LOOKS_MAX = 1_000;
export const WATCH_PATIENCE_MS = 30 * 60_000;
