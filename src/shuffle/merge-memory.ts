/**
 * The memory in which a WebAssembly kernel (kernels/sort.ts) merges runs: a block of each run, and the block that it makes.
 *
 *   results | state of the runs | merged block | block of run 0 | block of run 1 | ... | blocks that are larger
 */
import { KiB, LIMITS } from '../base/limits.ts';
import { compileWebAssembly, type WebAssemblyMemory } from '../base/web-assembly.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import { SORT_KERNEL } from './sort-kernel-code.ts';

/** Why merge() stopped; the same as in kernels/sort.ts. */
export const BLOCK_FULL = 0;
export const NEEDS_BLOCK = 1;
export const TOO_LARGE = 2;
export const ENDED = 3;

const PAGE_BYTES = 64 * KiB;
const MERGED_AT = 64 * KiB;
const BLOCKS_AT = 256 * KiB;
/** The kernel's copies may write 16 bytes more. */
const MERGED_ROOM_BYTES = BLOCKS_AT - MERGED_AT - 16;
/** Most blocks are smaller. */
const RUN_BLOCK_BYTES = LIMITS.blockBytes + 4 * KiB + 64;

interface MergeFunctions {
  openBlock(run: number, start: number, end: number): void;
  play(runs: number): void;
  replay(runs: number): void;
  skip(runs: number): number;
  merge(runs: number, to: number, at: number, blockBytes: number, roomBytes: number, suffix: number): number;
}

export class MergeMemory {
  readonly #functions: MergeFunctions;
  readonly #memory: WebAssemblyMemory;
  #bytes: Buffer;
  #results: Uint32Array;
  #runs = 0;
  /** Where the block of each run lies, and how large it may be. */
  readonly #blockAt: number[] = [];
  readonly #blockRoom: number[] = [];
  #end = 0;
  #mergedEnd = MERGED_AT;

  /** @throws RangeError if there is no address space for it */
  static start(): MergeMemory | undefined {
    const compiled = compileWebAssembly(SORT_KERNEL);
    if (compiled === undefined) return undefined;
    const memory = compiled.memory(BLOCKS_AT / PAGE_BYTES);
    // The cast: the kernel exports these functions.
    return new MergeMemory(memory, compiled.start(memory) as unknown as MergeFunctions);
  }

  private constructor(memory: WebAssemblyMemory, functions: MergeFunctions) {
    this.#memory = memory;
    this.#functions = functions;
    this.#bytes = Buffer.from(memory.buffer);
    this.#results = new Uint32Array(memory.buffer, 0, 8);
  }

  /** Makes room for a merge of `runs` runs, at most LIMITS.openRunsMax. */
  reset(runs: number): void {
    this.#runs = runs;
    this.#end = BLOCKS_AT;
    this.#mergedEnd = MERGED_AT;
    for (let run = 0; run < runs; run++) this.#place(run, RUN_BLOCK_BYTES);
  }

  /** Copies the next block of a run; undefined if it has ended. */
  openBlock(run: number, block: Buffer | undefined): void {
    const bytes = block?.length ?? 0;
    if (bytes > this.#blockRoom[run]!) this.#place(run, 2 * bytes);
    const at = this.#blockAt[run]!;
    block?.copy(this.#bytes, at);
    this.#functions.openBlock(run, at, at + bytes);
  }

  /** Called when all runs have their first blocks. */
  play(): void {
    this.#functions.play(this.#runs);
  }

  /** Called when the run that needed a block has it. */
  replay(): void {
    this.#functions.replay(this.#runs);
  }

  /**
   * Appends records to the merged block, as the kernel's merge() does.
   *
   * @param suffix  the byte after each value; undefined for the payload of a block
   */
  merge({
    blockBytes,
    roomBytes,
    suffix = -1,
  }: {
    blockBytes: number;
    roomBytes: number;
    suffix?: number | undefined;
  }): {
    status: number;
    records: number;
  } {
    const room = Math.min(roomBytes, MERGED_ROOM_BYTES);
    const status = this.#functions.merge(this.#runs, MERGED_AT, this.#mergedEnd, blockBytes, room, suffix);
    this.#mergedEnd = this.#results[0]!;
    return { status, records: this.#results[1]! };
  }

  get mergedBytes(): number {
    return this.#mergedEnd - MERGED_AT;
  }

  /** The run whose record is the current one. */
  get winner(): number {
    return this.#results[3]!;
  }

  /** Returns the merged block, whose bytes are valid until the next merge(), and starts another. */
  takeMerged(): Buffer {
    const block = this.#bytes.subarray(MERGED_AT, this.#mergedEnd);
    this.#mergedEnd = MERGED_AT;
    return block;
  }

  /** Points the slice to the current record, after TOO_LARGE. */
  locate(record: RecordSlice): void {
    const results = this.#results;
    record.keyBytes = record.valueBytes = this.#bytes;
    record.keyStart = results[4]!;
    record.keyEnd = results[5]!;
    record.valueStart = results[6]!;
    record.valueEnd = results[7]!;
  }

  /** Steps past the current record. Returns NEEDS_BLOCK if it was the last one of its block. */
  skip(): number {
    return this.#functions.skip(this.#runs);
  }

  #place(run: number, roomBytes: number): void {
    this.#blockAt[run] = this.#end;
    this.#blockRoom[run] = roomBytes;
    this.#end += roomBytes;
    // The kernel reads up to 16 bytes at once.
    const missing = this.#end + 16 - this.#bytes.length;
    if (missing <= 0) return;
    this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.#bytes = Buffer.from(this.#memory.buffer);
    this.#results = new Uint32Array(this.#memory.buffer, 0, 8);
  }
}

let kept: MergeMemory | undefined;

/** Returns undefined where WebAssembly cannot run. Give it back to keepMergeMemory(). */
export function takeMergeMemory(): MergeMemory | undefined {
  const memory = kept ?? MergeMemory.start();
  kept = undefined;
  return memory;
}

/** Keeps it for the thread's next merge: unlike other memory, it is small and cannot be freed at once. */
export function keepMergeMemory(memory: MergeMemory): void {
  kept = memory;
}
