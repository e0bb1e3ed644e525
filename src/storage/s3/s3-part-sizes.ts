/** The sizes of the parts of an upload, and so how many requests it takes. */
import { PART_SIZES, S3_PART_BYTES_MAX, type S3Limits } from './s3-limits.ts';
import { UploadMemory, type UploadMemoryLimits } from './s3-upload-memory.ts';

/** The least size of the part with this number, counted from 1, if the number of parts is unknown. */
export function partSizeBytes(
  partNumber: number,
  { partBytesMin, partsMax }: Pick<S3Limits, 'partBytesMin' | 'partsMax'>,
): number {
  const doublings = Math.floor(((partNumber - 1) * PART_SIZES) / partsMax);
  return Math.min(partBytesMin * 2 ** doublings, S3_PART_BYTES_MAX);
}

/**
 * Requests that write an object of this size while no other upload is open: a PUT, or the start of an upload, its parts and its
 * completion.
 *
 * @param limits  those of the store; `uploadBytes` depends on the memory of the function (function-memory.ts)
 */
export function uploadRequests(
  sizeBytes: number,
  limits: UploadMemoryLimits & Pick<S3Limits, 'partsMax'>,
): number {
  const { partBytes } = new UploadMemory(limits);
  if (sizeBytes <= partBytes) return 1;
  let parts = 0;
  for (let sentBytes = 0; sentBytes < sizeBytes; parts++) {
    sentBytes += Math.max(partBytes, partSizeBytes(parts + 1, limits));
  }
  return parts + 2;
}
