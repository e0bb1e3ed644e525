/**
 * The time of the functions that plan, verify and commit, and of the states around them. Requests that do not need each
 * other's answers are sent together, so only the longest of them counts: docs/s3-requests.md.
 *
 *     Plan   placement | INIT | invocation | requests            the others: invocation | requests
 *                                   | wakes: placement | INIT |
 *
 * The plan function wakes the others while it works, and waits for the one that is next. The later ones have more time.
 */
import { LIMITS } from '../../base/limits.ts';
import { S3_LIST_PAGE_KEYS_MAX } from '../../storage/s3/s3-limits.ts';
import { WAKE_MS_MAX } from '../protocol/wake.ts';
import { type Point, waysOf } from './point.ts';

export interface StepTime {
  readonly seconds: number;
  /** Until the result is complete. */
  readonly successSeconds: number;
  /** While the functions run, without INIT. */
  readonly busySeconds: number;
}

/** Functions that a job calls once each: plan, barriers, commit. */
export const STEPS = { mapOnly: 3, reduced: 4 } as const;
/** States of the job's own execution: Plan, Map, MapBarrier, Commit with the choices after them, and Done; the same for reduce. */
export const TRANSITIONS = { mapOnly: 8, reduced: 11 } as const;
/** A choice, and Done. */
const STATES_AFTER_COMMIT = 2;

export function stepTime(point: Point): StepTime {
  const { Lambda, 'Step Functions': states } = point.constants;
  const kind = point.job.reducers === 0 ? 'mapOnly' : 'reduced';
  const startMs = Lambda.placementMs + Lambda.initMs;
  const { wakes } = waysOf(point);
  const planMs = Math.max(
    planRequestsMs(point),
    wakes ? Math.min(WAKE_MS_MAX, Lambda.warmInvokeMs + startMs) : 0,
  );
  const afterSuccessMs = afterSuccessRequestsMs(point);
  const busyMs = planMs + barrierRequestsMs(point) + commitRequestsMs(point) + afterSuccessMs;
  const startsMs = (wakes ? 1 : STEPS[kind]) * startMs + STEPS[kind] * Lambda.warmInvokeMs;
  const totalMs = startsMs + busyMs + TRANSITIONS[kind] * states.transitionMs;
  return {
    seconds: totalMs / 1000,
    successSeconds: (totalMs - afterSuccessMs - STATES_AFTER_COMMIT * states.transitionMs) / 1000,
    busySeconds: busyMs / 1000,
  };
}

const pagesOf = (keys: number) => Math.max(1, Math.ceil(keys / S3_LIST_PAGE_KEYS_MAX));

/** As many at once as the step has in flight. */
function planRequestsMs({ job, constants: { S3 } }: Point): number {
  const looks =
    Math.ceil(job.lookedFiles / LIMITS.inputLooksMax) + Math.ceil(job.sampleGets / LIMITS.sampleReadsMax);
  const inputLists = job.inputNames.prefixes === 0 ? 0 : Math.ceil(job.files / S3_LIST_PAGE_KEYS_MAX);
  const gets = looks + (job.startedBy === 'request' ? 1 : 0);
  return (
    gets * S3.getFirstByteMsMedian +
    S3.headMsMedian +
    // Of the input and of the output.
    (inputLists + 1) * S3.listMsMedian +
    // The request, the claim, the plan, the settings.
    4 * S3.putMsMedian
  );
}

function barrierRequestsMs({ job, constants: { S3 } }: Point): number {
  const heads = (parts: number) => Math.ceil(parts / LIMITS.barrierReadsMax) * S3.headMsMedian;
  // The plan, and with it the results of the barrier before; then the result.
  const around = S3.getFirstByteMsMedian + S3.putMsMedian;
  if (job.reducers === 0) return around + heads(job.maps);
  const footersMs = Math.ceil(job.maps / LIMITS.barrierReadsMax) * S3.getFirstByteMsMedian;
  const indexMs = S3.putMsMedian;
  const mapBarrierMs = around + pagesOf(job.maps) * S3.listMsMedian + footersMs + indexMs;
  return mapBarrierMs + around + heads(job.reducers);
}

/** The plan; the claim, the results of the barriers, then the parts; the report and what is beside it; _SUCCESS. */
function commitRequestsMs({ job, constants: { S3 } }: Point): number {
  const lists = pagesOf(job.reducers === 0 ? job.maps : job.reducers);
  return 2 * S3.getFirstByteMsMedian + lists * S3.listMsMedian + 2 * S3.putMsMedian;
}

/** The last look at the claim, and the removal of the intermediates. */
function afterSuccessRequestsMs({ job, constants: { S3 } }: Point): number {
  return S3.getFirstByteMsMedian + pagesOf(job.maps + 1) * (S3.listMsMedian + S3.putMsMedian);
}
