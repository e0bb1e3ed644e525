/**
 * Fetches one range of one object into memory. The body is read from the connection as fast as it arrives, so that the
 * connection is soon free again. The reader gets bytes while the rest is still arriving.
 *
 * After a passing failure, a truncated body or a stalled one, a new request continues with the missing bytes of the same
 * version of the object (If-Match).
 */
import { finished, type Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { isChecksumMismatch, isPassing, type S3Call, S3Failure, S3Interrupted } from './s3-errors.ts';
import { type HedgePolicy, hedged, type Racer } from './s3-hedging.ts';
import { patientTimer } from './s3-patient-timer.ts';
import type { S3Requests } from './s3-requests.ts';

export interface FetchedRange {
  /** The key in the bucket. */
  readonly key: string;
  /** Half-open; Infinity means the end of the object. */
  readonly start: number;
  readonly end: number;
  readonly ifMatch: string | undefined;
}

export interface FetchedObject {
  readonly sizeBytes: number;
  readonly etag: string;
  /** The length of the part of the range that is within the object. */
  readonly lengthBytes: number;
}

export class RangeFetch {
  /** Resolves with the first byte; undefined if the range starts at or after the end of the object. */
  readonly answered: Promise<FetchedObject | undefined>;
  /** Resolves when no more bytes will be written into the buffer. Never rejects. */
  readonly ended: Promise<void>;
  readonly #requests: S3Requests;
  readonly #policy: HedgePolicy;
  readonly #call: S3Call;
  readonly #range: FetchedRange;
  readonly #allocate: (lengthBytes: number) => Buffer;
  readonly #controller = new AbortController();
  readonly #answer = Promise.withResolvers<FetchedObject | undefined>();
  #object: FetchedObject | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  #filledBytes = 0;
  #failure: unknown;
  #isOver = false;
  #wakeReader = () => {};

  /** `allocate` returns memory for the range, at least as long as requested, once the length is known. */
  constructor(
    range: FetchedRange,
    {
      requests,
      policy,
      allocate,
    }: { requests: S3Requests; policy: HedgePolicy; allocate: (lengthBytes: number) => Buffer },
  ) {
    this.#range = range;
    this.#requests = requests;
    this.#policy = policy;
    this.#allocate = allocate;
    this.#call = requests.call('GetObject', range.key);
    this.answered = this.#answer.promise;
    // It may fail while nothing awaits it. A later await still receives the error.
    this.answered.catch(() => {});
    this.ended = this.#run();
  }

  /** Returns bytes [startBytes, endBytes) of the range once they have arrived. Only one reader may call it at a time. */
  async bytes(startBytes: number, endBytes: number): Promise<Buffer> {
    while (this.#filledBytes < endBytes) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    return this.#buffer.subarray(startBytes, endBytes);
  }

  /** Returns the whole range after the end of the response: the checksum of an object is known only after its last byte. */
  async all(): Promise<Buffer> {
    await this.ended;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#buffer.subarray(0, this.#filledBytes);
  }

  /** Called when the reader has stopped. */
  abort(): void {
    if (!this.#isOver) this.#controller.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#controller;
    try {
      await this.#requests.retried(this.#call, () => this.#attempt(), { signal });
    } catch (error) {
      if (error instanceof S3Failure && error.fault === 'range' && this.#object === undefined) {
        this.#answer.resolve(undefined);
      }
      this.#failure = error;
      this.#answer.reject(error);
      this.#wakeReader();
    } finally {
      this.#isOver = true;
    }
  }

  async #attempt(): Promise<void> {
    // The casts: in Node, the SDK's body is a Readable of Uint8Arrays; its type also covers browsers.
    const answer = await hedged(() => this.#get(), {
      clock: this.#requests.clock,
      policy: this.#policy,
      mayPass: isPassing,
      takeExtra: () => this.#requests.takeExtra(this.#call),
      // The casts: in Node.js, the SDK's body is a Readable.
      discard: (late) => (late.Body as Readable).destroy(),
    });
    const body = answer.Body as Readable;
    const onAbort = () => body.destroy(new S3Interrupted('the caller has stopped waiting for it'));
    this.#controller.signal.addEventListener('abort', onAbort, { once: true });
    try {
      const object = this.#accept(answer);
      if (this.#controller.signal.aborted) throw new S3Interrupted('the caller has stopped waiting for it');
      await this.#drain(body, object.lengthBytes);
    } catch (error) {
      body.destroy();
      throw error;
    } finally {
      this.#controller.signal.removeEventListener('abort', onAbort);
    }
  }

  #get(): Racer<GetObjectCommandOutput> {
    const { key, end, ifMatch = this.#object?.etag } = this.#range;
    const start = this.#range.start + this.#filledBytes;
    const isWhole = start === 0 && end === Number.POSITIVE_INFINITY;
    const { signal } = this.#controller;
    // One controller for both reasons to end a request: AbortSignal.any() would create a composite signal per GET.
    const controller = new AbortController();
    const abort = () => controller.abort();
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    const answer = this.#requests.sendOnce(
      this.#call,
      (client, options) =>
        client.send(
          new GetObjectCommand({
            Bucket: this.#requests.bucket,
            Key: key,
            ...(isWhole ? {} : { Range: `bytes=${start}-${Number.isFinite(end) ? end - 1 : ''}` }),
            ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
          }),
          options,
        ),
      { signal: controller.signal },
    );
    return { answer: answer.finally(() => signal.removeEventListener('abort', abort)), abort };
  }

  /** Checks that the response contains the requested bytes. */
  #accept(answer: GetObjectCommandOutput): FetchedObject {
    const wantedStart = this.#range.start + this.#filledBytes;
    const { start, sizeBytes } = contentRange(answer);
    const end = Math.min(this.#range.end, sizeBytes);
    const etag = answer.ETag ?? '';
    if (
      start !== wantedStart ||
      answer.ContentLength !== end - start ||
      (this.#object !== undefined && (etag !== this.#object.etag || sizeBytes !== this.#object.sizeBytes))
    ) {
      throw new S3Interrupted(
        `requested bytes [${wantedStart}, ${this.#range.end}), received ${answer.ContentRange ?? 'the whole object'}` +
          ` in ${answer.ContentLength} bytes, ETag ${etag}`,
      );
    }
    if (this.#object === undefined) {
      this.#object = { sizeBytes, etag, lengthBytes: end - this.#range.start };
      this.#buffer = this.#allocate(this.#object.lengthBytes);
      this.#answer.resolve(this.#object);
    }
    return this.#object;
  }

  async #drain(body: Readable, lengthBytes: number): Promise<void> {
    const cancelWatch = this.#watchForStalls(body);
    try {
      await this.#copyAll(body, lengthBytes);
    } catch (error) {
      if (isChecksumMismatch(error)) {
        // The SDK reports it at the end of a whole object, before a reader has seen any of it.
        this.#filledBytes = 0;
        throw error;
      }
      if (this.#filledBytes < lengthBytes) throw error;
    } finally {
      cancelWatch();
    }
    if (this.#filledBytes < lengthBytes) {
      throw new S3Interrupted(`the body ended after ${this.#filledBytes} of ${lengthBytes} bytes`);
    }
  }

  /** Copies the body as it arrives: an iterator would wait for a promise for every 16 KiB. */
  #copyAll(body: Readable, lengthBytes: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    finished(body, { writable: false }, (error) => (error ? reject(error) : resolve()));
    // Nobody sets an encoding, so that the body yields bytes.
    body.on('data', (piece: Uint8Array) => {
      if (this.#filledBytes + piece.length > lengthBytes) {
        body.destroy(new S3Interrupted(`the body is longer than its ${lengthBytes} bytes`));
        return;
      }
      this.#buffer.set(piece, this.#filledBytes);
      this.#filledBytes += piece.length;
      this.#wakeReader();
    });
    return promise;
  }

  #watchForStalls(body: Readable): () => void {
    const { clock, limits } = this.#requests;
    let filledBefore = this.#filledBytes;
    const check = () => {
      if (this.#filledBytes === filledBefore) {
        body.destroy(new S3Interrupted(`no byte of the body for ${limits.bodyStallMs} ms`));
        return;
      }
      filledBefore = this.#filledBytes;
      cancel = patientTimer(clock, limits.bodyStallMs, check);
    };
    let cancel = patientTimer(clock, limits.bodyStallMs, check);
    return () => cancel();
  }
}

function contentRange({ ContentRange, ContentLength = 0 }: GetObjectCommandOutput): {
  start: number;
  sizeBytes: number;
} {
  const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(ContentRange ?? '');
  return match === null
    ? { start: 0, sizeBytes: ContentLength }
    : { start: Number(match[1]), sizeBytes: Number(match[2]) };
}
