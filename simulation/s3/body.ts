/**
 * The body of a GET: pieces that arrive one after the other. It stands in for the Readable that the SDK returns, of which
 * the store uses only iteration and destroy().
 */
import { brokenConnection } from './errors.ts';

export type BodyEnd = 'complete' | 'cut' | 'stalled';

export interface BodyOptions {
  /** Without copying: the reader must not change them. */
  readonly pieces: Iterator<Buffer>;
  /** Calls back when so many bytes have arrived. Returns a function that cancels. */
  readonly transfer: (bytes: number, arrived: () => void) => () => void;
  /** Pieces until the end of a body that breaks off or stalls. */
  readonly piecesMax?: number;
  readonly end?: BodyEnd;
}

export class SimulatedBody implements AsyncIterableIterator<Buffer> {
  readonly #options: BodyOptions;
  readonly #arrived: Buffer[] = [];
  #piecesLeft: number;
  #isOver = false;
  #error: Error | undefined;
  #cancel = () => {};
  #wake: () => void = () => {};

  constructor(options: BodyOptions) {
    this.#options = options;
    this.#piecesLeft = options.piecesMax ?? Number.POSITIVE_INFINITY;
    this.#fetch();
  }

  /** A body of which all has arrived. */
  static arrived(pieces: readonly Buffer[]): SimulatedBody {
    const body = new SimulatedBody({ pieces: [].values(), transfer: () => () => {} });
    body.#arrived.push(...pieces);
    return body;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      const piece = this.#arrived.shift();
      if (piece !== undefined) return { value: piece, done: false };
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Buffer, undefined>> {
    this.destroy();
    return { value: undefined, done: true };
  }

  destroy(error?: Error): this {
    if (this.#isOver) return this;
    this.#cancel();
    this.#arrived.length = 0;
    this.#finish(error ?? brokenConnection);
    return this;
  }

  #fetch(): void {
    if (this.#piecesLeft === 0) {
      if (this.#options.end === 'cut') this.#finish(brokenConnection);
      return;
    }
    const { value, done } = this.#options.pieces.next();
    if (done) {
      this.#finish();
      return;
    }
    this.#piecesLeft -= 1;
    this.#cancel = this.#options.transfer(value.length, () => {
      this.#arrived.push(value);
      this.#wake();
      this.#fetch();
    });
  }

  #finish(error?: Error): void {
    this.#isOver = true;
    this.#error = error;
    this.#wake();
  }
}
