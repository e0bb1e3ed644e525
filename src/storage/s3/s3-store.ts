/**
 * Objects in an S3 bucket, or under a prefix of one. Of the stores, only the files named s3-* use the SDK.
 *
 *     s3-requests     every request: bounded in number, time and attempts     s3-errors    the meaning of errors
 *     s3-read-stream  chunks out of ranges read ahead                         s3-hedging   a second GET for a slow one
 *     s3-range-fetch  one range, continued after a truncated body             s3-upload    one PUT, or parts
 *     s3-commit       who was first, even if responses are lost               s3-client    a client with suitable settings
 *
 * Requests: head 1; get 1; stream 1 per range; put 1; upload 1 up to the size of a part (8 to
 * 64 MiB), otherwise parts + 2, where an appended object takes one part per GiB and one for the bytes waiting before it; list 1 per 1,000 keys; delete 1 per 1,000 keys. Only
 * failures cost more: a retry, a hedged read (at most 5 % of GETs), a HEAD for an empty range, after a 412 on reading (to
 * report the current ETag) and after a write whose response was lost.
 *
 * Permissions: s3:GetObject, s3:PutObject, s3:AbortMultipartUpload, s3:DeleteObject on the keys, s3:ListBucket on the bucket
 * (for list(), and so that an absent object is 404 and not 403). A writer needs s3:GetObject on the keys that it writes.
 */
import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type Clock, systemClock } from '../../base/clock.ts';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { changedSince, checkedChunkSize, checkedMetadata, clampRange } from '../conditions.ts';
import type {
  DeleteOptions,
  Metadata,
  ObjectInfo,
  ObjectStore,
  ReadOptions,
  StreamOptions,
  Upload,
  WriteOptions,
} from '../object-store.ts';
import { deleteObjects } from './s3-deletion.ts';
import { S3Failure, type S3Operation, toStoreError } from './s3-errors.ts';
import { HedgePolicy } from './s3-hedging.ts';
import { type S3Limits, s3Limits } from './s3-limits.ts';
import { listObjects } from './s3-listing.ts';
import { RangeFetch } from './s3-range-fetch.ts';
import { ReadAheadBudget } from './s3-read-ahead.ts';
import { streamRange } from './s3-read-stream.ts';
import { type CallerBounds, S3Requests } from './s3-requests.ts';
import { putObject, S3Upload } from './s3-upload.ts';
import { UploadMemory } from './s3-upload-memory.ts';
import { splitMetadata } from './s3-writer.ts';

export interface S3StoreOptions {
  readonly bucket: string;
  /** See s3-client.ts. */
  readonly client: S3Client;
  /** A folder of the bucket, such as 'team/jobs/'; keys are relative to it. */
  readonly prefix?: string;
  readonly clock?: Clock;
  /** For back-off, but never for the ids of writers. */
  readonly random?: () => number;
  readonly limits?: Partial<S3Limits>;
}

/** How often an object may be replaced while it is read without a condition. */
const READS_MAX = 4;

interface SharedParts {
  readonly requests: S3Requests;
  readonly hedging: HedgePolicy;
  readonly readAhead: ReadAheadBudget;
  readonly uploads: UploadMemory;
}

export class S3Store implements ObjectStore {
  readonly location: string;
  readonly #options: S3StoreOptions;
  readonly #prefix: string;
  readonly #requests: S3Requests;
  readonly #hedging: HedgePolicy;
  readonly #readAhead: ReadAheadBudget;
  readonly #uploads: UploadMemory;

  /** @param shared  parts shared with another store of the same bucket, see within() */
  constructor(options: S3StoreOptions, shared: SharedParts = newParts(options)) {
    this.#options = options;
    this.#prefix = bucketPrefix(options);
    this.location = `s3://${options.bucket}/${this.#prefix}`.replace(/\/$/, '');
    this.#requests = shared.requests;
    this.#hedging = shared.hedging;
    this.#readAhead = shared.readAhead;
    this.#uploads = shared.uploads;
  }

