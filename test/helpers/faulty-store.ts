/**
 * An object store that fails once, at a place of your choosing. Crash-point tests run their subject once without a
 * plan to count its storage operations, then once for each operation and kind of fault:
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
 * What counts as an operation, by its name in `log`:
 *
 *     head get put delete                 each call
 *     upload                              the start of one; then
 *     upload.write upload.complete upload.abort
 *     stream stream.read                  the first asks to open, then each asks for a chunk (or for the end)
 *     list list.end                       the opening, and the end after all entries have been given
 */
import { MapReduceError } from '../../src/base/errors.ts';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import type {
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
 *     fail-after    performed, StorageError all the same: the caller cannot know
 *     die-before    not performed; AttemptDied, now and from every operation that follows, as a dead process does nothing more
 *     die-after     performed, then as above
 */
export const FAULT_KINDS = ['fail-before', 'fail-after', 'die-before', 'die-after'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultPlan {
  /** Counted from 1. */
  readonly operation: number;
  readonly fault: FaultKind;
}

/** Stands for the end of the process: no code of the attempt may count on running after it. */
export class AttemptDied extends Error {
  override readonly name = 'AttemptDied';
}

export class FaultyStore extends ForwardingStore {
  /** How many operations were asked for so far, by the living. */
  operations = 0;
  /** Whether the planned fault happened. */
  fired = false;
  /** The operations in the order in which they were asked for, as 'put out/part-r-00000'. */
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

  /** A new process takes over this view; the fault does not come again. */
  revive(): void {
    this.#dead = false;
  }

  /** Lets go of what dead attempts hold open in the inner store (and so removes their uploads). For the test's end. */
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

  override delete(keys: readonly string[]): Promise<void> {
    return this.#perform(`delete ${keys.join(' ')}`, () => super.delete(keys));
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
      // Also for the dead: the system closes their files.
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
      // Others may be under way when the attempt dies; it never learns how they ended.
      this.#assertAlive(what);
      if (fault === undefined) throw error;
    }
    if (fault === 'die-after') this.#dead = true;
    throw injected(fault, { operation, what });
  }

  #assertAlive(what: string): void {
    if (this.#dead) throw new AttemptDied(`the attempt is dead and asked for: ${what}`);
  }
}

function injected(fault: FaultKind, { operation, what }: { operation: number; what: string }): Error {
  const message = `injected fault '${fault}' at operation ${operation}: ${what}`;
  return fault.startsWith('die') ? new AttemptDied(message) : new MapReduceError('StorageError', message);
}
