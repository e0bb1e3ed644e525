/**
 * The request that makes a write visible, PutObject or CompleteMultipartUpload, and what its response means. With
 * `If-None-Match: *`, at most one of several writers succeeds, even if responses are lost; with `If-Match`, at most one of
 * several that replace the same object:
 *
 *     response                                        result for the writer
 *     200                                             done
 *     412 to a request sent once                      another was first
 *     412 after a request whose response was lost     check: own writer id -> done, otherwise another was first
 *     404 NoSuchUpload                                check: own -> done (S3 forgets an upload once it is completed, and
 *                                                     perhaps after a conflict)
 *     409 ConditionalRequestConflict                  a race; sent again, and after the last attempt: check
 *     503, 500, broken connection, no response        sent again, and after the last attempt: check
 *
 * The check is a HEAD of the object. If the result is still unknown, it is a StorageError: the task's next attempt uploads
 * everything again, as S3 demands after a conflict, and receives 412 if this write was executed after all. Source: the S3
 * API reference on If-None-Match of PutObject and CompleteMultipartUpload.
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
  /** In the metadata of the object if this write created it. */
  readonly writerId: string;
  readonly condition: WriteCondition;
}

/** Returns the object's ETag. Throws PreconditionFailedError if the condition does not hold, S3Failure for everything else. */
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
    // S3 returns 404 for the replacement of an object that does not exist.
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
