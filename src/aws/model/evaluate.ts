/**
 * The model of a job at one point. estimate.ts evaluates it for the good case, the likely one and the bad one; bench/model
 * varies single constants.
 *
 *     Plan | MapRun start | map tasks in waves | MapRun end | MapBarrier | MapRun start | reduce tasks ... | Commit
 */
import { LIMITS } from '../../base/limits.ts';
import { sumOf } from '../../base/sum.ts';
import { indexReads, shuffleIndexBytes } from '../../shuffle/shuffle-index.ts';
import { footerReads } from '../../shuffle/shuffle-object.ts';
import { chargedRequests } from '../../storage/s3/s3-charges.ts';
import { ATTEMPT_CHECK_MS, ATTEMPT_CHECK_READS } from '../protocol/attempt-checks.ts';
import { WATCHED_TASKS_MIN } from '../protocol/watch-state.ts';
import { chargedScratchGb, watchOf } from './cost.ts';
import { isInline, type Point, waysOf } from './point.ts';
import { type RequestRow, type RequestShape, requestRows } from './requests.ts';
import { type EvaluatedStage, mapStage, reduceStage, skewOf } from './stage-work.ts';
import { type Volumes, volumesOf } from './volumes.ts';

export interface Evaluation {
  readonly stages: readonly EvaluatedStage[];
  readonly seconds: number;
  /** Until the result is complete. Then the job removes its intermediates. */
  readonly successSeconds: number;
  readonly gbSeconds: number;
  /** Of the /tmp of tasks, without what is free. */
  readonly scratchGbSeconds: number;
  readonly invocations: number;
  readonly transitions: number;
  readonly expressExecutions: number;
  readonly expressSeconds: number;
  readonly rows: readonly RequestRow[];
  readonly writes: number;
  readonly reads: number;
  readonly writesByTime: number;
  readonly readsByTime: number;
  readonly shuffleBytes: number;
  readonly outputBytes: number;
}

export function evaluate(point: Point): Evaluation {
  const { job, traits } = point;
  const volumes = volumesOf(job, traits, point.known);
  const stages = [mapStage(point, volumes), ...(job.reducers === 0 ? [] : [reduceStage(point, volumes)])];
  const steps = stepSeconds(point);
  const rows = requestRows(requestShape(point, volumes, stages));
  const exact = chargedRequests(rows.filter(({ byTime }) => byTime === undefined));
  const byTime = chargedRequests(rows.filter((row) => row.byTime));
  const { deployment, constants } = point;
  const watches = stages.filter(({ tasks }) => deployment.backupAttempts && tasks >= WATCHED_TASKS_MIN);
  const watchUse = watches.map(({ tasks, seconds }) => watchOf({ tasks, wallMs: seconds * 1000 }));
  const watchSeconds = sumOf(watchUse, ({ seconds }) => seconds);
  const tasks = sumOf(stages, (stage) => stage.tasks);
  const taskGbSeconds = sumOf(stages, ({ gbSeconds }) => gbSeconds);
  const stepGb = deployment.stepMemoryMb / 1_024;
  const distributed = sumOf(stages, (stage) => (isInline(stage.tasks, point) ? 0 : stage.tasks));
  const looks = sumOf(watchUse, (watch) => watch.looks);
  const seconds =
    (job.startedBy !== 'command' ? constants.EventBridge.deliveryMs / 1000 : 0) +
    steps.billed +
    steps.between +
    sumOf(stages, (stage) => stage.seconds);
  return {
    stages,
    seconds,
    successSeconds: seconds - secondsAfterSuccess(point),
    gbSeconds: taskGbSeconds + (steps.billed + watchSeconds) * stepGb,
    scratchGbSeconds:
      ((taskGbSeconds * 1_024) / deployment.taskMemoryMb) * chargedScratchGb(deployment.scratchBytes),
    invocations: tasks + STEPS[job.reducers === 0 ? 'mapOnly' : 'reduced'] + looks,
    transitions:
      TRANSITIONS[job.reducers === 0 ? 'mapOnly' : 'reduced'] +
      watches.length +
      sumOf(watchUse, ({ transitions }) => transitions) +
      (tasks - distributed) +
      (deployment.isExpress ? 0 : 2 * distributed),
    expressExecutions: deployment.isExpress ? distributed : 0,
    expressSeconds: deployment.isExpress
      ? sumOf(stages, (stage) => (isInline(stage.tasks, point) ? 0 : stage.tasks * stage.taskSeconds))
      : 0,
    rows,
    writes: exact.writes,
    reads: exact.reads,
    writesByTime: byTime.writes,
    readsByTime: byTime.reads,
    shuffleBytes: volumes.shuffleBytes,
    outputBytes: volumes.outputBytes,
  };
}

/** Functions that a job calls once each: plan, barriers, commit. */
const STEPS = { mapOnly: 3, reduced: 4 };
/** States of the job's own execution: Plan, Map, MapBarrier, Commit with the choices after them, and Done; the same for reduce. */
const TRANSITIONS = { mapOnly: 8, reduced: 11 };

