/** How S3 charges for requests. Source: https://aws.amazon.com/s3/pricing/, "Requests and data retrievals", 2026-11. */
import type { S3Operation } from './s3-errors.ts';

/** PUT stands for every request that writes: also the start, the parts and the end of an upload. DELETE also ends one. */
export type RequestKind = 'PUT' | 'LIST' | 'GET' | 'HEAD' | 'DELETE';

/** GET and HEAD are cheap, the other requests cost twelve times as much, and deletions cost nothing. */
const CHARGED_AS: Readonly<Record<RequestKind, keyof ChargedRequests | 'nothing'>> = {
  GET: 'reads',
  HEAD: 'reads',
  PUT: 'writes',
  LIST: 'writes',
  DELETE: 'nothing',
};

const KIND_OF: Readonly<Record<S3Operation, RequestKind>> = {
  GetObject: 'GET',
  HeadObject: 'HEAD',
  PutObject: 'PUT',
  CreateMultipartUpload: 'PUT',
  UploadPart: 'PUT',
  UploadPartCopy: 'PUT',
  CompleteMultipartUpload: 'PUT',
  AbortMultipartUpload: 'DELETE',
  ListObjectsV2: 'LIST',
  DeleteObject: 'DELETE',
  DeleteObjects: 'DELETE',
};

export interface ChargedRequests {
  /** GET, HEAD */
  readonly reads: number;
  /** PUT, COPY, POST, LIST */
  readonly writes: number;
}

export function chargedRequests(
  requests: readonly { readonly operation: RequestKind; readonly count: number }[],
): ChargedRequests {
  const counts = { reads: 0, writes: 0, nothing: 0 };
  for (const { operation, count } of requests) counts[CHARGED_AS[operation]] += count;
  return { reads: counts.reads, writes: counts.writes };
}

/** The same for what a store or the simulated S3 has counted. */
export function chargedOperations(counts: Readonly<Partial<Record<S3Operation, number>>>): ChargedRequests {
  // The cast: Object.entries() forgets the names.
  const entries = Object.entries(counts) as [S3Operation, number][];
  return chargedRequests(entries.map(([operation, count]) => ({ operation: KIND_OF[operation], count })));
}