  /** The same store for a caller with a deadline, whose throttled requests fail in time. Gate, memory and counts are shared. */
  within(bounds: CallerBounds): S3Store {
    const requests = this.#requests.within(bounds);
    const [hedging, readAhead, uploads] = [this.#hedging, this.#readAhead, this.#uploads];
    return new S3Store(this.#options, { requests, hedging, readAhead, uploads });
  }

  /** Requests sent so far, to estimate costs: each attempt counts. */
  get requestCounts(): Readonly<Partial<Record<S3Operation, number>>> {
    return { ...this.#requests.counts };
  }

  /** Fewer while S3 throttles. */
  get readsAtOnce(): number {
    return this.#requests.readsAtOnce;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return await this.#head(this.#bucketKey(key), { key });
  }

  async get(key: string, options: ReadOptions = {}): Promise<Buffer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#get(key, options);
      } catch (error) {
        // The object was replaced between two requests of one read, which the caller did not forbid: read the new one.
        const isOurs = options.ifMatch === undefined && isMapReduceError(error, 'PreconditionFailedError');
        if (!isOurs || attempt === READS_MAX) throw error;
      }
    }
  }

  async #get(key: string, { range, ifMatch }: ReadOptions): Promise<Buffer> {
    const bucketKey = this.#bucketKey(key);
    const { start, end } = clampRange(range, Number.POSITIVE_INFINITY);
    if (start === end) return await this.#nothingOf(key, { bucketKey, ifMatch });
    const fetch = new RangeFetch(
      { key: bucketKey, start, end, ifMatch },
      { requests: this.#requests, policy: this.#hedging, allocate: Buffer.allocUnsafeSlow },
    );
    let etag = ifMatch;
    try {
      const object = await fetch.answered;
      if (object === undefined) return await this.#nothingOf(key, { bucketKey, ifMatch });
      etag = object.etag;
      return await fetch.all();
    } catch (error) {
      throw await this.#readError(error, { key, bucketKey, etag });
    }
  }

  async *stream(key: string, options: StreamOptions = {}): AsyncIterableIterator<Buffer> {
    const chunkSizeBytes = checkedChunkSize(options.chunkSizeBytes ?? LIMITS.inputChunkBytes);
    const bucketKey = this.#bucketKey(key);
    const { start, end } = clampRange(options.range, Number.POSITIVE_INFINITY);
    let etag = options.ifMatch;
    try {
      const gaveBytes =
        start < end &&
        (yield* streamRange(
          { key: bucketKey, start, end, ifMatch: options.ifMatch, chunkSizeBytes },
          {
            requests: this.#requests,
            policy: this.#hedging,
            budget: this.#readAhead,
            onEtag: (found) => {
              etag = found;
            },
          },
        ));
      if (!gaveBytes) await this.#nothingOf(key, { bucketKey, ifMatch: options.ifMatch });
    } catch (error) {
      throw await this.#readError(error, { key, bucketKey, etag });
    }
  }

