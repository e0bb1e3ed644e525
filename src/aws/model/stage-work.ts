/**
 * The work of one task of a stage (task-time.ts), and so the time of the stage. All tasks of a stage share the rate of S3;
 * above it, they wait, and waiting functions are billed.
 */
import type { Stage } from '../../base/ids.ts';
import { LIMITS, MiB } from '../../base/limits.ts';
import { sumOf } from '../../base/sum.ts';
import { S3_LIMITS } from '../../storage/s3/s3-limits.ts';
import { isLargeRegion, LAMBDA_FACTS } from './facts.ts';
import { memoryBudgetBytes } from './function-memory.ts';
import { isInline, type Point, waysOf } from './point.ts';
import { cellCopiesAtOnce, openCellsMax } from './reads.ts';
import { slowestFactor } from './slowest.ts';
import { requestSeconds, runSeconds, startRate } from './stage-time.ts';
import { lastPartBytes, latencySeconds, type Phase, phaseTime, tailSeconds } from './task-time.ts';
import type { Volumes } from './volumes.ts';

export interface EvaluatedStage {
  readonly stage: Stage;
  readonly tasks: number;
  readonly taskSeconds: number;
  /** How long a task would take if S3 answered at once. */
  readonly freeTaskSeconds: number;
  readonly seconds: number;
  readonly gbSeconds: number;
  /** In the busiest second, if S3 answered at once. */
  readonly peakReadsPerSecond: number;
  readonly peakWritesPerSecond: number;
  /** If Step Functions started tasks as fast as they end. */
  readonly transitionsPerSecond: number;
  /** Whether its tasks are iterations of an inline Map. */
  readonly isInline: boolean;
  /** What the largest task keeps in /tmp. */
  readonly scratchBytes: number;
}

export function mapStage(point: Point, volumes: Volumes): EvaluatedStage {
  const { job, traits, deployment } = point;
  const { maps, inputGets } = job;
  const isMapOnly = job.reducers === 0;
  const largest = Math.max(1, job.largestSplitBytes);
  const written = isMapOnly
    ? volumes.outputBytes * (volumes.largestPlainBytes / Math.max(1, volumes.plainBytes))
    : volumes.largestShuffleBytes;
  const buffer = memoryBudgetBytes(deployment.taskMemoryMb * MiB) * LIMITS.sortBufferFraction;
  // Without a combiner, what a map emits is about as large as what it reads.
  const spills = !isMapOnly && written > volumes.largestPlainBytes * SPILLS_FROM_RATIO && largest > buffer;
  const sentBytes = written - lastPartBytes(point, written);
  const reading: Phase = {
    cpuSeconds:
      volumes.largestPlainBytes / traits.mapBytesPerSecond +
      (job.largestSplitCompressedBytes * traits.inflation) / point.constants.CPU.gunzipBytesPerSecond,
    receivedBytes: largest,
    gets: job.largestSplitGets,
    openRanges: OPEN_RANGES_OF_STREAM,
    stageReads: inputGets + 2 * maps,
  };
  const scratchBytes = spills ? written : 0;
  const merging = { cpuSeconds: spills ? written / traits.reduceBytesPerSecond : 0, sentBytes, scratchBytes };
  return stageOf(point, {
    stage: 'map',
    tasks: maps,
    // A map-only task writes while it reads; others have read everything before they write.
    phases: isMapOnly ? [{ ...reading, sentBytes }] : [reading, { ...merging, stageReads: 0 }],
    writtenBytes: written,
    writes: writesOf(point, written),
    hasSummary: isMapOnly && written > LIMITS.partBufferBytes,
    scratchBytes,
    meanFraction: job.inputBytes / Math.max(1, maps) / largest,
  });
}

