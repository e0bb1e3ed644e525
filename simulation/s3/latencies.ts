/** How long S3 takes, without the time that bytes need on the network. */
import { S3_FACTS } from '../../src/aws/model/facts.ts';
import type { S3Operation } from '../../src/storage/s3/s3-errors.ts';
import { distributionOf, LogNormal } from '../distributions.ts';

const get = new LogNormal({
  median: S3_FACTS.getFirstByteMsMedian.value,
  p95: S3_FACTS.getFirstByteMsP95.value,
});
const put = new LogNormal({ median: S3_FACTS.putMsMedian.value, p95: S3_FACTS.putMsP95.value });

export const LATENCIES: Readonly<Record<S3Operation, LogNormal>> = {
  GetObject: get,
  HeadObject: distributionOf(S3_FACTS.headMsMedian),
  ListObjectsV2: distributionOf(S3_FACTS.listMsMedian),
  PutObject: put,
  CreateMultipartUpload: put,
  UploadPart: put,
  UploadPartCopy: put,
  CompleteMultipartUpload: distributionOf(S3_FACTS.completeMsMedian),
  AbortMultipartUpload: put,
  DeleteObject: put,
  DeleteObjects: put,
};

/** Until a 503 arrives. Assumed: S3 refuses without looking for the object. */
export const REFUSAL_MS = 10;
/** Of a copy inside of S3. Assumed. */
export const COPY_BYTES_PER_SECOND = 250e6;

/** Of one connection, in milliseconds. */
export function connectionMs(bytes: number): number {
  return (bytes / S3_FACTS.bytesPerSecondOfConnection.value) * 1000;
}
