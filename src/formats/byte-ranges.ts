/**
 * Makes a source of a push parser. The engine feeds the parser chunks, and the parser decides which records belong to the
 * piece: those whose first byte lies in it.
 *
 *     piece [start, end)         |-----------------|
 *     bytes the parser is fed   |-------------------------->   from start - 1 (0 at the start of the file) until the
 *                                                               parser needs no more
 */
import { refusePromise } from '../base/user-returns.ts';
import type { OpenPiece, PlainJson, RecordBatch, RecordReader, Source } from './source.ts';

/** What `byteRanges()` needs. */
export interface ByteRangesOptions<R> {
  readonly name: string;
  /** Whether a piece may start in the middle of a file. A compressed file is never cut, whatever this says. */
  readonly splittable: boolean;
  /** See Source.isText. */
  readonly isText?: boolean;
  /** See Source.look. */
  look?(head: Buffer): PlainJson | undefined;
  /** Called once per piece and attempt. It may read a range of the file first, such as a header. */
  createParser(piece: OpenPiece): RecordParser<R> | Promise<RecordParser<R>>;
}

/** Turns the bytes of one piece into records. */
export interface RecordParser<R> {
  /**
   * Takes the next chunk and calls `deliver`, in order, for each record of the piece that is now complete. The first
   * chunk starts at `max(0, startBytes - 1)`. Must not keep a reference to the chunk. Returns true once the piece is
   * complete and no more bytes are needed.
   */
  push(chunk: Buffer, deliver: (record: R) => void): boolean;
  /** Called at the end of the file: delivers what is left. */
  finish(deliver: (record: R) => void): void;
  /** Bytes of the records delivered so far, separators included. Over all pieces of a file they sum to its size. */
  readonly ownedBytes: number;
  /** The byte offset in the file at which the current record starts. May be slow: used for messages and context.position(). */
  recordOffsetBytes(): number;
  /** See RecordReader.covered. For a parser that guesses where its first record starts. */
  covered?(): { readonly startBytes: number; readonly endBytes: number };
}

/**
 * A source of your own, from a parser.
 *
 * @example
 * input: byteRanges({ name: 'my-format', splittable: false, createParser: (piece) => new MyParser(piece) }),
 */
export function byteRanges<R>({
  name,
  splittable,
  isText = false,
  look,
  createParser,
}: ByteRangesOptions<R>): Source<R> {
  return {
    name,
    counts: 'bytes',
    cuts: splittable ? 'anywhere' : 'between files',
    isText,
    ...(look === undefined ? {} : { look }),
    read: (piece) => new ParserReader(piece, createParser),
  };
}

class ParserReader<R> implements RecordReader<R> {
  readonly #piece: OpenPiece;
  readonly #createParser: ByteRangesOptions<R>['createParser'];
  #parser: RecordParser<R> | undefined;
  covered?: () => { readonly startBytes: number; readonly endBytes: number };

  constructor(piece: OpenPiece, createParser: ByteRangesOptions<R>['createParser']) {
    this.#piece = piece;
    this.#createParser = createParser;
  }

  get unitsRead(): number {
    return this.#parser?.ownedBytes ?? 0;
  }

  offset(): number {
    return this.#parser?.recordOffsetBytes() ?? this.#piece.startBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch<R>, undefined> {
    const created = this.#createParser(this.#piece);
    const parser = created instanceof Promise ? await created : created;
    this.#parser = parser;
    if (parser.covered !== undefined) this.covered = () => parser.covered!();
    let complete = false;
    for await (const chunk of this.#piece.chunks()) {
      yield {
        forEach(deliver) {
          const pushed: unknown = parser.push(chunk, deliver);
          if (typeof pushed === 'object') refusePromise('input', pushed, `push() of the parser`);
          complete = Boolean(pushed);
        },
      };
      if (complete) return;
    }
    yield { forEach: (deliver) => parser.finish(deliver) };
  }
}
