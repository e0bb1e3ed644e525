/** The bucket as it will be once files are uploaded that are still on the caller's machine: only their names and sizes count. */
import type { AnnouncedFile } from '../../src/aws/protocol/job-state.ts';
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';
import { DiscardingStore } from './discarding-store.ts';

export class AnnouncedInputs extends DiscardingStore {
  /** In ascending order of the bytes of their keys, as stores list objects. */
  readonly #files: readonly ObjectInfo[];

  constructor(inner: ObjectStore, files: readonly AnnouncedFile[]) {
    super(inner);
    this.#files = files
      .map(({ key, sizeBytes }) => ({ key, sizeBytes, etag: 'announced', metadata: {} }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }

  override async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#files.find((file) => file.key === key) ?? (await super.head(key));
  }

  /** Each job uploads to a folder of its own, so a prefix matches objects or announced files, not a mixture. */
  override async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    yield* super.list(prefix);
    yield* this.#files.filter(({ key }) => key.startsWith(prefix));
  }
}
