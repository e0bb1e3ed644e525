/**
 * An upload: a small one is a single PUT when it is completed, a larger one is a multipart upload.
 *
 *     write()   |  filling: 8 to 64 MiB  |  -> a few parts in flight -> CompleteMultipartUpload
 *
 * s3-upload-memory.ts decides the size of parts and how many are in flight; write() waits if S3 is slower than the writer. S3
 * allows 10,000 parts, so the least size doubles after every 1,000:
 *
 *     object of up to     8 GiB   23 GiB   55 GiB   117 GiB   ...   5 TiB (S3's bound)
 *     parts of at least   8 MiB   16 MiB   32 MiB    64 MiB   ...   4 GiB
 *
 * S3 itself copies an appended object of at least 8 MiB. Every part except the last must have at least 5 MiB, so bytes that
 * wait to be sent before it are first filled up to that size from the start of the object:
 *
 *     waiting:  | 2 MiB |   + object: | 40 MiB                       |
 *     parts:    | 2 MiB   3 MiB | copied: 37 MiB                      |
 *
 * So an object takes at most one part, except a large one, which is copied in pieces of 1 GiB, or of up to 5 GiB if there are
 * too few parts left. If there are more than 10,000 objects, those smaller than the next part size in the table above are
 * collected in parts, until there are enough parts for the rest.
 *
 * S3 checks each part against the CRC-32 that the SDK computes, and the object against those of its parts. Copying,
 * checksum, signature and sending together cost about 2 ms of one core per MiB.
 */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { MapReduceError } from '../../base/errors.ts';
import { KiB } from '../../base/limits.ts';
import { changedSince } from '../conditions.ts';
import type { Metadata, ObjectInfo, Upload, WriteCondition } from '../object-store.ts';
import { commit } from './s3-commit.ts';
import { S3Failure } from './s3-errors.ts';
import { S3_OBJECT_BYTES_MAX, S3_PART_BYTES_MAX, S3_PART_BYTES_MIN } from './s3-limits.ts';
import { partSizeBytes } from './s3-part-sizes.ts';
import type { S3Requests } from './s3-requests.ts';
import type { UploadMemory } from './s3-upload-memory.ts';
import { newWriterId, withWriter } from './s3-writer.ts';

export interface S3UploadOptions {
  readonly requests: S3Requests;
  /** Shared by all uploads of the store. */
  readonly memory: UploadMemory;
  /** The key without the store's prefix. */
  readonly key: string;
  /** The key in the bucket. */
  readonly bucketKey: string;
  readonly metadata: Metadata;
  /** For appended objects. */
  readonly bucketKeyOf: (key: string) => string;
  readonly read: (source: ObjectInfo, range: Range) => AsyncIterable<Buffer>;
  /** Converts a failure to an error for users of the store. */
  readonly explained: (error: unknown) => Promise<unknown>;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

export class S3Upload implements Upload {
  readonly #requests: S3Requests;
  readonly #memory: UploadMemory;
  readonly #closeMemory: () => void;
  readonly #bucketKeyOf: (key: string) => string;
  readonly #read: (source: ObjectInfo, range: Range) => AsyncIterable<Buffer>;
  readonly #key: string;
  readonly #bucketKey: string;
  readonly #metadata: Metadata;
  readonly #metadataWithWriter: Metadata;
  readonly #explained: (error: unknown) => Promise<unknown>;
  readonly #writerId = newWriterId();
  readonly #controller = new AbortController();
  #filling: Buffer = Buffer.alloc(0);
  #filledBytes = 0;
  /** Buffers of parts that have been sent, to be reused. */
  #spares: Buffer[] = [];
  #sizeBytes = 0;
  #uploadId: Promise<string> | undefined;
  readonly #parts: CompletedPart[] = [];
  /** Parts that are being sent, with their sizes, and parts that are being copied. */
  readonly #sending = new Map<Promise<void>, number>();
  readonly #copying = new Set<Promise<void>>();
  #failure: unknown;
  #state: 'open' | 'completing' | 'completed' | 'ended' = 'open';
  #completing: Promise<unknown> | undefined;
  #discarding: Promise<void> | undefined;

  constructor({ requests, memory, key, bucketKey, metadata, bucketKeyOf, read, explained }: S3UploadOptions) {
    this.#requests = requests;
    this.#memory = memory;
    this.#closeMemory = memory.open();
    this.#bucketKeyOf = bucketKeyOf;
    this.#read = read;
    this.#key = key;
    this.#bucketKey = bucketKey;
    this.#metadata = metadata;
    this.#metadataWithWriter = withWriter(metadata, this.#writerId);
    this.#explained = explained;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertOpen('write');
    await this.#gather(chunk, () => Math.max(this.#memory.partBytes, this.#growingPartBytes(1)));
  }

