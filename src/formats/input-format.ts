/**
 * How bytes become records. A format gives a parser for one piece of one file; the engine feeds it chunks. The parser
 * decides which records belong to the piece, by one rule: a record belongs to the piece in which its first byte lies.
 *
 *     piece [start, end)         |-----------------|
 *     bytes the parser is fed   |-------------------------->   from start - 1 (0 at the file's start) on, until it
 *                                                               says that it needs no more
 */
export interface InputFormat<R> {
  readonly name: string;
  /** Whether a piece may start in the middle of a file. Compressed files are never split, whatever this says. */
  readonly splittable: boolean;
  /** Whether it reads text, so that a file of another format (xz, zip, Parquet, UTF-16 and so on) is refused by name. */
  readonly isText?: boolean;
  createParser(piece: ParserPiece): RecordParser<R>;
}

export interface ParserPiece {
  /** Half-open byte range of the piece in the (uncompressed) file. `endBytes` is Infinity for "to the file's end". */
  readonly startBytes: number;
  readonly endBytes: number;
  /** A record longer than this is a RecordTooLargeError. */
  readonly recordBytesMax: number;
}

export interface RecordParser<R> {
  /**
   * Takes the next chunk and calls `deliver` for each record of the piece that is now complete, in order. The first
   * chunk starts at `max(0, startBytes - 1)`. Does not keep a reference to the chunk. Answers whether the piece is
   * complete, so that no more bytes are needed.
   */
  push(chunk: Buffer, deliver: (record: R) => void): boolean;
  /** The file has ended: delivers what is left. */
  finish(deliver: (record: R) => void): void;
  /** Bytes that belong to the records delivered so far, separators included. Over all pieces of a file they sum to its size. */
  readonly ownedBytes: number;
  /** The byte offset in the file at which the record being delivered starts. May be slow: for messages and context.position(). */
  recordOffsetBytes(): number;
}
