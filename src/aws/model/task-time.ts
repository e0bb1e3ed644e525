/**
 * How long a task takes: phases that follow one another, and then what nothing hides. A phase takes as long as the slowest of
 * its CPU, what it receives, what it sends, and the requests that S3 answers at its rate.
 *
 *     map     | read, map, sort | merge spills, send full parts | last part | latencies |
 *     reduce  | copy cells      | merge, send full parts        | last part | latencies |
 */
import { MiB } from '../../base/limits.ts';
import { cpusOf } from './facts.ts';
import { type Point, waysOf } from './point.ts';
import { firstSecondBytes, transferSeconds } from './stage-time.ts';

/** Of one task, unless it says otherwise. */
export interface Phase {
  /** On the machine of CPU_FACTS, without the requests. */
  readonly cpuSeconds?: number;
  readonly receivedBytes?: number;
  /** Without the last part of an object, which is sent when everything else is done. */
  readonly sentBytes?: number;
  readonly gets?: number;
  /** GETs in flight. */
  readonly openRanges?: number;
  /** Written to /tmp and read again. */
  readonly scratchBytes?: number;
  /** GETs and HEADs of all tasks of the stage. */
  readonly stageReads: number;
}

/** CPU of the S3 client: a GET costs about 1 ms (s3-read-ahead.ts), a MiB received or sent 2 ms (s3-upload.ts). */
const GET_CPU_SECONDS = 0.001;
const MIB_CPU_SECONDS = 0.002;
/** Parts of an upload that are sent while the next one is filled: s3-upload-memory.ts. */
const PARTS_IN_FLIGHT = 2;

/** How long a phase takes if S3 answers at once, and which part of its reads falls into the busiest second. */
export function phaseTime(point: Point, phase: Phase): { seconds: number; busiestFraction: number } {
  const { deployment, constants } = point;
  const { Lambda, S3 } = constants;
  const {
    cpuSeconds = 0,
    receivedBytes = 0,
    sentBytes = 0,
    gets = 0,
    openRanges = 1,
    scratchBytes = 0,
  } = phase;
  const core = Lambda.cpuFraction * Math.min(1, cpusOf(deployment.taskMemoryMb));
  const movedMiB = (receivedBytes + sentBytes) / MiB;
  const cpu = (cpuSeconds + gets * GET_CPU_SECONDS + movedMiB * MIB_CPU_SECONDS) / core;
  const network = {
    burstBytes: Lambda.networkBurstBytes,
    burstBytesPerSecond: Lambda.networkBurstBytesPerSecond,
    bytesPerSecond: Lambda.networkBytesPerSecond,
  };
  const rangeBytes = gets === 0 ? 0 : receivedBytes / gets;
  const rangeSeconds = S3.getFirstByteMsMedian / 1000 + rangeBytes / S3.bytesPerSecondOfConnection;
  const ranges = (gets * rangeSeconds) / openRanges;
  const sent = Math.max(
    transferSeconds(sentBytes, network),
    sentBytes / (PARTS_IN_FLIGHT * S3.bytesPerSecondOfConnection),
  );
  const moving = Math.max(cpu, ranges, sent);
  return {
    seconds:
      Math.max(moving, transferSeconds(receivedBytes, network)) +
      (2 * scratchBytes) / Lambda.scratchBytesPerSecond,
    // The network is fastest at first.
    busiestFraction: Math.min(
      1 / Math.max(1, moving),
      firstSecondBytes(network) / Math.max(1, receivedBytes),
    ),
  };
}

/** Bytes of an object that are sent when all of it is there: its last part, or all of an object that is one PUT. */
export function lastPartBytes(point: Point, objectBytes: number): number {
  const partBytes = waysOf(point).partBytes(point.deployment.taskMemoryMb);
  return objectBytes <= partBytes ? objectBytes : objectBytes % partBytes || partBytes;
}

/**
 * From the moment when all of an object is there until S3 has it. The last full part is still being sent if little follows
 * it; each part has a connection.
 *
 * @param writingSeconds  how long it took to make the object
 */
export function tailSeconds(point: Point, objectBytes: number, writingSeconds: number): number {
  if (objectBytes === 0) return 0;
  const { bytesPerSecondOfConnection } = point.constants.S3;
  const lastBytes = lastPartBytes(point, objectBytes);
  const fullBytes = Math.min(objectBytes - lastBytes, waysOf(point).partBytes(point.deployment.taskMemoryMb));
  const sinceFullSeconds = (writingSeconds * lastBytes) / objectBytes;
  return Math.max(
    lastBytes / bytesPerSecondOfConnection,
    fullBytes / bytesPerSecondOfConnection - sinceFullSeconds,
  );
}

/** What nothing hides: the start, the first bytes of the settings and of the input, the commit, which may be of an upload. */
export function latencySeconds(
  { constants: { Lambda, S3 } }: Point,
  { writes, hasSummary }: { writes: number; hasSummary: boolean },
): number {
  const commitMs = writes > 1 ? S3.putMsMedian + S3.completeMsMedian : S3.putMsMedian;
  // The summary of a large part is an object of its own; then comes a look for a cancellation.
  const summaryMs = hasSummary ? S3.putMsMedian + S3.headMsMedian : 0;
  return (Lambda.warmInvokeMs + 2 * S3.getFirstByteMsMedian + summaryMs + commitMs) / 1000;
}
