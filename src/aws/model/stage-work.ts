/**
 * The work of one task of a stage, and so the time of the stage. A task takes as long as the slowest of three: its CPU,
 * what it receives, what it sends; and then some latencies, which nothing hides. All tasks of a stage share the rate of
 * S3; above it, they wait, and waiting functions are billed.
 */
import type { Stage } from '../../base/ids.ts';
import { LIMITS, MiB } from '../../base/limits.ts';
import { S3_LIMITS } from '../../storage/s3/s3-limits.ts';
import { cpusOf, isLargeRegion } from './facts.ts';
import { memoryBudgetBytes } from './function-memory.ts';
import { isInline, type Point, waysOf } from './point.ts';
import { openCellsMax, stagedBytes } from './reads.ts';
import { requestSeconds, runSeconds, startRate, transferSeconds } from './stage-time.ts';
import type { Volumes } from './volumes.ts';

export interface EvaluatedStage {
  readonly stage: Stage;
  readonly tasks: number;
  readonly taskSeconds: number;
  /** How long a task would take if S3 answered at once. */
  readonly freeTaskSeconds: number;
  readonly seconds: number;
  readonly gbSeconds: number;
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
  return stageOf(point, {
    stage: 'map',
    tasks: maps,
    cpuSeconds:
      volumes.largestPlainBytes / traits.mapBytesPerSecond +
      (job.largestSplitCompressedBytes * traits.inflation) / point.constants.CPU.gunzipBytesPerSecond +
      (spills ? written / traits.reduceBytesPerSecond : 0),
    receivedBytes: largest,
    sentBytes: written,
    gets: job.largestSplitGets,
    openRanges: OPEN_RANGES_OF_STREAM,
    writes: writesOf(point, written),
    scratchBytes: spills ? written : 0,
    reads: inputGets + 2 * maps,
    meanFraction: job.inputBytes / Math.max(1, maps) / largest,
  });
}

export function reduceStage(point: Point, volumes: Volumes): EvaluatedStage {
  const { job, traits, deployment } = point;
  const { reducers } = job;
  const cells = Math.round(volumes.cells / reducers);
  const { known } = point;
  const mean = volumes.shuffleBytes / reducers;
  const skew = known === undefined || mean === 0 ? traits.skew : known.largestPartitionBytes / mean;
  const received = mean * skew;
  const sent = (volumes.outputBytes / reducers) * skew;
  const ways = waysOf(point);
  const gets =
    known === undefined
      ? ways.cellGets({ cells, cellBytes: volumes.cellBytes }, deployment.taskMemoryMb)
      : known.cellGets / reducers;
  const staged = stagedBytes({ cells, cellBytes: volumes.cellBytes }, deployment.taskMemoryMb) * skew;
  const open = openCellsMax(Math.max(1, cells), deployment.taskMemoryMb);
  // Cells that do not fit are first merged, through /tmp, until as many are left as fit.
  const surplus = Math.max(0, cells - open);
  const merged = surplus === 0 ? 0 : Math.min(1, (surplus + Math.ceil(surplus / (open - 1))) / cells);
  return stageOf(point, {
    stage: 'reduce',
    tasks: reducers,
    cpuSeconds: ((1 + merged) * received) / traits.reduceBytesPerSecond,
    receivedBytes: received,
    sentBytes: sent,
    gets,
    openRanges: Math.min(S3_LIMITS.requestsInFlightMax, 2 * Math.max(1, Math.min(open, cells))),
    writes: writesOf(point, sent),
    // Cells that are merged are copied one pass at a time, and then removed.
    scratchBytes: Math.max(merged * received, staged),
    reads: reducers * (gets + 4),
    meanFraction: 1 / skew,
  });
}

/** The largest task of a stage, and sums over all of them. */
interface Work {
  readonly stage: Stage;
  readonly tasks: number;
  /** On the machine of CPU_FACTS, without the requests. */
  readonly cpuSeconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly gets: number;
  /** GETs in flight. */
  readonly openRanges: number;
  readonly writes: number;
  readonly scratchBytes: number;
  /** GETs and HEADs of all tasks. */
  readonly reads: number;
  /** The mean task as a fraction of the largest. */
  readonly meanFraction: number;
}