export function reduceStage(point: Point, volumes: Volumes): EvaluatedStage {
  const { job, traits, deployment } = point;
  const { reducers } = job;
  const cells = Math.round(volumes.cells / reducers);
  const { known } = point;
  const skew = skewOf(point, volumes);
  const received = (volumes.shuffleBytes / reducers) * skew;
  const sent = (volumes.outputBytes / reducers) * skew;
  const ways = waysOf(point);
  const gets =
    known === undefined
      ? ways.cellGets({ cells, cellBytes: volumes.cellBytes }, deployment.taskMemoryMb)
      : known.cellGets / reducers;
  const staged = ways.stagedBytes({ cells, cellBytes: volumes.cellBytes }, deployment.taskMemoryMb) * skew;
  const open = openCellsMax(Math.max(1, cells), deployment.taskMemoryMb);
  // Cells that do not fit are first merged, through /tmp, until as many are left as fit.
  const surplus = Math.max(0, cells - open);
  const merged = surplus === 0 ? 0 : Math.min(1, (surplus + Math.ceil(surplus / (open - 1))) / cells);
  const copying: Phase = {
    receivedBytes: received,
    gets,
    openRanges: cellCopiesAtOnce(volumes.cellBytes, deployment.taskMemoryMb),
    scratchBytes: staged,
    stageReads: reducers * gets,
  };
  const streaming = {
    receivedBytes: received,
    gets,
    openRanges: Math.min(S3_LIMITS.requestsInFlightMax, 2 * Math.max(1, Math.min(open, cells))),
    stageReads: reducers * (gets + OTHER_READS_OF_REDUCER),
  };
  const merging: Phase = {
    ...(staged > 0 ? { stageReads: reducers * OTHER_READS_OF_REDUCER } : streaming),
    cpuSeconds: ((1 + merged) * received) / traits.reduceBytesPerSecond,
    sentBytes: sent - lastPartBytes(point, sent),
    scratchBytes: Math.max(0, merged * received - staged),
  };
  return stageOf(point, {
    stage: 'reduce',
    tasks: reducers,
    phases: staged > 0 ? [copying, merging] : [merging],
    writtenBytes: sent,
    writes: writesOf(point, sent),
    hasSummary: sent > LIMITS.partBufferBytes,
    // Cells that are merged are copied one pass at a time, and then removed.
    scratchBytes: Math.max(merged * received, staged),
    meanFraction: 1 / skew,
  });
}

/** The largest partition as a multiple of their mean. */
export function skewOf({ job, traits, known }: Point, { shuffleBytes }: Volumes): number {
  return known === undefined || shuffleBytes === 0
    ? traits.skew
    : (known.largestPartitionBytes * job.reducers) / shuffleBytes;
}

/** The largest task of a stage, and sums over all of them. */
interface Work {
  readonly stage: Stage;
  readonly tasks: number;
  /** One after the other. In the last one, the task makes its object. */
  readonly phases: readonly Phase[];
  /** The size of its object. */
  readonly writtenBytes: number;
  readonly writes: number;
  /** Whether the summary of the task is an object of its own. */
  readonly hasSummary: boolean;
  readonly scratchBytes: number;
  /** The mean task as a fraction of the largest. */
  readonly meanFraction: number;
}

/** A stream has two ranges in flight while the task works on a third. */
const OPEN_RANGES_OF_STREAM = 2;
/** A map task that passes on less than this combines what it emits, in memory. */
const SPILLS_FROM_RATIO = 0.1;
/** An inline Map starts its iterations at once. */
const INLINE_STARTS_PER_SECOND = 400;
/** The index of the shuffle, the settings, and two looks for a cancellation. */
const OTHER_READS_OF_REDUCER = 4;

/** The slowest of so many cold starts. */
function slowestStartSeconds({ constants: { Lambda } }: Point, starts: number): number {
  const { placementMs, initMs } = LAMBDA_FACTS;
  return (
    (Lambda.placementMs * slowestFactor(placementMs, starts) +
      Lambda.initMs * slowestFactor(initMs, starts)) /
    1000
  );
}

