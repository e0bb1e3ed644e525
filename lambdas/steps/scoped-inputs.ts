/**
 * The bucket as the inputs of one request are listed from it: keys that no request may read do not exist, and only so
 * many keys are looked through, whatever the patterns are.
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
      `finding the inputs takes a listing of more than ${LIMITS.keysListedMax} keys; the last listing was of those that start with '${prefix}' in ${this.location}. Name longer prefixes: a glob lists every key that starts with the text before its first wildcard`,
      { details: { file: prefix } },
    );
  }
}
