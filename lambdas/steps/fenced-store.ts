/**
 * The store of an attempt. Before each commit to the output, it checks whether the attempt is still wanted. A job is
 * cancelled before it loses its output, so its attempts commit nothing after that, however long a task takes.
 */
import type { Clock } from '../../src/base/clock.ts';
import type { ObjectInfo, ObjectStore, Upload, WriteOptions } from '../../src/storage/object-store.ts';
import { TurnTakingStore } from './turn-taking-store.ts';

export class FencedStore extends TurnTakingStore {
  readonly #outputPrefix: string;
  readonly #assertWanted: () => Promise<void>;

  constructor(
    inner: ObjectStore,
    {
      outputPrefix,
      assertWanted,
      clock,
    }: { outputPrefix: string; assertWanted: () => Promise<void>; clock: Clock },
  ) {
    super(inner, clock);
    this.#outputPrefix = outputPrefix;
    this.#assertWanted = assertWanted;
  }

  override async put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
    if (key.startsWith(this.#outputPrefix)) await this.#assertWanted();
    return await super.put(key, body, options);
  }

  override async upload(...args: Parameters<ObjectStore['upload']>): Promise<Upload> {
    const upload = await super.upload(...args);
    if (!args[0].startsWith(this.#outputPrefix)) return upload;
    return {
      write: (chunk) => upload.write(chunk),
      ...(upload.append === undefined ? {} : { append: upload.append.bind(upload) }),
      complete: async (condition) => {
        await this.#assertWanted();
        return await upload.complete(condition);
      },
      abort: () => upload.abort(),
    };
  }
}
