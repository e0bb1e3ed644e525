/** The bounds of the S3 store. Those of S3 itself are marked; the creator of a store may change the others. */
import { KiB, LIMITS, MiB } from '../../base/limits.ts';

export interface S3Limits {
  /** Attempts of one request before the task fails, including the first one, but not those that S3 throttled. */
  readonly attemptsMax: number;
  /** Before attempt n + 1 the store waits a random fraction of min(backoffMsMax, backoffMsBase * 2^(n-1)). */
  readonly backoffMsBase: number;
  readonly backoffMsMax: number;
  /** A further bound of these pauses, for throttled requests: the rate of the process decreases as well. */
  readonly throttledBackoffMsMax: number;
  /** A throttled request is retried for this long, or until its caller's deadline if that is sooner. */
  readonly throttledMsMax: number;

  /** Further requests wait in the store. Hedged reads are added, within their own bound. */
  readonly requestsInFlightMax: number;
  /** If even the fastest responses to reads take longer than this, fewer requests are in flight. */
  readonly slowReadMs: number;

  /** When S3 throttles a request, the rate of all requests of its kind becomes this fraction of what it was. */
  readonly rateCutFactor: number;
  /** Relative growth of the rate in each second, times the number of seconds since the last throttle plus one. */
  readonly rateGrowthPerSecond: number;
  /** Requests per second: the lowest rate of a process, and the rate above which it is not limited any more. */
  readonly ratePerSecondMin: number;
  readonly ratePerSecondMax: number;
  /** From sending a request to the first byte of its response. */
  readonly answerTimeoutMs: number;
  /** A request with a body gets additional time, by this speed. */
  readonly uploadBytesPerSecondMin: number;
  /** S3 may take minutes to assemble a large object. */
  readonly completeTimeoutMs: number;
  /** A body without a byte for this long is aborted, and a new request continues it. */
  readonly bodyStallMs: number;

  /** A stream reads ranges of this size if memory allows, otherwise of its chunk size. */
  readonly readRangeBytes: number;
  /** Memory that all streams of a store together may use for ranges larger than their chunks. */
  readonly readAheadBytes: number;

  /** An object up to the size of a part is one PUT. The memory for uploads decides the size (s3-upload-memory.ts). */
  readonly partBytesMin: number;
  readonly partBytesMax: number;
  /** Memory for the parts of all uploads of a store, unless there are so many that each needs the smallest part. */
  readonly uploadBytes: number;

  /** Parts of one upload. S3 allows 10,000; other stores with its protocol may allow fewer. */
  readonly partsMax: number;

  /** S3 copies at most this much per request, unless there are too few parts left. */
  readonly copyBytesMax: number;

  /** A second GET is sent if the first is slower than this, or than the percentile of all reads if that is higher. */
  readonly hedgeAfterMsMin: number;
  /** The same while too few reads have been measured for a percentile. */
  readonly hedgeAfterMsAtFirst: number;
  readonly hedgePercentile: number;
  /** Second GETs are at most this fraction of all GETs, apart from a burst. */
  readonly hedgedFractionMax: number;
  readonly hedgesBurstMax: number;
  /** After throttling, no second GET is sent for this long. */
  readonly hedgeQuietMs: number;
}

export const S3_LIMITS: S3Limits = {
  attemptsMax: 8,
  backoffMsBase: 100,
  backoffMsMax: 5_000,
  // Longer pauses decide when the last process ends: see docs/decisions/0026-adaptive-rate.md.
  throttledBackoffMsMax: 1_000,
  // The maximum duration of a Lambda function.
  throttledMsMax: 900_000,

  requestsInFlightMax: 64,
  slowReadMs: 500,

  // Of CUBIC and of the adaptive mode of the AWS SDKs.
  rateCutFactor: 0.7,
  // A process is throttled about once per second: see docs/decisions/0026-adaptive-rate.md.
  rateGrowthPerSecond: 0.3,
  ratePerSecondMin: 0.2,
  // requestsInFlightMax requests at the median latency of S3, 27 ms (arXiv 2501.07771).
  ratePerSecondMax: 2_400,

  answerTimeoutMs: 30_000,
  uploadBytesPerSecondMin: 128 * KiB,
  completeTimeoutMs: 300_000,
  bodyStallMs: 15_000,

  // A split of 64 MiB and the chunk read after it are exactly four ranges.
  readRangeBytes: 16 * MiB + LIMITS.inputChunkBytes,
  readAheadBytes: 50 * MiB,

  partBytesMin: 8 * MiB,
  partBytesMax: 64 * MiB,
  uploadBytes: 32 * MiB,
  partsMax: 10_000,
  copyBytesMax: 1024 * MiB,

  hedgeAfterMsMin: 200,
  hedgeAfterMsAtFirst: 1_000,
  hedgePercentile: 0.95,
  hedgedFractionMax: 0.05,
  hedgesBurstMax: 4,
  hedgeQuietMs: 30_000,
};

