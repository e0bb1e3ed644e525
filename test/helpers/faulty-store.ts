/**
 * An object store that fails once, at an operation that the test chooses. Crash-point tests run their subject once
 * without a plan to count its storage operations, then once for each operation and kind of fault:
 *
 *     const dry = new FaultyStore(new MemoryStore());
 *     await subject(dry);
 *     for (let operation = 1; operation <= dry.operations; operation++) {
 *       for (const fault of FAULT_KINDS) {
 *         const inner = new MemoryStore();
 *         await using store = new FaultyStore(inner, { operation, fault });
 *         await subject(store).catch(expectInjected);
 *         ... look at `inner`, recover, assert(store.fired)
 *
 * Operations by their names in `log`:
 *
 *     head get put delete                 each call
 *     upload                              starts an upload; then
 *     upload.write upload.complete upload.abort
 *     stream stream.read                  opens the stream; then each read of a chunk or of the end
 *     list list.end                       opens the listing; then the end, after all entries
 */
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

/**
 *     fail-before   not performed, StorageError
 *     fail-after    performed, but reports a StorageError, so the caller cannot know
 *     die-before    not performed; this and all later operations throw AttemptDied, because a dead process does nothing
 *     die-after     performed, then like die-before
 */
export const FAULT_KINDS = ['fail-before', 'fail-after', 'die-before', 'die-after'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultPlan {
  /** The number of the operation, counted from 1. */
  readonly operation: number;
  readonly fault: FaultKind;
}

/** Represents the end of the process. No code of the attempt may rely on running after it. */
export class AttemptDied extends Error {
  override readonly name = 'AttemptDied';
}

export class FaultyStore extends ForwardingStore {
  /** The number of operations requested so far, except those requested after death. */
  operations = 0;
  /** Whether the planned fault has occurred. */
  fired = false;
  /** The operations in the order of the requests, as 'put out/part-r-00000'. */
  readonly log: string[] = [];
  readonly #plan: FaultPlan | undefined;
  readonly #uploads = new Set<Upload>();
  #dead = false;

  constructor(inner: ObjectStore, plan?: FaultPlan) {
    super(inner);
    this.#plan = plan;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Lets a new process use this view. The fault does not occur again. */
  revive(): void {
    this.#dead = false;
  }

  /**
   * Closes what dead attempts hold open in the inner store, which removes their uploads. Call it at the end of a test.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const upload of this.#uploads) await upload.abort();
    this.#uploads.clear();
  }

  override head(key: string): Promise<ObjectInfo | undefined> {
    return this.#perform(`head ${key}`, () => super.head(key));
  }

  override get(key: string, options?: ReadOptions): Promise<Buffer> {
    return this.#perform(`get ${key}`, () => super.get(key, options));
  }

  override put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
    return this.#perform(`put ${key}`, () => super.put(key, body, options));
  }

  override delete(keys: readonly string[], options?: DeleteOptions): Promise<void> {
    return this.#perform(`delete ${keys.join(' ')}`, () => super.delete(keys, options));
  }

  override async upload(key: string, options?: { metadata?: Metadata }): Promise<Upload> {
    const upload = await this.#perform(`upload ${key}`, async () => {
      const started = await super.upload(key, options);
      this.#uploads.add(started);
      return started;
    });
    const end = <T>(value: T): T => {
      this.#uploads.delete(upload);
      return value;
    };
    return {
      write: (chunk) => this.#perform(`upload.write ${key}`, () => upload.write(chunk)),
      complete: (how) => this.#perform(`upload.complete ${key}`, async () => end(await upload.complete(how))),
      abort: () => this.#perform(`upload.abort ${key}`, async () => end(await upload.abort())),
    };
  }

  override async *stream(key: string, options?: StreamOptions): AsyncIterableIterator<Buffer> {
    await this.#perform(`stream ${key}`, async () => {});
    const chunks = super.stream(key, options);
    try {
      for (;;) {
        const { done, value } = await this.#perform(`stream.read ${key}`, () => chunks.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      // Runs for dead attempts too, because the system closes the files of a dead process.
      await chunks.return?.();
    }
  }

  override async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    await this.#perform(`list ${prefix}`, async () => {});
    for await (const info of super.list(prefix)) {
      this.#assertAlive(`list ${prefix}`);
      yield info;
    }
    await this.#perform(`list.end ${prefix}`, async () => {});
  }

  async #perform<T>(what: string, run: () => Promise<T>): Promise<T> {
    this.#assertAlive(what);
    this.operations += 1;
    this.log.push(what);
    const operation = this.operations;
    const fault = !this.fired && operation === this.#plan?.operation ? this.#plan.fault : undefined;
    if (fault !== undefined) this.fired = true;

    if (fault === 'die-before') this.#dead = true;
    if (fault === 'fail-before' || fault === 'die-before') throw injected(fault, { operation, what });
    try {
      const result = await run();
      this.#assertAlive(what);
      if (fault === undefined) return result;
    } catch (error) {
      // Other operations may be running when the attempt dies. It never learns how they ended.
      this.#assertAlive(what);
      if (fault === undefined) throw error;
    }
    if (fault === 'die-after') this.#dead = true;
    throw injected(fault, { operation, what });
  }

  #assertAlive(what: string): void {
    if (this.#dead) throw new AttemptDied(`the attempt is dead and requested: ${what}`);
  }
}

function injected(fault: FaultKind, { operation, what }: { operation: number; what: string }): Error {
  const message = `injected fault '${fault}' at operation ${operation}: ${what}`;
  return fault.startsWith('die') ? new AttemptDied(message) : new MapReduceError('StorageError', message);
}
