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
import { WOKEN_FUNCTIONS } from '../protocol/wake.ts';
import { WATCHED_TASKS_MIN } from '../protocol/watch-state.ts';
import { chargedScratchGb, watchOf } from './cost.ts';
import { isInline, type Point, waysOf } from './point.ts';
import { type RequestRow, type RequestShape, requestRows } from './requests.ts';
import { type EvaluatedStage, mapStage, reduceStage, skewOf } from './stage-work.ts';
import { STEPS, stepTime, TRANSITIONS } from './step-time.ts';
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
  const steps = stepTime(point);
  const kind = job.reducers === 0 ? 'mapOnly' : 'reduced';
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
  const otherSeconds =
    (job.startedBy !== 'command' ? constants.EventBridge.deliveryMs / 1000 : 0) +
    sumOf(stages, (stage) => stage.seconds);
  const stepSeconds = steps.busySeconds + (STEPS[kind] * constants.Lambda.initMs) / 1000;
  return {
    stages,
    seconds: otherSeconds + steps.seconds,
    successSeconds: otherSeconds + steps.successSeconds,
    gbSeconds: taskGbSeconds + (stepSeconds + watchSeconds) * stepGb + idleStartsGbSeconds(point),
    scratchGbSeconds:
      ((taskGbSeconds * 1_024) / deployment.taskMemoryMb) * chargedScratchGb(deployment.scratchBytes),
    invocations: tasks + STEPS[kind] + looks + (waysOf(point).wakes ? WOKEN_FUNCTIONS.length : 0),
    transitions:
      TRANSITIONS[kind] +
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

/** What starts for nothing: a map-only job has no reduce stage, and wakes its functions all the same. */
function idleStartsGbSeconds(point: Point): number {
  const { job, deployment, constants } = point;
  if (job.reducers > 0 || !waysOf(point).wakes) return 0;
  return ((constants.Lambda.initMs / 1000) * (deployment.taskMemoryMb + deployment.stepMemoryMb)) / 1_024;
}

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
