/**
 * The memory of a sort buffer: records, their entries, and what sorting them needs. It is the memory of a WebAssembly kernel
 * (kernels/sort.ts), which sorts and gathers records several times as fast as JavaScript. Where the kernel cannot run, JavaScript
 * does the same on an ordinary buffer (sort-twin.ts).
 *
 *   results, counts | block | arena | offsets | partitions | offsets, grouped by partition | scratch of the sort
 *
 * Each part has room for the most that the arena's budget allows. Memory that was never touched costs nothing.
 */
import { KiB } from '../base/limits.ts';
import { COLLECTED_BYTES_MIN, compileWebAssembly } from '../base/web-assembly.ts';
import { NUMBER_VALUE_BYTES_MAX } from '../codec/number-value.ts';
import { SORT_KERNEL } from '../shuffle/sort-kernel-code.ts';
import { type SortFunctions, SortTwin } from './sort-twin.ts';

/** What a record takes beside its bytes: offset, partition; while draining, grouped offset, two items of the sort, pending ranges. */
export const RECORD_SORT_BYTES = 4 + 2 + 4 + 2 * 8 + 1;

/** Positions in bytes, as in kernels/sort.ts. */
const VALUE_AT = 512;
const COPIES_AT = 1 * KiB;
const ENDS_AT = 64 * KiB;
const BLOCK_AT = 128 * KiB;
const ARENA_AT = 320 * KiB;
const PAGE_BYTES = 64 * KiB;
/** Copies that wait for each other. */
const COPIES_MAX = 1024;
/** A block may have so many bytes. The kernel's copies may write 16 more. */
const BLOCK_ROOM_BYTES = ARENA_AT - BLOCK_AT - 16;

export interface BlockSize {
  /** A block is complete when it has as many. */
  readonly blockBytes: number;
  /** What it may have. */
  readonly roomBytes: number;
}

export interface GatheredBlock {
  /** Valid until the next call. */
  readonly payload: Buffer;
  readonly records: number;
}

/** What appendWords() continues. */
export interface WordRecords {
  /** What the records and their entries may take. */
  readonly budgetBytes: number;
  readonly usedBytes: number;
  readonly count: number;
  readonly valueBytes: number;
  /** Partitions by hash. */
  readonly partitions: number;
}

/** The longest text that appendWords() takes. What follows it is overwritten. */
export const WORDS_TEXT_BYTES_MAX = 64 * KiB;

export class SortMemory {
  /** Its length is the budget. */
  readonly arena: Buffer;
  /** Where each record starts in the arena, and its partition. */
  readonly offsets: Uint32Array;
  readonly partitions: Uint16Array;
  readonly #functions: SortFunctions;
  readonly #buffer: ArrayBuffer;
  readonly #results: Uint32Array;
  /** The block that gather() makes. Before, the bytes of which copies are to be made. */
  readonly #block: Buffer;
  readonly #pendingCopies: Uint32Array;
  #copies = 0;
  #staged: Buffer | undefined;
  readonly #offsetsAt: number;
  readonly #partitionsAt: number;
  readonly #groupedAt: number;
  #scratchAt = 0;
  /** How much of the arena has ever been used. */
  usedBytes = 0;

  /** @param usesKernel  false: JavaScript, for comparison */
  constructor(arenaBytes: number, usesKernel = true) {
    const recordsMax = Math.floor(arenaBytes / RECORD_SORT_BYTES) + 2;
    const offsetsAt = aligned(ARENA_AT + arenaBytes);
    const partitionsAt = offsetsAt + 4 * recordsMax;
    const groupedAt = aligned(partitionsAt + 2 * recordsMax);
    const scratchBytes = aligned(17 * recordsMax + 2 * PAGE_BYTES);
    const started = startSorting(aligned(groupedAt + 4 * recordsMax) + scratchBytes, usesKernel);
    this.#functions = started.functions;
    const { buffer } = started;
    this.#buffer = buffer;
    this.#offsetsAt = offsetsAt;
    this.#partitionsAt = partitionsAt;
    this.#groupedAt = groupedAt;
    this.#results = new Uint32Array(buffer, 0, 3);
    this.value = Buffer.from(buffer, VALUE_AT, NUMBER_VALUE_BYTES_MAX);
    this.text = Buffer.from(buffer, BLOCK_AT, WORDS_TEXT_BYTES_MAX);
    this.#block = Buffer.from(buffer, BLOCK_AT, BLOCK_ROOM_BYTES);
    this.#pendingCopies = new Uint32Array(buffer, COPIES_AT, 3 * COPIES_MAX);
    this.arena = Buffer.from(buffer, ARENA_AT, arenaBytes);
    this.offsets = new Uint32Array(buffer, offsetsAt, recordsMax);
    this.partitions = new Uint16Array(buffer, partitionsAt, recordsMax);
  }

  takesCopies(bytes: Buffer): boolean {
    return bytes.length > 0 && bytes.length <= BLOCK_ROOM_BYTES;
  }

  /**
   * Writes bytes[start, end) to `at` in the arena: later, together with others, at the latest in group(). All of `bytes`, which
   * takesCopies(), must stay as they are as long as calls name this buffer.
   */
  copyLater(at: number, bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.#staged || this.#copies === COPIES_MAX) {
      this.#copyNow();
      if (bytes !== this.#staged) bytes.copy(this.#block);
      this.#staged = bytes;
    }
    const copies = this.#pendingCopies;
    const copy = 3 * this.#copies++;
    copies[copy] = ARENA_AT + at;
    copies[copy + 1] = BLOCK_AT + start;
    copies[copy + 2] = end - start;
  }