  async put(
    key: string,
    body: Uint8Array,
    { metadata: given, ...condition }: WriteOptions = {},
  ): Promise<ObjectInfo> {
    const metadata = checkedMetadata(given);
    try {
      const bucketKey = this.#bucketKey(key);
      const etag = await putObject(this.#requests, { bucketKey, body, metadata, condition });
      return { key, sizeBytes: body.length, etag, metadata };
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  async upload(key: string, { metadata }: { metadata?: Metadata } = {}): Promise<Upload> {
    return new S3Upload({
      requests: this.#requests,
      memory: this.#uploads,
      key,
      bucketKey: this.#bucketKey(key),
      metadata: checkedMetadata(metadata),
      bucketKeyOf: (source) => this.#bucketKey(source),
      read: (source, range) => this.stream(source.key, { range, ifMatch: source.etag }),
      explained: (error) => this.#explained(error),
    });
  }

  async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    try {
      for await (const info of listObjects(this.#requests, this.#prefix + prefix)) {
        yield { ...info, key: info.key.slice(this.#prefix.length) };
      }
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  async delete(keys: readonly string[], options: DeleteOptions = {}): Promise<void> {
    try {
      await deleteObjects(
        this.#requests,
        keys.map((key) => this.#bucketKey(key)),
        options,
      );
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  async #head(bucketKey: string, { key }: { key: string }): Promise<ObjectInfo | undefined> {
    try {
      const head = await this.#requests.send(
        this.#requests.call('HeadObject', bucketKey),
        (client, options) =>
          client.send(new HeadObjectCommand({ Bucket: this.#requests.bucket, Key: bucketKey }), options),
      );
      const { metadata } = splitMetadata(head.Metadata);
      return { key, sizeBytes: head.ContentLength ?? 0, etag: head.ETag ?? '', metadata };
    } catch (error) {
      if (error instanceof S3Failure && error.fault === 'missing') return undefined;
      throw await this.#explained(error);
    }
  }

  /** Checks, for an empty range, that the object exists and has the expected ETag. */
  async #nothingOf(
    key: string,
    { bucketKey, ifMatch }: { bucketKey: string; ifMatch: string | undefined },
  ): Promise<Buffer> {
    const found = await this.#head(bucketKey, { key });
    if (found === undefined) throw await this.#explained(this.#missing(bucketKey));
    if (ifMatch !== undefined && ifMatch !== found.etag) {
      throw changedSince(`${this.location}/${key}`, key, { expected: ifMatch, found: found.etag });
    }
    return Buffer.alloc(0);
  }

  async #readError(
    error: unknown,
    { key, bucketKey, etag }: { key: string; bucketKey: string; etag: string | undefined },
  ): Promise<unknown> {
    // A range that starts after the end, although an earlier response showed where that is: the object has shrunk since.
    const changed = error instanceof S3Failure && (error.fault === 'precondition' || error.fault === 'range');
    if (!changed) return await this.#explained(error);
    const found = await this.#head(bucketKey, { key }).catch(() => undefined);
    return changedSince(`${this.location}/${key}`, key, {
      expected: etag ?? 'none',
      found: found?.etag ?? 'no object',
    });
  }

  #missing(bucketKey: string): S3Failure {
    const cause = Object.assign(new Error('not found'), {
      name: 'NotFound',
      $metadata: { httpStatusCode: 404 },
    });
    return new S3Failure(cause, {
      call: this.#requests.call('HeadObject', bucketKey),
      attempts: 1,
      maybeDone: false,
    });
  }

  async #explained(error: unknown): Promise<unknown> {
    return toStoreError(error, await this.#requests.region());
  }

  #bucketKey(key: string): string {
    const reason =
      key === '' ? 'it is empty' : key.isWellFormed() ? undefined : 'it contains a lone surrogate';
    if (reason === undefined) return this.#prefix + key;
    throw new MapReduceError(
      'UsageError',
      `${JSON.stringify(key)} cannot be a key of ${this.location}: ${reason}. Choose another name.`,
      { details: { objectKey: key } },
    );
  }
}

function newParts(options: S3StoreOptions): SharedParts {
  const { bucket, client, clock = systemClock, random = Math.random } = options;
  const limits = s3Limits(options.limits);
  const hedging = new HedgePolicy(limits);
  const onThrottled = (nowMs: number) => hedging.throttled(nowMs);
  const prefix = bucketPrefix(options);
  const requests = new S3Requests({ client, bucket, prefix, clock, random, limits, onThrottled });
  return { requests, hedging, readAhead: new ReadAheadBudget(limits), uploads: new UploadMemory(limits) };
}

function bucketPrefix({ prefix = '' }: S3StoreOptions): string {
  if (prefix.startsWith('/')) {
    throw new TypeError(`the prefix of an S3 store must not start with '/'; received '${prefix}'`);
  }
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
