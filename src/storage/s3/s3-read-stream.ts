/**
 * Streams a range of an object as chunks. It is fetched in smaller ranges, one after the other: the reader uses one while
 * two are being fetched.
 *
 *     chunks      |--|--|--|--|--|--|--|--|--|--|--|--|--|--|-|      what the reader gets
 *     ranges      |-----------|-----------|-----------|-------|      what S3 is asked for: whole chunks each
 *                   memory 0    memory 1    memory 2    memory 0     three buffers in rotation
 *
 * The first response contains the object's size and ETag; all other requests demand the same ETag. s3-read-ahead.ts decides
 * the size of the ranges, and so the memory.
 */
import type { HedgePolicy } from './s3-hedging.ts';
import { RANGES_PER_STREAM } from './s3-limits.ts';
import { RangeFetch } from './s3-range-fetch.ts';
import type { ReadAheadBudget } from './s3-read-ahead.ts';
import type { S3Requests } from './s3-requests.ts';

export interface StreamedRange {
  /** The key in the bucket. */
  readonly key: string;
  /** Half-open, not empty; Infinity means the end of the object. */
  readonly start: number;
  readonly end: number;
  readonly ifMatch: string | undefined;
  readonly chunkSizeBytes: number;
}

export interface StreamParts {
  readonly requests: S3Requests;
  readonly policy: HedgePolicy;
  readonly budget: ReadAheadBudget;
  /** Called with the ETag of the object that is read, at the first response. */
  readonly onEtag: (etag: string) => void;
}

/** Returns true if it yielded any bytes, false if the range starts at or after the end of the object. */
export async function* streamRange(
  { key, start, end, ifMatch, chunkSizeBytes }: StreamedRange,
  { requests, policy, budget, onEtag }: StreamParts,
): AsyncGenerator<Buffer, boolean> {
  const lease = budget.lease({ chunkSizeBytes, lengthBytes: end - start });
  const { rangeBytes } = lease;
  const memory: Buffer[] = [];
  const fetches: RangeFetch[] = [];
  let endKnown = end;
  let etag = ifMatch;
  const startFetch = (index: number) => {
    const from = start + index * rangeBytes;
    if (from >= endKnown) return;
    const slot = index % RANGES_PER_STREAM;
    const to = Math.min(from + rangeBytes, endKnown);
    fetches[slot] = new RangeFetch(
      { key, start: from, end: to, ifMatch: etag },
      {
        requests,
        policy,
        allocate: (lengthBytes) => {
          memory[slot] ??= Buffer.allocUnsafeSlow(lengthBytes);
          return memory[slot];
        },
      },
    );
  };
  try {
    startFetch(0);
    const object = await fetches[0]!.answered;
    if (object === undefined) return false;
    endKnown = Math.min(end, object.sizeBytes);
    etag = object.etag;
    onEtag(etag);

    for (let index = 1; index < RANGES_PER_STREAM - 1; index++) startFetch(index);
    for (let index = 0; start + index * rangeBytes < endKnown; index++) {
      // Its memory held the previous range, whose last chunk the reader no longer uses.
      startFetch(index + RANGES_PER_STREAM - 1);
      const fetch = fetches[index % RANGES_PER_STREAM]!;
      const length = Math.min(rangeBytes, endKnown - start - index * rangeBytes);
      for (let at = 0; at < length; at += chunkSizeBytes) {
        yield await fetch.bytes(at, Math.min(at + chunkSizeBytes, length));
      }
    }
    return true;
  } finally {
    for (const fetch of fetches) fetch.abort();
    await Promise.all(fetches.map((fetch) => fetch.ended));
    lease.release();
  }
}