  #copyNow(): void {
    if (this.#copies > 0) this.#functions.copyAll(this.#copies);
    this.#copies = 0;
  }

  /** Makes the copies that wait, before something else uses their memory: that of the block and of `text`. */
  finishCopies(): void {
    this.#copyNow();
    this.#staged = undefined;
  }

  /** Forgets the copies that wait. */
  forgetCopies(): void {
    this.#copies = 0;
    this.#staged = undefined;
  }

  /**
   * Groups the records by partition, in their order.
   *
   * @param arenaBytes  how much of the arena they take
   * @returns the offsets in the arena, and for each partition where its offsets end
   */
  group(
    count: number,
    { arenaBytes, partitions }: { arenaBytes: number; partitions: number },
  ): { offsets: Uint32Array; ends: Uint32Array } {
    this.finishCopies();
    this.usedBytes = Math.max(this.usedBytes, arenaBytes);
    const grouped = this.#groupedAt;
    this.#functions.group(this.#offsetsAt, this.#partitionsAt, count, partitions, grouped);
    this.#scratchAt = aligned(grouped + 4 * count);
    return {
      offsets: new Uint32Array(this.#buffer, grouped, count),
      ends: new Uint32Array(this.#buffer, ENDS_AT, partitions),
    };
  }

  /** Sorts offsets [start, end) by the keys of their records. Stable. */
  sort(start: number, end: number): void {
    this.#functions.sort(ARENA_AT, this.#groupedAt + 4 * start, end - start, this.#scratchAt);
  }

  /**
   * Makes the payload of a block of the records at offsets [start, end), or of the first ones.
   *
   * @returns 0 records if the first one does not fit
   */
  gather(start: number, end: number, size: BlockSize): GatheredBlock {
    return this.#gathered('gather', start, end, size);
  }

  /**
   * The same, without the records of a key that several have, from the first such record on. Keys are written even if they are
   * like the one before.
   *
   * @returns 0 records if the first two have the same key, or if the first one does not fit
   */
  gatherSingles(start: number, end: number, size: BlockSize): GatheredBlock {
    return this.#gathered('gatherSingles', start, end, size);
  }

  #gathered(
    name: 'gather' | 'gatherSingles',
    start: number,
    end: number,
    { blockBytes, roomBytes }: BlockSize,
  ): GatheredBlock {
    const room = Math.min(roomBytes, BLOCK_ROOM_BYTES);
    const [from, to] = [this.#groupedAt + 4 * start, this.#groupedAt + 4 * end];
    this.#functions[name](ARENA_AT, from, to, BLOCK_AT, blockBytes, room);
    const [bytes, records] = this.#results;
    return { payload: this.#block.subarray(0, bytes), records: records! };
  }

  /** Whether gatherSingles() ever returns records. */
  get gathersSingles(): boolean {
    return !(this.#functions instanceof SortTwin);
  }

  /** Whether appendWords() is there. */
  get appendsWords(): boolean {
    return this.#functions.appendWords !== undefined;
  }

  /** Where appendWords() expects the text, and the encoded value. */
  readonly text: Buffer;
  readonly value: Buffer;

  /**
   * Appends a record for each word of `text`, in [at, end), up to the first that needs another way: it is not ASCII, or long,
   * or the buffer is full.
   *
   * @param used  the bytes and the number of the records so far
   * @returns where it stopped, and the new bytes and number
   */
  appendWords(
    { at, end, keepsCase }: { at: number; end: number; keepsCase: boolean },
    { budgetBytes, usedBytes, count, valueBytes, partitions }: WordRecords,
  ): { at: number; usedBytes: number; count: number; isFull: boolean } {
    const stopped = this.#functions.appendWords!(
      BLOCK_AT,
      at,
      end,
      keepsCase,
      ARENA_AT,
      usedBytes,
      count,
      budgetBytes,
      RECORD_SORT_BYTES,
      this.#offsetsAt,
      this.#partitionsAt,
      partitions,
      valueBytes,
    );
    const [usedNow, countNow, isFull] = this.#results;
    return { at: stopped, usedBytes: usedNow!, count: countNow!, isFull: isFull !== 0 };
  }

  /** Frees the memory. Returns whether it is so much memory of WebAssembly that collecting garbage is worth while. */
  free(): boolean {
    if (!(this.#functions instanceof SortTwin)) return this.usedBytes >= COLLECTED_BYTES_MIN;
    this.#buffer.transfer(0);
    return false;
  }
}

/** Offsets are words, and items two words. */
function aligned(position: number): number {
  return Math.ceil(position / 8) * 8;
}

function startSorting(
  sizeBytes: number,
  usesKernel: boolean,
): { functions: SortFunctions; buffer: ArrayBuffer } {
  const compiled = usesKernel ? compileWebAssembly(SORT_KERNEL) : undefined;
  if (compiled !== undefined) {
    try {
      const memory = compiled.memory(Math.ceil(sizeBytes / PAGE_BYTES));
      // The cast: the kernel exports these functions.
      return { functions: compiled.start(memory) as unknown as SortFunctions, buffer: memory.buffer };
    } catch {
      // The process may have no address space left for such a memory.
    }
  }
  const { buffer } = Buffer.allocUnsafeSlow(sizeBytes);
  return { functions: new SortTwin(buffer), buffer };
}
