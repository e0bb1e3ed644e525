/** Removes objects, a thousand per request. A response of 200 may still list keys that were not removed. */
import { DeleteObjectCommand, DeleteObjectsCommand, type _Error as DeletionError } from '@aws-sdk/client-s3';
import { mapBounded } from '../../base/map-bounded.ts';
import type { DeleteOptions } from '../object-store.ts';
import { DELETE_CALLS_IN_FLIGHT_MAX, S3_DELETES_PER_CALL_MAX } from './s3-limits.ts';
import type { RequestOptions, S3Requests } from './s3-requests.ts';

/** Takes keys of the bucket. Throws S3Failure for the first key that could not be removed. */
export async function deleteObjects(
  requests: S3Requests,
  keys: readonly string[],
  { stillWanted }: DeleteOptions = {},
): Promise<void> {
  const unique = [...new Set(keys)];
  const alone = unique.length === 1 ? unique : unique.filter((key) => !XML_CAN_CARRY.test(key));
  const together = unique.length === 1 ? [] : unique.filter((key) => XML_CAN_CARRY.test(key));
  const batches = Array.from({ length: Math.ceil(together.length / S3_DELETES_PER_CALL_MAX) }, (_, batch) =>
    together.slice(batch * S3_DELETES_PER_CALL_MAX, (batch + 1) * S3_DELETES_PER_CALL_MAX),
  );
  const options =
    stillWanted === undefined
      ? {}
      : {
          beforeRetry: async () => {
            if (!(await stillWanted())) throw new Unwanted();
          },
        };
  try {
    await mapBounded(batches, DELETE_CALLS_IN_FLIGHT_MAX, (batch) => deleteBatch(requests, batch, options));
    await mapBounded(alone, DELETE_CALLS_IN_FLIGHT_MAX, (key) => deleteOne(requests, key, options));
  } catch (error) {
    if (!(error instanceof Unwanted)) throw error;
  }
}

/** Ends a removal that is no longer wanted. */
class Unwanted extends Error {}

async function deleteOne(requests: S3Requests, key: string, options: RequestOptions): Promise<void> {
  await requests.send(
    requests.call('DeleteObject', key),
    (client, sendOptions) =>
      client.send(new DeleteObjectCommand({ Bucket: requests.bucket, Key: key }), sendOptions),
    options,
  );
}

/** Retries the keys that failed, by the same rules as a failed call. */
async function deleteBatch(
  requests: S3Requests,
  batch: readonly string[],
  options: RequestOptions,
): Promise<void> {
  let left = batch;
  const call = { ...requests.call('DeleteObjects', batch[0]!) };
  await requests.retried(
    call,
    async () => {
      const { Errors = [] } = await requests.sendOnce(call, (client, sendOptions) =>
        client.send(
          new DeleteObjectsCommand({
            Bucket: requests.bucket,
            Delete: { Objects: left.map((Key) => ({ Key })), Quiet: true },
          }),
          sendOptions,
        ),
      );
      const failed = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
      if (failed.length === 0) return;
      left = failed.map(({ Key }) => Key!);
      call.key = left[0]!;
      throw deletionFailure(failed);
    },
    options,
  );
}

/** Has the form of the SDK's errors, so that it is treated like one. A lasting error takes precedence over a passing one. */
function deletionFailure(errors: readonly DeletionError[]): Error {
  const { Code = 'InternalError', Message = '' } =
    errors.find(({ Code }) => !PASSING_CODES.has(Code ?? '')) ?? errors[0]!;
  const others = errors.length === 1 ? '' : ` (and ${errors.length - 1} more keys failed)`;
  const error = new Error(`${Message}${others}`);
  error.name = Code;
  return Object.assign(error, {
    $metadata: { httpStatusCode: Code === 'AccessDenied' ? 403 : 400, attempts: 1 },
  });
}

const PASSING_CODES = new Set(['InternalError', 'SlowDown', 'ServiceUnavailable']);

/** XML 1.0 cannot represent the other control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression excludes them on purpose.
const XML_CAN_CARRY = /^[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$/;
