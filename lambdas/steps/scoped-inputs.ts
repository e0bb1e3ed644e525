/**
 * The store from which the inputs of one request are listed. It hides keys that no request may read, and bounds how many
 * keys are listed, whatever the patterns are.
 */
import { isReadable } from '../../src/aws/protocol/request-scope.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';
import { DiscardingStore } from './discarding-store.ts';

export class ScopedInputs extends DiscardingStore {
  readonly #readablePrefixes: readonly string[];
  #keysListed = 0;

  constructor(inner: ObjectStore, { readablePrefixes }: { readablePrefixes: readonly string[] }) {
    super(inner);
    this.#readablePrefixes = readablePrefixes;
  }

  override async head(key: string): Promise<ObjectInfo | undefined> {
    return isReadable(key, this.#readablePrefixes) ? await super.head(key) : undefined;
  }

  override async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    for await (const info of super.list(prefix)) {
      this.#keysListed += 1;
      if (this.#keysListed > LIMITS.keysListedMax) throw this.#tooManyKeys(prefix);
      if (isReadable(info.key, this.#readablePrefixes)) yield info;
    }
  }

  #tooManyKeys(prefix: string): MapReduceError {
    return new MapReduceError(
      'UsageError',
      `finding the inputs requires listing more than ${LIMITS.keysListedMax} keys; the last listing was of those that start with '${prefix}' in ${this.location}. Name longer prefixes: a glob lists every key that starts with the text before its first wildcard`,
      { details: { file: prefix } },
    );
  }
}
