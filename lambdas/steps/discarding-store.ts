/** A store that reads from another store but discards all writes. For attempts that must not commit. */
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type { Metadata, ObjectInfo, Upload, WriteOptions } from '../../src/storage/object-store.ts';

export class DiscardingStore extends ForwardingStore {
  override async put(
    key: string,
    body: Uint8Array,
    { metadata = {} }: WriteOptions = {},
  ): Promise<ObjectInfo> {
    return discarded(key, body.byteLength, metadata);
  }

  override async upload(key: string, { metadata = {} }: { metadata?: Metadata } = {}): Promise<Upload> {
    let sizeBytes = 0;
    return {
      async write(chunk) {
        sizeBytes += chunk.byteLength;
      },
      complete: async () => discarded(key, sizeBytes, metadata),
      async abort() {},
    };
  }

  override async delete(): Promise<void> {}
}

function discarded(key: string, sizeBytes: number, metadata: Metadata): ObjectInfo {
  return { key, sizeBytes, etag: 'discarded', metadata };
}