function stageOf(point: Point, work: Work): EvaluatedStage {
  const { deployment, constants } = point;
  const { tasks, phases, writes, writtenBytes, scratchBytes } = work;
  const slots = Math.max(1, Math.min(tasks, deployment.maxConcurrency, deployment.accountConcurrency));
  const inline = isInline(tasks, point);
  const { Lambda, S3 } = constants;
  const readRate = { perSecond: S3.getsPerSecond, growthPerSecondSquared: splitGrowth(constants.S3) };
  const share = work.stage === 'reduce' ? waysOf(point).shuffleBuckets : 1;
  const times = phases.map((phase) => {
    const { seconds: freeSeconds, busiestFraction } = phaseTime(point, phase);
    // All reads at the rate of S3 take at least so long; the tasks that run at once share the wait.
    const allSeconds = requestSeconds(phase.stageReads / share, readRate);
    const waitSeconds = tasks === 0 ? 0 : (allSeconds * slots) / tasks;
    const readsAtOnce = tasks === 0 ? 0 : (slots * phase.stageReads) / tasks;
    return { freeSeconds, waitSeconds, peakReads: readsAtOnce * busiestFraction };
  });
  const tail = tailSeconds(point, writtenBytes, times.at(-1)!.freeSeconds);
  const latency = latencySeconds(point, work);
  const freeTaskSeconds = sumOf(times, ({ freeSeconds }) => freeSeconds) + tail + latency;
  const busy =
    sumOf(times, ({ freeSeconds, waitSeconds }) => Math.max(freeSeconds, waitSeconds)) + tail + latency;
  const run = runSeconds({
    tasks,
    slots,
    taskSeconds: busy,
    startsPerSecond: startRate(slots, {
      startsPerSecond: inline ? INLINE_STARTS_PER_SECOND : childStarts(point),
      burst: Lambda.scaleUpEnvironments,
      perSecond: Lambda.scaleUpEnvironments / Lambda.scaleUpSeconds,
    }),
  });
  // The plan function has woken one environment.
  const isAwake = tasks === 1 && waysOf(point).wakes;
  const cold = isAwake ? 0 : slowestStartSeconds(point, slots);
  const { mapRunStartSeconds, mapRunEndSeconds, transitionMs } = constants['Step Functions'];
  const around = inline ? (2 * transitionMs) / 1000 : mapRunStartSeconds + mapRunEndSeconds;
  const mean =
    sumOf(times, ({ freeSeconds, waitSeconds }) => Math.max(freeSeconds * work.meanFraction, waitSeconds)) +
    tail * work.meanFraction +
    latency;
  return {
    stage: work.stage,
    tasks,
    taskSeconds: busy,
    freeTaskSeconds,
    seconds: tasks === 0 ? 0 : around + cold + run * Lambda.stragglerFactor,
    gbSeconds: ((tasks * mean + (slots * Lambda.initMs) / 1000) * deployment.taskMemoryMb) / 1_024,
    peakReadsPerSecond: Math.max(...times.map(({ peakReads }) => peakReads)),
    peakWritesPerSecond: (slots * writes) / freeTaskSeconds,
    transitionsPerSecond: inline || deployment.isExpress ? 0 : (2 * slots) / busy,
    isInline: inline,
    scratchBytes,
  };
}

/** How much faster S3 gets each second while it splits a prefix under load. */
function splitGrowth(s3: Point['constants']['S3']): number {
  return (s3.getsPerSecondAfterSplits - s3.getsPerSecond) / s3.splitsSeconds;
}

/** A child of a Map Run is two transitions. */
function childStarts({ constants, deployment }: Point): number {
  const { childStartsPerSecond, ...sfn } = constants['Step Functions'];
  const transitions = isLargeRegion(deployment.region)
    ? sfn.transitionsPerSecondLargeRegion
    : sfn.transitionsPerSecondElsewhere;
  return deployment.isExpress ? childStartsPerSecond : Math.min(childStartsPerSecond, transitions / 2);
}

function writesOf(point: Point, bytes: number): number {
  return waysOf(point).objectWrites(bytes, point.deployment.taskMemoryMb);
}
