/** What the watch machine hands from look to look. */
import * as v from 'valibot';
import { STAGES } from '../../base/ids.ts';
import { jobIdSchema } from '../../base/schemas.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const watchEventSchema = v.object({
  jobId: jobIdSchema,
  stage: v.picklist(STAGES),
  /** When the stage began. */
  startedAt: v.string(),
  waitSeconds: count,
  looks: count,
  committed: count,
  /** Milliseconds after the stage began. */
  lastProgressMs: count,
  /** Of the first look that saw most tasks committed; 0 before that. */
  mostCommittedMs: count,
});

export type WatchEvent = v.InferOutput<typeof watchEventSchema>;

export interface WatchState extends WatchEvent {
  readonly done: boolean;
  /** Tasks to be given to another worker as well. Few: they go through the state. */
  readonly backups: readonly { readonly index: number }[];
}

/** A stage of fewer tasks is not watched: there is no telling what is slow. */
export const WATCHED_TASKS_MIN = 4;
export const WATCH_SECONDS_MIN = 3;
export const WATCH_SECONDS_MAX = 15;
/** More tasks than this part of a stage are no stragglers, they are what the job is like. */
export const BACKUPS_FRACTION_MAX = 0.1;
/** At once, since they go through one state. */
export const BACKUPS_PER_LOOK_MAX = 100;
/**
 * A watch ends in any case: after so many looks (four hours of one stage), or when nothing has committed for two time
 * limits of Lambda. Each look is 13 events of a history that ends at 25,000.
 */
export const LOOKS_MAX = 1_000;
export const WATCH_PATIENCE_MS = 30 * 60_000;