  async append(
    source: ObjectInfo,
    {
      following = Number.POSITIVE_INFINITY,
      onChunk = () => {},
    }: { following?: number; onChunk?: (chunk: Buffer) => void } = {},
  ): Promise<void> {
    this.#assertOpen('append');
    const { sizeBytes } = source;
    const isWholePart = this.#filledBytes === 0 || this.#filledBytes >= S3_PART_BYTES_MIN;
    const missingBytes = isWholePart ? 0 : S3_PART_BYTES_MIN - this.#filledBytes;
    const copiedBytes = sizeBytes - missingBytes;
    const { partBytesMin, partsMax } = this.#requests.limits;
    // The parts for this object, without one for the waiting bytes and one for each object that follows.
    const partsLeft = partsMax - this.#parts.length - (this.#filledBytes > 0 ? 1 : 0) - following;
    const allFit = partsLeft >= Math.max(1, Math.ceil(copiedBytes / S3_PART_BYTES_MAX));
    const growingBytes = this.#growingPartBytes(2);
    const copies = allFit
      ? sizeBytes >= partBytesMin && copiedBytes >= S3_PART_BYTES_MIN
      : copiedBytes >= growingBytes;
    const gathered = { start: 0, end: copies ? missingBytes : sizeBytes };
    if (gathered.end > 0) {
      const partBytes = () => Math.max(this.#memory.partBytes, allFit ? 0 : this.#growingPartBytes(1));
      for await (const chunk of this.#read(source, gathered)) {
        if (!copies) onChunk(chunk);
        await this.#gather(chunk, partBytes);
      }
    }
    if (!copies) return;
    const piecesMax = allFit ? partsLeft : Math.floor(copiedBytes / growingBytes);
    await this.#copyFrom(source, { start: missingBytes, piecesMax });
  }

  async complete(condition: WriteCondition = {}): Promise<ObjectInfo> {
    this.#assertOpen('complete');
    this.#state = 'completing';
    const completing = this.#parts.length === 0 ? this.#put(condition) : this.#completeParts(condition);
    this.#completing = completing;
    try {
      const etag = await completing;
      this.#state = 'completed';
      return { key: this.#key, sizeBytes: this.#sizeBytes, etag, metadata: this.#metadata };
    } catch (error) {
      this.#state = 'ended';
      if (error instanceof MapReduceError) await this.#discard();
      throw await this.#explained(error);
    } finally {
      this.#letGo();
    }
  }

  /** Never fails: the bucket's lifecycle rule for abandoned uploads removes parts that cannot be removed now. */
  async abort(): Promise<void> {
    await this.#completing?.catch(() => {});
    if (this.#state === 'completed') return;
    this.#state = 'ended';
    this.#letGo();
    await this.#discard();
  }

  async #put(condition: WriteCondition): Promise<string> {
    return await putObject(this.#requests, {
      bucketKey: this.#bucketKey,
      body: this.#filling.subarray(0, this.#filledBytes),
      metadata: this.#metadata,
      condition,
      writerId: this.#writerId,
    });
  }

  async #completeParts(condition: WriteCondition): Promise<string> {
    if (this.#filledBytes > 0) await this.#sendPart();
    await this.#allArrived();
    if (this.#failure !== undefined) throw this.#failure;
    const UploadId = await this.#uploadId!;
    const { bucket: Bucket, limits } = this.#requests;
    return await commit(this.#requests, {
      call: this.#requests.call('CompleteMultipartUpload', this.#bucketKey),
      send: (client, options) =>
        client.send(
          new CompleteMultipartUploadCommand({
            Bucket,
            Key: this.#bucketKey,
            UploadId,
            MultipartUpload: { Parts: this.#parts },
            ...headersOf(condition),
          }),
          options,
        ),
      timeoutMs: limits.completeTimeoutMs,
      writerId: this.#writerId,
      condition,
    });
  }

  /** The least size of the next part, or of the one after it, if the number of parts is unknown. */
  #growingPartBytes(ahead: 1 | 2): number {
    return partSizeBytes(this.#parts.length + ahead, this.#requests.limits);
  }

  /** Sends full parts of this size, and keeps the rest. */
  async #gather(chunk: Uint8Array, partBytesNow: () => number): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const partBytes = partBytesNow();
      // A full part is sent only when more bytes follow: an object of exactly one part is a PUT.
      if (this.#filledBytes >= partBytes) {
        await this.#sendPart();
        continue;
      }
      const taken = Math.min(chunk.length - at, partBytes - this.#filledBytes);
      this.#makeRoom(this.#filledBytes + taken, partBytes);
      this.#filling.set(chunk.subarray(at, at + taken), this.#filledBytes);
      this.#filledBytes += taken;
      at += taken;
    }
    await this.#grown(chunk.length);
  }

  /** Lets S3 copy the object from `start` to its end. */
  async #copyFrom(
    source: ObjectInfo,
    { start, piecesMax }: { start: number; piecesMax: number },
  ): Promise<void> {
    if (this.#filledBytes > 0) await this.#sendPart();
    const copiedBytes = source.sizeBytes - start;
    const pieces = Math.max(
      Math.ceil(copiedBytes / S3_PART_BYTES_MAX),
      Math.min(piecesMax, Math.ceil(copiedBytes / this.#requests.limits.copyBytesMax)),
    );
    const pieceBytes = Math.ceil(copiedBytes / pieces);
    for (let at = start; at < source.sizeBytes; at += pieceBytes) {
      this.#copyPart(source, { start: at, end: Math.min(at + pieceBytes, source.sizeBytes) });
    }
    await this.#grown(copiedBytes);
  }

  async #grown(bytes: number): Promise<void> {
    this.#sizeBytes += bytes;
    if (this.#failure !== undefined) throw await this.#explained(this.#failure);
    if (this.#sizeBytes > S3_OBJECT_BYTES_MAX) throw tooLarge(this.#key, this.#sizeBytes);
  }

  /** Adds a part with the next number. */
  #newPart(): CompletedPart {
    const { partsMax } = this.#requests.limits;
    if (this.#parts.length === partsMax) throw tooManyParts(this.#key, this.#sizeBytes, partsMax);
    const part: CompletedPart = { PartNumber: this.#parts.length + 1 };
    this.#parts.push(part);
    return part;
  }

  /** Resolves when sending the part has started. */
  async #sendPart(): Promise<void> {
    const body = this.#filling.subarray(0, this.#filledBytes);
    const bytesInFlight = () => this.#sending.values().reduce((sum, bytes) => sum + bytes, 0);
    while (this.#sending.size > 0 && bytesInFlight() + body.length > this.#memory.inFlightBytesMax) {
      await Promise.race(this.#sending.keys());
    }
    if (this.#failure !== undefined) throw await this.#explained(this.#failure);

    const part = this.#newPart();
    this.#uploadId ??= this.#create();
    const memory = this.#filling;
    const sending = this.#upload(part, body)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#sending.delete(sending);
        if (this.#state !== 'ended') this.#spares.push(memory);
      });
    this.#sending.set(sending, body.length);
    this.#filling = this.#spares.pop() ?? Buffer.alloc(0);
    this.#filledBytes = 0;
  }

  async #create(): Promise<string> {
    const { bucket: Bucket } = this.#requests;
    const call = this.#requests.call('CreateMultipartUpload', this.#bucketKey);
    const { UploadId } = await this.#requests.send(call, (client, options) =>
      client.send(
        new CreateMultipartUploadCommand({
          Bucket,
          Key: this.#bucketKey,
          Metadata: this.#metadataWithWriter,
          ChecksumAlgorithm: 'CRC32',
        }),
        options,
      ),
    );
    return UploadId!;
  }

  async #upload(part: CompletedPart, body: Buffer): Promise<void> {
    const UploadId = await this.#uploadId!;
    const { bucket: Bucket } = this.#requests;
    const call = this.#requests.call('UploadPart', this.#bucketKey);
    const sent = await this.#requests.send(
      call,
      (client, options) =>
        client.send(
          new UploadPartCommand({
            Bucket,
            Key: this.#bucketKey,
            UploadId,
            PartNumber: part.PartNumber,
            Body: body,
            ChecksumAlgorithm: 'CRC32',
          }),
          options,
        ),
      { timeoutMs: sendTimeoutMs(this.#requests, body.length), signal: this.#controller.signal },
    );
    part.ETag = sent.ETag;
    if (sent.ChecksumCRC32 !== undefined) part.ChecksumCRC32 = sent.ChecksumCRC32;
  }

  /** A copy takes no memory, so any number may be in flight; the store bounds its requests. */
  #copyPart(source: ObjectInfo, range: Range): void {
    const part = this.#newPart();
    this.#uploadId ??= this.#create();
    const copying = this.#copy(part, source, range)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#copying.delete(copying));
    this.#copying.add(copying);
  }

  async #copy(part: CompletedPart, source: ObjectInfo, { start, end }: Range): Promise<void> {
    const UploadId = await this.#uploadId!;
    const { bucket: Bucket, limits } = this.#requests;
    const sourceKey = this.#bucketKeyOf(source.key);
    const call = this.#requests.call('UploadPartCopy', sourceKey);
    try {
      const { CopyPartResult: copied } = await this.#requests.send(
        call,
        (client, options) =>
          client.send(
            new UploadPartCopyCommand({
              Bucket,
              Key: this.#bucketKey,
              UploadId,
              PartNumber: part.PartNumber,
              CopySource: `${Bucket}/${sourceKey.split('/').map(encodeURIComponent).join('/')}`,
              CopySourceRange: `bytes=${start}-${end - 1}`,
              CopySourceIfMatch: source.etag,
            }),
            options,
          ),
        { timeoutMs: limits.completeTimeoutMs, signal: this.#controller.signal },
      );
      part.ETag = copied?.ETag;
      if (copied?.ChecksumCRC32 !== undefined) part.ChecksumCRC32 = copied.ChecksumCRC32;
    } catch (error) {
      if (!(error instanceof S3Failure) || error.fault !== 'precondition') throw error;
      const where = `s3://${Bucket}/${sourceKey}`;
      throw changedSince(where, source.key, { expected: source.etag, found: 'another' });
    }
  }

  async #allArrived(): Promise<void> {
    await Promise.all([...this.#sending.keys(), ...this.#copying]);
  }

  /** Waits for parts in flight first: a part that arrived after the abort would stay in the bucket. */
  #discard(): Promise<void> {
    this.#discarding ??= (async () => {
      if (this.#uploadId === undefined) return;
      this.#controller.abort();
      await this.#allArrived();
      const UploadId = await this.#uploadId.catch(() => undefined);
      if (UploadId === undefined) return;
      const { bucket: Bucket } = this.#requests;
      const call = this.#requests.call('AbortMultipartUpload', this.#bucketKey);
      await this.#requests
        .send(call, (client, options) =>
          client.send(new AbortMultipartUploadCommand({ Bucket, Key: this.#bucketKey, UploadId }), options),
        )
        .catch(() => {});
    })();
    return this.#discarding;
  }

  /** Grows the buffer by doubling, so that a small object takes little memory, and each byte is moved at most twice. */
  #makeRoom(sizeBytes: number, partBytes: number): void {
    if (this.#filling.length >= sizeBytes) return;
    const grown = Math.min(partBytes, Math.max(sizeBytes, 2 * this.#filling.length, FIRST_BUFFER_BYTES));
    const larger = Buffer.allocUnsafeSlow(grown);
    this.#filling.copy(larger, 0, 0, this.#filledBytes);
    this.#filling = larger;
  }

  #letGo(): void {
    this.#closeMemory();
    this.#filling = Buffer.alloc(0);
    this.#filledBytes = 0;
    this.#spares = [];
  }

  #assertOpen(method: string): void {
    if (this.#state !== 'open') {
      throw new Error(`${method}() was called on the upload of '${this.#key}' after it had ended`);
    }
  }
}

/** Writes an object with one PUT and returns its ETag. Throws PreconditionFailedError if the condition does not hold, and S3Failure. */
export async function putObject(
  requests: S3Requests,
  {
    bucketKey,
    body,
    metadata,
    condition,
    writerId = newWriterId(),
  }: {
    bucketKey: string;
    body: Uint8Array;
    metadata: Metadata;
    condition: WriteCondition;
    writerId?: string;
  },
): Promise<string> {
  // Writing the same object twice is harmless, so only a conditional write must recognise its own write.
  const Metadata = isConditional(condition) ? withWriter(metadata, writerId) : metadata;
  return await commit(requests, {
    call: requests.call('PutObject', bucketKey),
    send: (client, options) =>
      client.send(
        new PutObjectCommand({
          Bucket: requests.bucket,
          Key: bucketKey,
          Body: body,
          Metadata,
          ChecksumAlgorithm: 'CRC32',
          ...headersOf(condition),
        }),
        options,
      ),
    timeoutMs: sendTimeoutMs(requests, body.length),
    writerId,
    condition,
  });
}

function isConditional({ ifNoneMatch, ifMatch }: WriteCondition): boolean {
  return ifNoneMatch !== undefined || ifMatch !== undefined;
}

function headersOf({ ifNoneMatch, ifMatch }: WriteCondition): { IfNoneMatch?: string; IfMatch?: string } {
  return {
    ...(ifNoneMatch === undefined ? {} : { IfNoneMatch: ifNoneMatch }),
    ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
  };
}

function sendTimeoutMs({ limits }: S3Requests, sizeBytes: number): number {
  return limits.answerTimeoutMs + Math.ceil((sizeBytes / limits.uploadBytesPerSecondMin) * 1000);
}

function tooLarge(key: string, sizeBytes: number): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `the object '${key}' would have at least ${sizeBytes} bytes; S3 allows ${S3_OBJECT_BYTES_MAX}. Use more reducers, so that parts are smaller, and do not merge them.`,
    { details: { objectKey: key } },
  );
}

function tooManyParts(key: string, sizeBytes: number, partsMax: number): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `the object '${key}' would need more than ${partsMax} parts, the maximum of S3, after its first ${sizeBytes} bytes. Use fewer tasks, so that there are fewer parts to merge, or do not merge them.`,
    { details: { objectKey: key } },
  );
}

const FIRST_BUFFER_BYTES = 64 * KiB;
