/**
 * A store whose uploads send as many zeros as are written to them. It writes them in pieces that are larger than a part, so
 * that the upload below allocates a part at once and never touches its memory: a simulation has hundreds of uploads at once.
 */
import { MiB } from '../../src/base/limits.ts';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type { Metadata, Upload, WriteCondition } from '../../src/storage/object-store.ts';
import { zerosInNoMemory } from '../s3/stored-bytes.ts';

const PIECE_BYTES = 128 * MiB;

export class ZeroUploads extends ForwardingStore {
  override async upload(key: string, options?: { metadata?: Metadata }): Promise<Upload> {
    const upload = await super.upload(key, options);
    let pendingBytes = 0;
    const send = async () => {
      const bytes = pendingBytes;
      pendingBytes = 0;
      if (bytes > 0) await upload.write(zerosInNoMemory(bytes));
    };
    return {
      async write(chunk) {
        pendingBytes += chunk.length;
        if (pendingBytes >= PIECE_BYTES) await send();
      },
      async complete(condition?: WriteCondition) {
        await send();
        return await upload.complete(condition);
      },
      abort: () => upload.abort(),
    };
  }
}
