/**
 * A range of an object as chunks, read in ranges one after the other, of which one is in the reader's hands and two are
 * on their way:
 *
 *     chunks      |--|--|--|--|--|--|--|--|--|--|--|--|--|--|-|      what the reader gets
 *     ranges      |-----------|-----------|-----------|-------|      what is asked of S3: whole chunks each
 *                   memory 0    memory 1    memory 2    memory 0     three buffers go round
 *
 * The first answer tells the object's size and ETag; all other requests demand that very ETag. How large the ranges
 * are, and so the memory, is for s3-read-ahead.ts to say.
 */
import type { HedgePolicy } from './s3-hedging.ts';
import { RANGES_PER_STREAM } from './s3-limits.ts';
import { RangeFetch } from './s3-range-fetch.ts';
import type { ReadAheadBudget } from './s3-read-ahead.ts';
import type { S3Requests } from './s3-requests.ts';

export interface StreamedRange {
  /** In the bucket. */
  readonly key: string;
  /** Half-open, not empty; an end of Infinity is the object's. */
  readonly start: number;
  readonly end: number;
  readonly ifMatch: string | undefined;
  readonly chunkSizeBytes: number;
}

export interface StreamParts {
  readonly requests: S3Requests;
  readonly policy: HedgePolicy;
  readonly budget: ReadAheadBudget;
  /** Told of the version that is read, with the first answer. */
  readonly onEtag: (etag: string) => void;
}

/** Returns true when it gave any bytes, false when the range starts at or behind the object's end. */
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
      // Its memory held the range before this one, whose last chunk the reader has given back.
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
