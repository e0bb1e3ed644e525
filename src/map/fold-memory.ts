/**
 * The memory of a fold table: the slots, and the emits that wait to be folded. It is the memory of a WebAssembly kernel
 * (kernels/fold.ts), which folds numbers about twice as fast as JavaScript. Where the kernel cannot run, JavaScript does the
 * same on an ordinary buffer.
 *
 *   results   pending emits   the rest of their tuples   text   slots
 */
import { COLLECTED_BYTES_MIN, compileWebAssembly, type WebAssemblyMemory } from '../base/web-assembly.ts';
import { FOLD_KERNEL } from './fold-kernel-code.ts';

/** Emits that are folded together. Their slots, a cache line each, fit into half of a first-level cache. */
export const PENDING_MAX = 256;
export const PENDING_WORDS = 8;
/** The longest text whose words the kernel gathers. */
export const GATHERED_TEXT_BYTES_MAX = 64 * 1024;
/** Wider tuples make entries so large that sorting the records is as fast. */
export const FOLDED_PARTS_MAX = 16;

/** Positions in bytes, as in kernels/fold.ts. */
const PENDING_AT = 1024;
const PENDING_REST_AT = 16 * 1024;
const TEXT_AT = 64 * 1024;
const SLOTS_AT = 192 * 1024;
const PAGE_BYTES = 64 * 1024;
/** malloc() starts large buffers 16 bytes after the start of a cache line. Slots must not cross lines: 8 % of a word count. */
const LINE_OFFSET_BYTES = 48;

/** The kernel's functions; kernels/fold.ts describes them. */
export interface FoldKernel {
  describe(slots: number, parts: number, operation: number, generation: number): void;
  touch(count: number, isHashed: boolean): void;
  fold(from: number, count: number, room: number): number;
  replace(slots: number): void;
  gatherWords(from: number, end: number, keepsCase: boolean, value: number, pending: number): number;
}

export class FoldMemory {
  readonly kernel: FoldKernel | undefined;
  /** What the kernel's functions return beside their results. All arrays change when the slots grow. */
  results!: Int32Array;
  pendingWords!: Int32Array;
  pendingValues!: Float64Array;
  pendingRest!: Float64Array;
  /** The text whose words gatherWords() gathers. */
  text!: Buffer;
  /** At least as many words as were asked for last; words after them are 0, unless an earlier table used them. */
  slots!: Int32Array;

  readonly #memory: WebAssemblyMemory | undefined;
  #buffer: ArrayBuffer;
  #start: number;

  /** @param usesKernel  false: JavaScript, for comparison */
  constructor(usesKernel = true) {
    const started = usesKernel ? startKernel() : undefined;
    this.kernel = started?.kernel;
    this.#memory = started?.memory;
    this.#start = started === undefined ? LINE_OFFSET_BYTES : 0;
    this.#buffer = started?.memory.buffer ?? new ArrayBuffer(SLOTS_AT + LINE_OFFSET_BYTES);
    this.#view();
  }

  /** Makes room for slots of that many words in total, and keeps the existing ones. */
  reserveSlots(words: number): void {
    const missingBytes = SLOTS_AT + 4 * words + this.#start - this.#buffer.byteLength;
    if (missingBytes <= 0) return;
    if (this.#memory !== undefined) {
      this.#memory.grow(Math.ceil(missingBytes / PAGE_BYTES));
      this.#buffer = this.#memory.buffer;
    } else {
      const grown = new ArrayBuffer(this.#buffer.byteLength + missingBytes);
      new Uint8Array(grown).set(new Uint8Array(this.#buffer));
      this.#buffer = grown;
    }
    this.#view();
  }

  /** Frees the memory. Returns whether it is so much memory of WebAssembly that collecting garbage is worth while. */
  free(): boolean {
    if (this.#memory !== undefined) return this.#buffer.byteLength >= COLLECTED_BYTES_MIN;
    this.#buffer.transfer(0);
    return false;
  }

  #view(): void {
    const buffer = this.#buffer;
    const start = this.#start;
    this.results = new Int32Array(buffer, start, 4);
    this.pendingWords = new Int32Array(buffer, start + PENDING_AT, PENDING_MAX * PENDING_WORDS);
    this.pendingValues = new Float64Array(buffer, start + PENDING_AT, (PENDING_MAX * PENDING_WORDS) / 2);
    this.pendingRest = new Float64Array(
      buffer,
      start + PENDING_REST_AT,
      PENDING_MAX * (FOLDED_PARTS_MAX - 1),
    );
    this.text = Buffer.from(buffer, start + TEXT_AT, SLOTS_AT - TEXT_AT);
    const slotsStart = start + SLOTS_AT;
    this.slots = new Int32Array(buffer, slotsStart, Math.floor((buffer.byteLength - slotsStart) / 8) * 2);
  }
}

/** Undefined where WebAssembly or its SIMD instructions are missing or forbidden. */
function startKernel(): { kernel: FoldKernel; memory: WebAssemblyMemory } | undefined {
  const compiled = compileWebAssembly(FOLD_KERNEL);
  if (compiled === undefined) return undefined;
  const memory = compiled.memory(SLOTS_AT / PAGE_BYTES);
  // The cast: the kernel exports these functions.
  return { kernel: compiled.start(memory) as unknown as FoldKernel, memory };
}
