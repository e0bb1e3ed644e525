/** The body of a GET: pieces that arrive one after the other, as a stream, which is what the SDK returns. */
import { Readable } from 'node:stream';
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

export class SimulatedBody extends Readable {
  readonly #options: BodyOptions;
  #piecesLeft: number;
  #isFetching = false;
  #cancel = () => {};

  constructor(options: BodyOptions) {
    // Of objects, because pieces without memory (stored-bytes.ts) must not be looked at.
    super({ objectMode: true });
    this.#options = options;
    this.#piecesLeft = options.piecesMax ?? Number.POSITIVE_INFINITY;
  }

  /** A body of which all has arrived. */
  static arrived(pieces: readonly Buffer[]): SimulatedBody {
    return new SimulatedBody({
      pieces: pieces.values(),
      transfer: (_, arrived) => {
        arrived();
        return () => {};
      },
    });
  }

  /** The network does not wait for the reader. */
  override _read(): void {
    if (this.#isFetching) return;
    this.#isFetching = true;
    this.#fetch();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#cancel();
    callback(error);
  }

  #fetch(): void {
    if (this.#piecesLeft === 0) {
      if (this.#options.end === 'cut') this.destroy(brokenConnection);
      return;
    }
    const { value, done } = this.#options.pieces.next();
    if (done) {
      this.push(null);
      return;
    }
    this.#piecesLeft -= 1;
    this.#cancel = this.#options.transfer(value.length, () => {
      this.push(value);
      this.#fetch();
    });
  }
}
