/** Lists keys under a prefix, page by page. The next page is fetched while the reader uses one. */
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { MapReduceError } from '../../base/errors.ts';
import { compareUtf8 } from '../../base/utf8-order.ts';
import { NO_METADATA } from '../conditions.ts';
import type { ObjectInfo } from '../object-store.ts';
import { S3_LIST_PAGE_KEYS_MAX } from './s3-limits.ts';
import type { S3Requests } from './s3-requests.ts';

/** Returns keys of the bucket. */
export async function* listObjects(requests: S3Requests, prefix: string): AsyncGenerator<ObjectInfo> {
  const controller = new AbortController();
  const fetchPage = (token?: string) => {
    const page = requests.send(
      requests.call('ListObjectsV2', prefix),
      (client, options) =>
        client.send(
          new ListObjectsV2Command({
            Bucket: requests.bucket,
            Prefix: prefix,
            MaxKeys: S3_LIST_PAGE_KEYS_MAX,
            // XML cannot represent every key.
            EncodingType: 'url',
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
          options,
        ),
      { signal: controller.signal },
    );
    page.catch(() => {});
    return page;
  };
  try {
    let before: string | undefined;
    for (let next: Promise<ListObjectsV2CommandOutput> | undefined = fetchPage(); next !== undefined; ) {
      const page: ListObjectsV2CommandOutput = await next;
      next = page.IsTruncated ? fetchPage(continuationToken(requests, prefix, page)) : undefined;
      for (const { Key, Size, ETag } of page.Contents ?? []) {
        const key = page.EncodingType === 'url' ? decodeKey(Key!) : Key!;
        if (before !== undefined && compareUtf8(before, key) >= 0)
          throw unordered(requests.bucket, before, key);
        before = key;
        yield { key, sizeBytes: Size ?? 0, etag: ETag ?? '', metadata: NO_METADATA };
      }
    }
  } finally {
    controller.abort();
  }
}

/** Decodes the encoding of HTML forms, in which '+' is a space. */
function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '));
}

/** Throws if there are more keys but no token to get them, since the page would look like the last one. */
function continuationToken(
  { bucket }: S3Requests,
  prefix: string,
  { NextContinuationToken }: ListObjectsV2CommandOutput,
): string {
  if (NextContinuationToken) return NextContinuationToken;
  throw new MapReduceError(
    'StorageError',
    `the listing of s3://${bucket}/${prefix} is incomplete: S3 reported more keys, but returned no token to continue`,
  );
}

function unordered(bucket: string, before: string, key: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `bucket '${bucket}' lists '${key}' after '${before}', which is not byte order; directory buckets (S3 Express One Zone) do that. Use a general purpose bucket.`,
    { details: { objectKey: key } },
  );
}
