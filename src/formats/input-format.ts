/**
 * How bytes become records. A format creates a parser for one piece of one file, and the engine feeds it chunks. The
 * parser decides which records belong to the piece: those whose first byte lies in it.
 *
 *     piece [start, end)         |-----------------|
 *     bytes the parser is fed   |-------------------------->   from start - 1 (0 at the start of the file) until the
 *                                                               parser needs no more
 */
export interface InputFormat<R> {
  /** Shown in messages. */
  readonly name: string;
  /** Whether a piece may start in the middle of a file. A compressed file is never split, whatever this says. */
  readonly splittable: boolean;
  /** Whether it reads text, so that a file of another format (xz, zip, Parquet, UTF-16 and so on) is refused by name. */
  readonly isText?: boolean;
  /** Called once per piece and attempt. Synchronous. */
  createParser(piece: ParserPiece): RecordParser<R>;
}

/** The piece of a file that one parser reads. */
export interface ParserPiece {
  /** The piece's half-open byte range in the (uncompressed) file. */
  readonly startBytes: number;
  /** Infinity for "to the end of the file". */
  readonly endBytes: number;
  /** The parser throws RecordTooLargeError for a longer record. */
  readonly recordBytesMax: number;
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
}
