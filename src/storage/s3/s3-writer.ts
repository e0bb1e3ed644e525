/**
 * The writer of an object, recorded in its metadata: a writer whose response was lost finds out by it whether it was first.
 * The id is unique to one upload and never derived from a seed: otherwise two attempts with the same seed could be mistaken
 * for each other.
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
      `metadata must have at most ${S3_METADATA_BYTES_MAX} bytes in all, including the ${WRITER_METADATA.length + writerId.length} of '${WRITER_METADATA}'; received ${sizeBytes}`,
    );
  }
  return { ...metadata, [WRITER_METADATA]: writerId };
}

/** Splits stored metadata into the user's metadata and the writer's id, if there is one. */
export function splitMetadata(stored: Record<string, string> = {}): {
  metadata: Metadata;
  writerId: string | undefined;
} {
  const { [WRITER_METADATA]: writerId, ...rest } = stored;
  return { metadata: Object.keys(rest).length === 0 ? NO_METADATA : Object.freeze(rest), writerId };
}
