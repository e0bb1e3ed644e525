/**
 * A store whose uploads send as many zeros as are written to them. Each piece completes a part, and is one byte more than
 * that, so the upload below sends the part at once, as it does with a real task, and never touches the memory of the next
 * one: a simulation has hundreds of uploads at once.
 */
import { TASK_MEMORY_MB } from '../../src/aws/model/job-shape.ts';
import { uploadPartBytes } from '../../src/aws/model/reads.ts';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type { Metadata, Upload, WriteCondition } from '../../src/storage/object-store.ts';
import { zerosInNoMemory } from '../s3/stored-bytes.ts';

/** The pieces of an object of so many bytes: an upload sends a full part when it receives the byte that follows. */
export function uploadPieces(totalBytes: number): number[] {
  const pieces: number[] = [];
  for (let left = totalBytes; left > 0; left -= pieces.at(-1)!) {
    pieces.push(Math.min(left, pieceBytes(pieces.length)));
  }
  return pieces;
}

function pieceBytes(index: number): number {
  return uploadPartBytes(TASK_MEMORY_MB) + (index === 0 ? 1 : 0);
}

export class ZeroUploads extends ForwardingStore {
  override async upload(key: string, options?: { metadata?: Metadata }): Promise<Upload> {
    const upload = await super.upload(key, options);
    let [pendingBytes, sentPieces] = [0, 0];
    const send = async (bytes: number) => {
      pendingBytes -= bytes;
      await upload.write(zerosInNoMemory(bytes));
    };
    return {
      async write(chunk) {
        pendingBytes += chunk.length;
        for (let bytes = pieceBytes(sentPieces); pendingBytes >= bytes; bytes = pieceBytes(sentPieces)) {
          sentPieces += 1;
          await send(bytes);
        }
      },
      async complete(condition?: WriteCondition) {
        if (pendingBytes > 0) await send(pendingBytes);
        return await upload.complete(condition);
      },
      abort: () => upload.abort(),
    };
  }
}
