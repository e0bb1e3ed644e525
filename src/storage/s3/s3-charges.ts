/** How S3 charges for the requests of a store. Source: https://aws.amazon.com/s3/pricing/, "Requests and data retrievals", 2026-11. */
import type { S3Operation } from './s3-errors.ts';

/** GET and HEAD are cheap, the other requests cost twelve times as much, and deletions cost nothing. */
const CHARGED_AS: Readonly<Record<S3Operation, 'read' | 'write' | 'nothing'>> = {
  GetObject: 'read',
  HeadObject: 'read',
  PutObject: 'write',
  CreateMultipartUpload: 'write',
  UploadPart: 'write',
  UploadPartCopy: 'write',
  CompleteMultipartUpload: 'write',
  AbortMultipartUpload: 'nothing',
  ListObjectsV2: 'write',
  DeleteObject: 'nothing',
  DeleteObjects: 'nothing',
};

export interface ChargedRequests {
  /** GET, HEAD */
  readonly reads: number;
  /** PUT, COPY, POST, LIST */
  readonly writes: number;
}

export function chargedRequests(counts: Readonly<Partial<Record<S3Operation, number>>>): ChargedRequests {
  let reads = 0;
  let writes = 0;
  for (const [operation, count] of Object.entries(counts)) {
    // The cast: Object.entries() forgets the names.
    const charge = CHARGED_AS[operation as S3Operation];
    if (charge === 'read') reads += count;
    else if (charge === 'write') writes += count;
  }
  return { reads, writes };
}
