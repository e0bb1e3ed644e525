/** What the commands of the SDK ask for, and what S3 answers once it executes them. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { S3Operation } from '../../src/storage/s3/s3-errors.ts';
import type { Bucket, Condition, StoredObject } from './bucket.ts';
import { answers } from './errors.ts';
import { bytesOf, type StoredBytes, sliced, zeros } from './stored-bytes.ts';

/** The bytes of an object that a GET returns. */
export interface ReadAnswer {
  readonly object: StoredObject;
  readonly start: number;
  readonly end: number;
  readonly isRange: boolean;
}

interface Described {
  readonly operation: S3Operation;
  readonly bucket: string;
  /** Of the object, or a prefix. */
  readonly key: string;
  readonly kind: 'read' | 'write';
  readonly isConditional: boolean;
  /** Bytes that the client sends. */
  readonly sentBytes: number;
  /** Bytes that S3 copies. */
  readonly copiedBytes: number;
}

export type S3Request = Described &
  (
    | { readonly operation: 'GetObject'; readonly read: (bucket: Bucket) => ReadAnswer }
    | { readonly operation: Exclude<S3Operation, 'GetObject'>; readonly execute: (bucket: Bucket) => unknown }
  );

/** Whether the bytes of an object are kept. Otherwise only their size is, and they read as zeros. */
export type KeepsBytes = (key: string) => boolean;

export function requestOf(command: unknown, keepsBytes: KeepsBytes): S3Request {
  if (command instanceof GetObjectCommand) return getRequest(command.input);
  if (command instanceof PutObjectCommand) return putRequest(command.input, keepsBytes);
  if (command instanceof UploadPartCommand) return partRequest(command.input, keepsBytes);
  if (command instanceof UploadPartCopyCommand) return copyRequest(command.input);
  if (command instanceof CompleteMultipartUploadCommand) return completeRequest(command.input);
  if (command instanceof ListObjectsV2Command) return listRequest(command.input);
  return simpleRequest(command);
}

function described<O extends S3Operation>(
  operation: O,
  { Bucket = '', Key = '' }: { Bucket?: string | undefined; Key?: string | undefined },
  more: Partial<Described> = {},
): Described & { readonly operation: O } {
  const isRead = operation === 'GetObject' || operation === 'HeadObject' || operation === 'ListObjectsV2';
  const kind = isRead ? 'read' : 'write';
  return {
    isConditional: false,
    sentBytes: 0,
    copiedBytes: 0,
    kind,
    bucket: Bucket,
    key: Key,
    ...more,
    operation,
  };
}

function getRequest(input: GetObjectCommand['input']): S3Request {
  return {
    ...described('GetObject', input),
    read(bucket) {
      const object = bucket.get(input.Key!, input.IfMatch);
      const { sizeBytes } = object.bytes;
      if (input.Range === undefined) return { object, start: 0, end: sizeBytes, isRange: false };
      const { start, end } = rangeOf(input.Range, sizeBytes);
      return { object, start, end, isRange: true };
    },
  };
}

/** @throws InvalidRange */
function rangeOf(range: string, sizeBytes: number): { start: number; end: number } {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range)!;
  const start = Number(from);
  if (start >= sizeBytes) throw answers.invalidRange;
  return { start, end: to === '' ? sizeBytes : Math.min(sizeBytes, Number(to) + 1) };
}

function putRequest(input: PutObjectCommand['input'], keepsBytes: KeepsBytes): S3Request {
  const body = bodyOf(input.Body);
  const condition = conditionOf(input);
  const about = { sentBytes: body.length, isConditional: isConditional(condition) };
  return {
    ...described('PutObject', input, about),
    execute(bucket) {
      const metadata = input.Metadata ?? {};
      const { etag } = bucket.put(input.Key!, stored(body, keepsBytes(input.Key!)), { metadata, condition });
      return { ETag: etag };
    },
  };
}

function partRequest(input: UploadPartCommand['input'], keepsBytes: KeepsBytes): S3Request {
  const body = bodyOf(input.Body);
  return {
    ...described('UploadPart', input, { sentBytes: body.length }),
    execute(bucket) {
      const bytes = stored(body, keepsBytes(input.Key!));
      return { ETag: bucket.putPart(input.UploadId!, input.PartNumber!, bytes) };
    },
  };
}

