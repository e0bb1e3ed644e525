/**
 * An estimate of what a job has cost: what it used, times a table of prices. It omits stored bytes, logs, traces, keys
 * of KMS, data that leaves the region, failed uploads, the upload of the input, the requests of `wait` and the like (two or
 * three listings, every three seconds of a long job), and free tiers.
 */

import { GiB } from '../../base/limits.ts';
import type { StageReport } from '../../report/report.ts';
import { S3_LIST_PAGE_KEYS_MAX } from '../../storage/s3/s3-limits.ts';
import { WATCH_SECONDS_MAX, WATCH_SECONDS_MIN } from '../protocol/watch-state.ts';
import { LAMBDA_FACTS } from './facts.ts';
import type { Prices } from './prices.ts';

export interface Usage {
  readonly invocations: number;
  readonly gbSeconds: number;
  /** Of /tmp, without what is free. */
  readonly scratchGbSeconds: number;
  /** Whether the time of each child is unknown. Then as many as may run at once count for as long as the stage took. */
  readonly isUpperBound: boolean;
  readonly transitions: number;
  readonly expressExecutions: number;
  /** By executions of 64 MB. */
  readonly expressSeconds: number;
  readonly s3Writes: number;
  readonly s3Reads: number;
}

export interface Cost {
  readonly functions: number;
  readonly coordination: number;
  readonly storageRequests: number;
  readonly total: number;
}

const EXPRESS_GB = 64 / 1024;

export function costOf(usage: Usage, prices: Prices): Cost {
  const functions =
    usage.gbSeconds * prices.gbSecond +
    usage.scratchGbSeconds * prices.scratchGbSecond +
    usage.invocations * prices.invocation;
  const coordination =
    usage.transitions * prices.transition +
    usage.expressExecutions * prices.expressExecution +
    usage.expressSeconds * EXPRESS_GB * prices.expressGbSecond;
  const storageRequests = usage.s3Writes * prices.s3Write + usage.s3Reads * prices.s3Read;
  return { functions, coordination, storageRequests, total: functions + coordination + storageRequests };
}

/** What Lambda charges for in each second of a function. */
export function chargedScratchGb(scratchBytes: number): number {
  return Math.max(0, scratchBytes - LAMBDA_FACTS.scratchFreeBytes.value) / GiB;
}

export interface WatchUsage extends Pick<Usage, 'transitions' | 's3Writes' | 's3Reads'> {
  readonly looks: number;
  /** Time of its function. */
  readonly seconds: number;
}

/** Assumed, not measured on AWS: a listing or a few, and three HEADs at once. */
const LOOK_SECONDS = 0.5;
/** The states Wait, Look, WhatNow, and Backups or Done. */
const LOOK_TRANSITIONS = 4;
/** Looks for a failure, a cancel, and the end of the job. */
const LOOK_READS = 3;

/**
 * Usage of the machine that looks for stragglers (infra/machine/watch-definition.ts). The job's own execution does not
 * show it.
 */
export function watchOf({ tasks, wallMs }: Pick<StageReport, 'tasks' | 'wallMs'>): WatchUsage {
  let looks = 0;
  let waitSeconds = WATCH_SECONDS_MIN;
  // The last check is the one that finds that the stage has ended.
  for (let seconds = 0; looks === 0 || seconds < wallMs / 1000; looks++) {
    seconds += waitSeconds;
    waitSeconds = Math.min(WATCH_SECONDS_MAX, waitSeconds + 1);
  }
  return {
    looks,
    seconds: looks * LOOK_SECONDS,
    transitions: looks * LOOK_TRANSITIONS,
    s3Writes: looks * Math.ceil(tasks / S3_LIST_PAGE_KEYS_MAX),
    s3Reads: looks * LOOK_READS,
  };
}
