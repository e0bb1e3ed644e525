/**
 * Who wrote an object, kept in its metadata: a writer whose answer was lost finds out by it whether it had been first.
 * The id is made for one upload and is never derived from a seed: two attempts with one seed must not pass for each
 * other.
 */
import { randomUUID } from 'node:crypto';
import { NO_METADATA } from '../conditions.ts';
import type { Metadata } from '../object-store.ts';
import { S3_METADATA_BYTES_MAX } from './s3-limits.ts';

const WRITER_METADATA = 'mapreduce-writer';

export function newWriterId(): string {
  return randomUUID().replaceAll('-', '');
}

export function withWriter(metadata: Metadata, writerId: string): Metadata {
  let sizeBytes = WRITER_METADATA.length + writerId.length;
  for (const [name, value] of Object.entries(metadata)) sizeBytes += name.length + value.length;
  if (sizeBytes > S3_METADATA_BYTES_MAX) {
    throw new RangeError(
      `metadata is at most ${S3_METADATA_BYTES_MAX} bytes in all, with the ${WRITER_METADATA.length + writerId.length} of '${WRITER_METADATA}'; received ${sizeBytes}`,
    );
  }
  return { ...metadata, [WRITER_METADATA]: writerId };
}

/** The user's metadata, and the writer's id where there is one. */
export function splitMetadata(stored: Record<string, string> = {}): {
  metadata: Metadata;
  writerId: string | undefined;
} {
  const { [WRITER_METADATA]: writerId, ...rest } = stored;
  return { metadata: Object.keys(rest).length === 0 ? NO_METADATA : Object.freeze(rest), writerId };
}
