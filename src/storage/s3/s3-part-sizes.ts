/** The sizes of the parts of an upload, and so how many requests it takes. */
import { PART_SIZES, S3_PART_BYTES_MAX, type S3Limits } from './s3-limits.ts';

/** The size of the part with this number, counted from 1, if the number of parts is unknown. */
export function partSizeBytes(
  partNumber: number,
  { partBytesMin, partsMax }: Pick<S3Limits, 'partBytesMin' | 'partsMax'>,
): number {
  const doublings = Math.floor(((partNumber - 1) * PART_SIZES) / partsMax);
  return Math.min(partBytesMin * 2 ** doublings, S3_PART_BYTES_MAX);
}

/** Requests that write an object of this size: a PUT, or the start of an upload, its parts and its completion. */
export function uploadRequests(
  sizeBytes: number,
  limits: Pick<S3Limits, 'partBytesMin' | 'partsMax'>,
): number {
  if (sizeBytes <= partSizeBytes(1, limits)) return 1;
  let parts = 0;
  for (let sentBytes = 0; sentBytes < sizeBytes; sentBytes += partSizeBytes(parts, limits)) parts++;
  return parts + 2;
}
