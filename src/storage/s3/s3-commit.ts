/**
 * The one request by which a write becomes visible, PutObject or CompleteMultipartUpload, and what its answer means.
 * With `If-None-Match: *` exactly one of several writers may be told that it was first, also when answers get lost; with
 * `If-Match` exactly one of several that replace the same object:
 *
 *     answer                                        the writer is told
 *     200                                           done
 *     412 to a request sent once                    another was first
 *     412 after a request whose answer was lost     look: our own writer id -> done, else another was first
 *     404 NoSuchUpload                              look: ours -> done (S3 forgets an upload once it is completed, and
 *                                                   perhaps one that met a conflict)
 *     409 ConditionalRequestConflict                a race; sent again, and when attempts run out: look
 *     503, 500, broken connection, no answer        sent again, and when attempts run out: look
 *
 * To look is a HEAD of the object. What is still unknown then is a StorageError: the task's next attempt uploads
 * everything again, which is what S3 asks for after a conflict, and will be told 412 if this one was carried out after
 * all. Source: the S3 API reference on If-None-Match of PutObject and CompleteMultipartUpload.
 */
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { alreadyExists, changedSince } from '../conditions.ts';
import type { WriteCondition } from '../object-store.ts';
import { objectKeyOf, type S3Call, S3Failure } from './s3-errors.ts';
import type { S3Requests, Send } from './s3-requests.ts';
import { splitMetadata } from './s3-writer.ts';

export interface Commit {
  readonly call: S3Call;
  readonly send: Send<{ ETag?: string | undefined }>;
  readonly timeoutMs: number;
  /** In the object's metadata, if this very write made it. */
  readonly writerId: string;
  readonly condition: WriteCondition;
}

/** The ETag of the object. Throws PreconditionFailedError when the condition does not hold, S3Failure for everything else. */
export async function commit(
  requests: S3Requests,
  { call, send, timeoutMs, writerId, condition: { ifNoneMatch, ifMatch } }: Commit,
): Promise<string> {
  try {
    return (await requests.send(call, send, { timeoutMs })).ETag ?? '';
  } catch (error) {
    if (!(error instanceof S3Failure)) throw error;
    const where = `s3://${call.bucket}/${call.key}`;
    const another = (found: string) =>
      ifMatch === undefined
        ? alreadyExists(where, objectKeyOf(call), error.cause)
        : changedSince(where, objectKeyOf(call), { expected: ifMatch, found });
    if (error.fault === 'precondition' && !error.maybeDone) throw another('another');
    // S3 answers a replacement of an object that is gone with 404.
    if (ifMatch !== undefined && error.fault === 'missing') throw another('no object');
    if (!isUndecided(error)) throw error;

    const found = await look(requests, call).catch(() => {
      throw error;
    });
    if (found?.writerId === writerId) return found.etag;
    if (found !== undefined && ifNoneMatch === '*') throw another(found.etag);
    if (ifMatch !== undefined && found?.etag !== ifMatch) throw another(found?.etag ?? 'no object');
    throw error;
  }
}

function isUndecided({ fault, maybeDone }: S3Failure): boolean {
  if (fault === 'precondition') return maybeDone;
  return fault === 'no-upload' || fault === 'conflict' || fault === 'passing' || fault === 'throttled';
}

async function look(
  requests: S3Requests,
  { key }: S3Call,
): Promise<{ etag: string; writerId: string | undefined } | undefined> {
  try {
    const head = await requests.send(requests.call('HeadObject', key), (client, options) =>
      client.send(new HeadObjectCommand({ Bucket: requests.bucket, Key: key }), options),
    );
    return { etag: head.ETag ?? '', writerId: splitMetadata(head.Metadata).writerId };
  } catch (error) {
    if (error instanceof S3Failure && error.fault === 'missing') return undefined;
    throw error;
  }
}