/** A stream has two ranges in flight while the task works on a third. */
const OPEN_RANGES_OF_STREAM = 2;
/** A map task that passes on less than this combines what it emits, in memory. */
const SPILLS_FROM_RATIO = 0.1;
/** An inline Map starts its iterations at once. */
const INLINE_STARTS_PER_SECOND = 400;
/** CPU of the S3 client: a GET costs about 1 ms (s3-read-ahead.ts), a MiB received or sent 2 ms (s3-upload.ts). */
const GET_CPU_SECONDS = 0.001;
const MIB_CPU_SECONDS = 0.002;

function stageOf(point: Point, work: Work): EvaluatedStage {
  const { deployment, constants } = point;
  const { tasks, reads, writes, scratchBytes } = work;
  const slots = Math.max(1, Math.min(tasks, deployment.maxConcurrency, deployment.accountConcurrency));
  const freeTaskSeconds = taskSeconds(point, work);
  const inline = isInline(tasks, point);
  const { Lambda, S3 } = constants;
  const readRate = { perSecond: S3.getsPerSecond, growthPerSecondSquared: splitGrowth(constants.S3) };
  const share = work.stage === 'reduce' ? waysOf(point).shuffleBuckets : 1;
  // All reads at the rate of S3 take at least so long; the tasks that run at once share the wait.
  const throttled = requestSeconds(reads / share, readRate);
  const perTask = tasks === 0 ? 0 : (throttled * slots) / tasks;
  const busy = Math.max(freeTaskSeconds, perTask);
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
  const cold = (Lambda.placementMs + Lambda.initMs) / 1000;
  const { mapRunStartSeconds, mapRunEndSeconds, transitionMs } = constants['Step Functions'];
  const around = inline ? (2 * transitionMs) / 1000 : mapRunStartSeconds + mapRunEndSeconds;
  const mean = Math.max(perTask, freeTaskSeconds * work.meanFraction);
  return {
    stage: work.stage,
    tasks,
    taskSeconds: busy,
    freeTaskSeconds,
    seconds: tasks === 0 ? 0 : around + cold + run * Lambda.stragglerFactor,
    gbSeconds: ((tasks * mean + (slots * Lambda.initMs) / 1000) * deployment.taskMemoryMb) / 1_024,
    peakReadsPerSecond: tasks === 0 ? 0 : (slots * reads) / tasks / freeTaskSeconds,
    peakWritesPerSecond: (slots * writes) / freeTaskSeconds,
    transitionsPerSecond: inline || deployment.isExpress ? 0 : (2 * slots) / busy,
    isInline: inline,
    scratchBytes,
  };
}

function taskSeconds(point: Point, work: Work): number {
  const { deployment, constants } = point;
  const { Lambda, S3 } = constants;
  const core = Lambda.cpuFraction * Math.min(1, cpusOf(deployment.taskMemoryMb));
  const movedMiB = (work.receivedBytes + work.sentBytes) / MiB;
  const cpu = (work.cpuSeconds + work.gets * GET_CPU_SECONDS + movedMiB * MIB_CPU_SECONDS) / core;
  const network = {
    burstBytes: Lambda.networkBurstBytes,
    burstBytesPerSecond: Lambda.networkBurstBytesPerSecond,
    bytesPerSecond: Lambda.networkBytesPerSecond,
  };
  const rangeBytes = work.gets === 0 ? 0 : work.receivedBytes / work.gets;
  const rangeSeconds = S3.getFirstByteMsMedian / 1000 + rangeBytes / S3.bytesPerSecondOfConnection;
  const received = Math.max(
    transferSeconds(work.receivedBytes, network),
    (work.gets * rangeSeconds) / work.openRanges,
  );
  const scratch = (2 * work.scratchBytes) / Lambda.scratchBytesPerSecond;
  // Looking for a cancellation; the first byte; the commit, of an upload in two requests.
  const commitMs = work.writes > 1 ? S3.putMsMedian + S3.completeMsMedian : S3.putMsMedian;
  const latency = (Lambda.warmInvokeMs + S3.headMsMedian + S3.getFirstByteMsMedian + commitMs) / 1000;
  return Math.max(cpu, received, transferSeconds(work.sentBytes, network)) + scratch + latency;
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