/** The time of the functions that plan, verify and commit, and what lies between them. */
function stepSeconds(point: Point): { billed: number; between: number } {
  const { job, constants } = point;
  const { S3, Lambda } = constants;
  const parts = job.reducers === 0 ? job.maps : job.reducers;
  const steps = STEPS[job.reducers === 0 ? 'mapOnly' : 'reduced'];
  // As many at once as the steps have in flight.
  const looks =
    Math.ceil(job.lookedFiles / LIMITS.inputLooksMax) + Math.ceil(job.sampleGets / LIMITS.sampleReadsMax);
  const footers = job.reducers === 0 ? 0 : Math.ceil(job.maps / LIMITS.barrierReadsMax);
  const heads = Math.ceil(parts / LIMITS.barrierReadsMax);
  const lists = Math.ceil(job.files / 1_000) + Math.ceil(job.maps / 1_000) + OTHER_LISTS;
  const billedMs =
    steps * Lambda.initMs +
    (looks + footers + STEP_GETS) * S3.getFirstByteMsMedian +
    (heads + STEP_HEADS) * S3.headMsMedian +
    STEP_PUTS * S3.putMsMedian +
    lists * S3.listMsMedian;
  const betweenMs =
    steps * (Lambda.placementMs + Lambda.warmInvokeMs) +
    TRANSITIONS[job.reducers === 0 ? 'mapOnly' : 'reduced'] * constants['Step Functions'].transitionMs;
  return { billed: billedMs / 1000, between: betweenMs / 1000 };
}

/** The last look at the claim, the removal of the intermediates, and the states after Commit. */
function secondsAfterSuccess({ job, constants }: Point): number {
  const { S3 } = constants;
  const pages = Math.ceil((job.maps + 1) / 1_000);
  const requestsMs = S3.getFirstByteMsMedian + pages * (S3.listMsMedian + S3.putMsMedian);
  return (requestsMs + STATES_AFTER_COMMIT * constants['Step Functions'].transitionMs) / 1000;
}

/** A choice, and Done. */
const STATES_AFTER_COMMIT = 2;

/** Requests of the steps that follow one another: docs/s3-requests.md. */
const STEP_GETS = 8;
const STEP_HEADS = 2;
const STEP_PUTS = 11;
const OTHER_LISTS = 5;

/** The key and the ETag of a shuffle object in the index, for a job id of 32 characters. */
export const INDEX_NAME_BYTES = 100;

function requestShape(point: Point, volumes: Volumes, stages: readonly EvaluatedStage[]): RequestShape {
  const { job, deployment, known } = point;
  const { maps, reducers } = job;
  const [map, reduce] = stages;
  const ways = waysOf(point);
  const parts = reducers === 0 ? maps : reducers;
  const partBytes = parts === 0 ? 0 : volumes.outputBytes / parts;
  const skew = reducers === 0 ? 1 : skewOf(point, volumes);
  // Half of the parts are smaller than the mean, half of them larger: some may be one PUT, and others not.
  const partSizes = skew > 2 ? [partBytes] : [partBytes * (2 - skew), partBytes * skew];
  const meanWrites =
    sumOf(partSizes, (bytes) => ways.objectWrites(bytes, deployment.taskMemoryMb)) / partSizes.length;
  const shuffleBytes = maps === 0 ? 0 : volumes.shuffleBytes / maps;
  const namesBytes = maps * INDEX_NAME_BYTES;
  const environments = (tasks: number) =>
    Math.min(tasks, deployment.maxConcurrency, deployment.accountConcurrency);
  const watched = stages.filter(({ tasks }) => deployment.backupAttempts && tasks >= WATCHED_TASKS_MIN);
  const watches = watched.map(({ tasks, seconds }) => watchOf({ tasks, wallMs: seconds * 1000 }));
  return {
    ...job,
    itemLists: stages.filter(({ tasks }) => !isInline(tasks, point)).length,
    mapEnvironments: environments(maps),
    reduceEnvironments: environments(reducers),
    shuffleWrites: known?.shuffleWrites ?? maps * ways.objectWrites(shuffleBytes, deployment.taskMemoryMb),
    footerGets: maps * footerReads(reducers),
    indexWrites:
      known?.indexWrites ??
      ways.objectWrites(
        shuffleIndexBytes({ maps, partitions: reducers }) + namesBytes,
        deployment.stepMemoryMb,
      ),
    indexGets: known?.indexGets ?? indexReads({ maps, partitions: reducers, namesBytes }),
    cellGets:
      known?.cellGets ??
      reducers *
        ways.cellGets(
          { cells: volumes.cells / Math.max(1, reducers), cellBytes: volumes.cellBytes },
          deployment.taskMemoryMb,
        ),
    partWrites: parts * meanWrites,
    largeParts: partBytes > LIMITS.partBufferBytes ? parts : 0,
    attemptChecks: sumOf([map, reduce], (stage) =>
      stage === undefined ? 0 : stage.tasks * Math.floor((stage.taskSeconds * 1000) / ATTEMPT_CHECK_MS),
    ),
    attemptCheckReads: ATTEMPT_CHECK_READS,
    watchLooks: sumOf(watches, ({ looks }) => looks),
    watchReads: sumOf(watches, ({ s3Reads }) => s3Reads),
    watchLists: sumOf(watches, ({ s3Writes }) => s3Writes),
  };
}
