/**
 * A store with the permissions of one role of the stack. It rejects, as S3 would, what infra/functions/bucket-access.ts
 * does not allow.
 */
import type { BucketAccess } from '../../infra/functions/bucket-access.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type {
  DeleteOptions,
  Metadata,
  ObjectInfo,
  ObjectStore,
  ReadOptions,
  StreamOptions,
  Upload,
  WriteOptions,
} from '../../src/storage/object-store.ts';

export class RestrictedStore extends ForwardingStore {
  readonly #who: string;
  readonly #allowed: Readonly<Record<keyof BucketAccess, readonly RegExp[]>>;

  constructor(inner: ObjectStore, { who, access }: { who: string; access: BucketAccess }) {
    super(inner);
    this.#who = who;
    this.#allowed = {
      list: access.list.map(asExpression),
      read: access.read.map(asExpression),
      write: access.write.map(asExpression),
      remove: access.remove.map(asExpression),
    };
  }

  override async head(key: string): Promise<ObjectInfo | undefined> {
    this.#check('read', key);
    return await super.head(key);
  }

  override async get(key: string, options?: ReadOptions): Promise<Buffer> {
    this.#check('read', key);
    return await super.get(key, options);
  }

  override stream(key: string, options?: StreamOptions): AsyncIterableIterator<Buffer> {
    this.#check('read', key);
    return super.stream(key, options);
  }

  override async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    this.#check('list', prefix);
    yield* super.list(prefix);
  }

  override async put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
    this.#check('write', key);
    return await super.put(key, body, options);
  }

  override async upload(key: string, options?: { metadata?: Metadata }): Promise<Upload> {
    this.#check('write', key);
    return await super.upload(key, options);
  }

  override async delete(keys: readonly string[], options?: DeleteOptions): Promise<void> {
    for (const key of keys) this.#check('remove', key);
    await super.delete(keys, options);
  }

  #check(what: keyof BucketAccess, key: string): void {
    if (this.#allowed[what].some((pattern) => pattern.test(key))) return;
    throw new MapReduceError(
      'UsageError',
      `the role of ${this.#who} may not ${what} ${key}: add it to infra/functions/bucket-access.ts if it should`,
    );
  }
}

/** Matches like IAM, where `*` stands for any characters, including slashes. */
function asExpression(pattern: string): RegExp {
  const literals = pattern.split('*').map((text) => text.replaceAll(/[^\w/-]/g, '\\$&'));
  return new RegExp(`^${literals.join('.*')}$`, 's');
}