/** The reader uses one range while two are being fetched. */
export const RANGES_PER_STREAM = 3;

/** Limits of S3. */
export const S3_PARTS_MAX = 10_000;
export const S3_PART_BYTES_MIN = 5 * MiB;
export const S3_PART_BYTES_MAX = 5 * 1024 * MiB;
export const S3_OBJECT_BYTES_MAX = 5 * 1024 * 1024 * MiB;
export const S3_METADATA_BYTES_MAX = 2 * KiB;
export const S3_LIST_PAGE_KEYS_MAX = 1_000;

/** If the size of an upload is unknown, the least size of its parts doubles, so that it has this many values. */
export const PART_SIZES = 10;
export const DELETE_CALLS_IN_FLIGHT_MAX = 4;
export const S3_DELETES_PER_CALL_MAX = LIMITS.deletesPerCallMax;

/** Returns the limits with the caller's changes. Throws a RangeError for invalid ones. */
export function s3Limits(changes: Partial<S3Limits> = {}): S3Limits {
  const limits = { ...S3_LIMITS, ...changes };
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isFinite(value) && value >= 0)) {
      throw new RangeError(`${name} must be a number of at least 0; received ${value}`);
    }
  }
  const require = (holds: boolean, relation: string) => {
    if (!holds) throw new RangeError(`the limits of the S3 store contradict each other: ${relation}`);
  };
  require(limits.attemptsMax >= 1, `attemptsMax must be at least 1; received ${limits.attemptsMax}`);
  require(limits.requestsInFlightMax >=
    1, `requestsInFlightMax must be at least 1; received ${limits.requestsInFlightMax}`);
  require(limits.rateCutFactor > 0 &&
    limits.rateCutFactor < 1, `rateCutFactor must be between 0 and 1; received ${limits.rateCutFactor}`);
  require(limits.ratePerSecondMin >
    0, `ratePerSecondMin must be more than 0; received ${limits.ratePerSecondMin}`);
  require(limits.readRangeBytes >= 1, `readRangeBytes must be at least 1; received ${limits.readRangeBytes}`);
  require(limits.partBytesMin >=
    S3_PART_BYTES_MIN, `partBytesMin must be at least ${S3_PART_BYTES_MIN}, as S3 requires; received ${limits.partBytesMin}`);
  require(limits.partBytesMax <=
    S3_PART_BYTES_MAX, `partBytesMax must be at most ${S3_PART_BYTES_MAX}, as S3 requires; received ${limits.partBytesMax}`);
  require(limits.partBytesMin <=
    limits.partBytesMax, `partBytesMax must be at least partBytesMin (${limits.partBytesMin}); received ${limits.partBytesMax}`);
  require(Number.isInteger(limits.partsMax) &&
    limits.partsMax >= 1 &&
    limits.partsMax <=
      S3_PARTS_MAX, `partsMax must be a whole number from 1 to ${S3_PARTS_MAX}, as S3 requires; received ${limits.partsMax}`);
  // Half of an object that is just too large for one copy must still be large enough for a part.
  require(limits.copyBytesMax >= 2 * S3_PART_BYTES_MIN &&
    limits.copyBytesMax <=
      S3_PART_BYTES_MAX, `copyBytesMax must be from ${2 * S3_PART_BYTES_MIN} to ${S3_PART_BYTES_MAX}, as S3 requires; received ${limits.copyBytesMax}`);
  return limits;
}