function copyRequest(input: UploadPartCopyCommand['input']): S3Request {
  const [, ...source] = input.CopySource!.split('/').map(decodeURIComponent);
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(input.CopySourceRange!)!;
  const start = Number(from);
  const end = Number(to) + 1;
  return {
    ...described('UploadPartCopy', input, { copiedBytes: end - start }),
    execute(bucket) {
      const object = bucket.get(source.join('/'), input.CopySourceIfMatch);
      if (end > object.bytes.sizeBytes) throw answers.invalidRange;
      const bytes = sliced(object.bytes, start, end);
      return { CopyPartResult: { ETag: bucket.putPart(input.UploadId!, input.PartNumber!, bytes) } };
    },
  };
}

function completeRequest(input: CompleteMultipartUploadCommand['input']): S3Request {
  const condition = conditionOf(input);
  return {
    ...described('CompleteMultipartUpload', input, { isConditional: isConditional(condition) }),
    execute(bucket) {
      const parts = (input.MultipartUpload?.Parts ?? []).map(({ PartNumber }) => PartNumber!);
      return { ETag: bucket.complete(input.UploadId!, parts, condition).etag };
    },
  };
}

function listRequest(input: ListObjectsV2Command['input']): S3Request {
  const { Prefix = '', MaxKeys = 1_000, ContinuationToken: after } = input;
  return {
    ...described('ListObjectsV2', { Bucket: input.Bucket, Key: Prefix }),
    execute(bucket) {
      const options = { keysMax: MaxKeys + 1, ...(after === undefined ? {} : { after }) };
      const found = bucket.list(Prefix, options);
      const page = found.slice(0, MaxKeys);
      return {
        Contents: page.map((Key) => {
          const { bytes, etag } = bucket.find(Key)!;
          return { Key, Size: bytes.sizeBytes, ETag: etag };
        }),
        IsTruncated: found.length > MaxKeys,
        NextContinuationToken: page.at(-1),
      };
    },
  };
}

function simpleRequest(command: unknown): S3Request {
  if (command instanceof HeadObjectCommand) {
    const { input } = command;
    return { ...described('HeadObject', input), execute: (bucket) => headOf(bucket.get(input.Key!)) };
  }
  if (command instanceof CreateMultipartUploadCommand) {
    const { input } = command;
    return {
      ...described('CreateMultipartUpload', input),
      execute: (bucket) => ({ UploadId: bucket.createUpload(input.Key!, input.Metadata ?? {}) }),
    };
  }
  if (command instanceof AbortMultipartUploadCommand) {
    const { input } = command;
    return {
      ...described('AbortMultipartUpload', input),
      execute: (bucket) => bucket.abortUpload(input.UploadId!),
    };
  }
  if (command instanceof DeleteObjectCommand) {
    const { input } = command;
    return { ...described('DeleteObject', input), execute: (bucket) => bucket.delete(input.Key!) };
  }
  if (command instanceof DeleteObjectsCommand) {
    const { Bucket, Delete } = command.input;
    const keys = (Delete?.Objects ?? []).map(({ Key }) => Key!);
    return {
      ...described('DeleteObjects', { Bucket, Key: keys[0] }),
      execute(bucket) {
        for (const key of keys) bucket.delete(key);
        return {};
      },
    };
  }
  throw new Error(`the simulated S3 does not know ${(command as object).constructor.name}`);
}

export function headOf({ bytes, etag, metadata }: StoredObject): object {
  return { ContentLength: bytes.sizeBytes, ETag: etag, Metadata: metadata };
}

function bodyOf(body: unknown): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  throw new TypeError(`the simulated S3 takes bytes or text as a body; received ${typeof body}`);
}

/** A copy, because the caller may use the memory again. */
function stored(body: Buffer, isKept: boolean): StoredBytes {
  return isKept ? bytesOf(Buffer.from(body)) : zeros(body.length);
}

function conditionOf({
  IfNoneMatch,
  IfMatch,
}: {
  IfNoneMatch?: string | undefined;
  IfMatch?: string | undefined;
}): Condition {
  return { ifNoneMatch: IfNoneMatch, ifMatch: IfMatch };
}

function isConditional({ ifNoneMatch, ifMatch }: Condition): boolean {
  return ifNoneMatch !== undefined || ifMatch !== undefined;
}
