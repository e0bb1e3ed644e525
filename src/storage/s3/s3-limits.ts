/** The bounds of the S3 store. What S3 itself sets is marked; the rest may be changed by whoever makes a store. */
import { KiB, LIMITS, MiB } from '../../base/limits.ts';

export interface S3Limits {
  /** Attempts of one request, counting the first and not those that S3 throttled, before the task is told and takes its own second attempt. */
  readonly attemptsMax: number;
  /** Before attempt n + 1 the store waits a random part of min(backoffMsMax, backoffMsBase * 2^(n-1)). */
  readonly backoffMsBase: number;
  readonly backoffMsMax: number;
  /** A request that S3 throttles is sent again for this long, or until its caller's deadline if that is sooner. */
  readonly throttledMsMax: number;

  /** More requests wait in the store. Hedged reads come on top, within their own bound. */
  readonly requestsInFlightMax: number;
  /** From sending a request to the first byte of its answer. */
  readonly answerTimeoutMs: number;
  /** A request with a body gets this much more time. */
  readonly uploadBytesPerSecondMin: number;
  /** S3 may take minutes to put a large object together. */
  readonly completeTimeoutMs: number;
  /** A body that brings no byte for this long is cut off and read on by a new request. */
  readonly bodyStallMs: number;

  /** A stream reads ranges of this size if memory allows, else of its chunk size. */
  readonly readRangeBytes: number;
  /** What all streams of a store may take together for ranges larger than their chunks. */
  readonly readAheadBytes: number;

  /** An object up to this size is one PUT, a larger one consists of parts of at least this size. */
  readonly partBytesMin: number;
  /** Parts of one upload that are on their way; at least one is. */
  readonly partBytesInFlightMax: number;

  /** Of one upload. S3 takes 10,000; stores that speak its protocol may take fewer. */
  readonly partsMax: number;

  /** S3 is asked to copy at most this much at once, unless parts run short. */
  readonly copyBytesMax: number;

  /** A second GET is sent when the first is slower than this, or than the percentile of its peers if that is more. */
  readonly hedgeAfterMsMin: number;
  /** The same while too few reads were seen to know a percentile. */
  readonly hedgeAfterMsAtFirst: number;
  readonly hedgePercentile: number;
  /** Second GETs are at most this part of all GETs, but for a burst. */
  readonly hedgedFractionMax: number;
  readonly hedgesBurstMax: number;
  /** After a throttle no second GET is sent for this long. */
  readonly hedgeQuietMs: number;
}

export const S3_LIMITS: S3Limits = {
  attemptsMax: 8,
  backoffMsBase: 100,
  backoffMsMax: 5_000,
  // As long as a function can run.
  throttledMsMax: 900_000,

  requestsInFlightMax: 64,
  answerTimeoutMs: 30_000,
  uploadBytesPerSecondMin: 128 * KiB,
  completeTimeoutMs: 300_000,
  bodyStallMs: 15_000,

  // A default split and the chunk that is read behind it are eight ranges, not eight and a scrap.
  readRangeBytes: 8 * MiB + LIMITS.inputChunkBytes,
  readAheadBytes: 50 * MiB,

  partBytesMin: 8 * MiB,
  partBytesInFlightMax: 24 * MiB,
  partsMax: 10_000,
  copyBytesMax: 1024 * MiB,

  hedgeAfterMsMin: 200,
  hedgeAfterMsAtFirst: 1_000,
  hedgePercentile: 0.95,
  hedgedFractionMax: 0.05,
  hedgesBurstMax: 4,
  hedgeQuietMs: 30_000,
};

/** One range in the reader's hands, two on their way. */
export const RANGES_PER_STREAM = 3;

/** S3's own. */
export const S3_PARTS_MAX = 10_000;
export const S3_PART_BYTES_MIN = 5 * MiB;
export const S3_PART_BYTES_MAX = 5 * 1024 * MiB;
export const S3_OBJECT_BYTES_MAX = 5 * 1024 * 1024 * MiB;
export const S3_METADATA_BYTES_MAX = 2 * KiB;
export const S3_LIST_PAGE_KEYS_MAX = 1_000;

/** The parts of an upload have so many sizes, each twice the one before, if nobody knows how large it will be. */
export const PART_SIZES = 10;
export const DELETE_CALLS_IN_FLIGHT_MAX = 4;
export const S3_DELETES_PER_CALL_MAX = LIMITS.deletesPerCallMax;

/** The limits with the caller's changes. Throws a RangeError for what cannot be meant. */
export function s3Limits(changes: Partial<S3Limits> = {}): S3Limits {
  const limits = { ...S3_LIMITS, ...changes };
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isFinite(value) && value >= 0)) {
      throw new RangeError(`${name} is a number of at least 0; received ${value}`);
    }
  }
  const require = (holds: boolean, relation: string) => {
    if (!holds) throw new RangeError(`the limits of the S3 store contradict each other: ${relation}`);
  };
  require(limits.attemptsMax >= 1, `attemptsMax is at least 1; received ${limits.attemptsMax}`);
  require(limits.requestsInFlightMax >=
    1, `requestsInFlightMax is at least 1; received ${limits.requestsInFlightMax}`);
  require(limits.readRangeBytes >= 1, `readRangeBytes is at least 1; received ${limits.readRangeBytes}`);
  require(limits.partBytesMin >=
    S3_PART_BYTES_MIN, `partBytesMin is at least ${S3_PART_BYTES_MIN}, as S3 demands; received ${limits.partBytesMin}`);
  require(limits.partBytesMin <=
    S3_PART_BYTES_MAX, `partBytesMin is at most ${S3_PART_BYTES_MAX}, as S3 demands; received ${limits.partBytesMin}`);
  require(Number.isInteger(limits.partsMax) &&
    limits.partsMax >= 1 &&
    limits.partsMax <=
      S3_PARTS_MAX, `partsMax is a whole number from 1 to ${S3_PARTS_MAX}, as S3 demands; received ${limits.partsMax}`);
  // Halves of what is just too large for one copy are parts.
  require(limits.copyBytesMax >= 2 * S3_PART_BYTES_MIN &&
    limits.copyBytesMax <=
      S3_PART_BYTES_MAX, `copyBytesMax is from ${2 * S3_PART_BYTES_MIN} to ${S3_PART_BYTES_MAX}, as S3 demands; received ${limits.copyBytesMax}`);
  return limits;
}
