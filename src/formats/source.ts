/**
 * Where records come from. A source says how a job's input is cut into pieces, and turns each piece into records:
 *
 *     plan        look()   what the first bytes of each file show: its encoding, or that it cannot be read
 *                 cuts     where a file may be cut: anywhere, nowhere, or in pieces that the source makes itself
 *     map task    read()   the records of one piece, batch by batch
 *     barrier     counts   the unit in which plan and read must agree
 *
 * The engine packs pieces into splits, opens and decompresses files, checks for cancellation between batches, and compares
 * the counts. Most sources are push parsers over byte ranges: `byteRanges()` makes a source of one.
 */

/** Plain data that travels through a plan and a state machine. */
export type PlainJson =
  | string
  | number
  | boolean
  | null
  | readonly PlainJson[]
  | { readonly [name: string]: PlainJson };

/** An input format: `textLines()`, `csv(...)`, `wholeFiles()`, or one of your own. `R` is what `map` receives. */
export interface Source<R> {
  /** Shown in messages and in the description of the job. */
  readonly name: string;
  /**
   * The unit in which the plan and the map tasks must agree, or the job fails: each byte of a file belongs to exactly one
   * record, or each piece has a number of records that the plan knows.
   */
  readonly counts: 'bytes' | 'records';
  /** How input becomes pieces. */
  readonly cuts: Cuts;
  /**
   * Whether it reads text, so that a file of a known other format (xz, zip, Parquet and so on) is refused by name, unless
   * `look` accepts it.
   */
  readonly isText?: boolean;
  /**
   * Looks at the first bytes of a file (up to 512, decompressed). What it returns travels with the file to `read`
   * as `piece.look`. Undefined: nothing to remember, and the engine refuses known other formats if `isText` is set.
   *
   * @throws CorruptInputError for a file that it cannot read
   */
  look?(head: Buffer): PlainJson | undefined;
  /** Reads one piece. Called once per piece and attempt, also for samples of the input. */
  read(piece: OpenPiece): RecordReader<R>;
}

/**
 * - 'anywhere': at any byte. `read` finds the first record that starts in the piece.
 * - 'between files': each file is one piece.
 * - `files`: the source cuts each file itself, and may read ranges of it first. Compressed files are one piece.
 * - `generate`: the source has no files, and makes pieces from the job's parameters. Such an input takes no `--input`.
 */
export type Cuts =
  | 'anywhere'
  | 'between files'
  | { readonly files: (file: FileToCut) => AsyncIterable<Piece> | Iterable<Piece> }
  | { readonly generate: (params: Readonly<Record<string, string | number | boolean>>) => Iterable<Piece> };

/** A part of one file, or of generated input. Plain JSON. */
export interface Piece {
  /** The half-open byte range in the file; for generated input 0 and 0. Pieces are packed into splits by their bytes. */
  readonly startBytes: number;
  readonly endBytes: number;
  /** For a source that counts records: how many the piece has. */
  readonly records?: number;
  /** What `read` needs beside the range: a list of row groups, the number of the first record. */
  readonly hint?: PlainJson;
}

/** A file that the source cuts, while the job is planned. */
export interface FileToCut {
  /** An absolute path, or an object key. */
  readonly name: string;
  readonly sizeBytes: number;
  /** How large pieces should be, in bytes. */
  readonly pieceBytes: number;
  /** Reads bytes of the file as it was when it was listed. */
  range(startBytes: number, endBytes: number): Promise<Buffer>;
}

/** The piece that `read` receives. */
export interface OpenPiece extends Piece {
  /** An absolute path, or an object key. Empty for generated input. */
  readonly file: string;
  /**
   * The end of the piece in the uncompressed file. Infinity for "to the end of the file": the last piece of a file, and a
   * compressed file.
   */
  readonly endBytes: number;
  /** What `look` returned for the file. */
  readonly look: PlainJson | undefined;
  /** The values of the job's parameters. Default: none. */
  readonly params?: Readonly<Record<string, string | number | boolean>>;
  /** The reader throws RecordTooLargeError for a longer record. */
  readonly recordBytesMax: number;
  /**
   * The uncompressed bytes from one byte before the piece (from 0 at the start of a file), chunk by chunk, to the end of the
   * file. Stop reading when the piece is complete: only what is read is requested. A chunk is valid until the next one is
   * requested.
   */
  chunks(): AsyncIterable<Buffer>;
  /**
   * Reads any bytes of the file. The end of the file shortens the range.
   *
   * @throws JobDefinitionError for a compressed file
   */
  range(startBytes: number, endBytes: number): Promise<Buffer>;
  /**
   * Reports a record that is malformed. Returns if the job skips such records: the reader then continues after the record,
   * whose bytes still count as read.
   *
   * @throws BadRecordError, which the reader must not catch, if the job does not skip it
   */
  bad(record: BadRecord): void;
  /** Adds to a counter of the job. */
  count(counter: string, amount?: number): void;
}

/** A malformed record. */
export interface BadRecord {
  /** What is wrong, with the value, and what to do. It completes "<file>, byte <offset>: ...". */
  readonly message: string;
  /** Where the record starts, as for RecordReader.offset(). */
  readonly offset: number;
  /** The line of the file, counted from 1, if it is known. */
  readonly line?: number;
}

/** Reads the records of one piece. It is iterated once. */
export interface RecordReader<R> extends AsyncIterable<RecordBatch<R>> {
  /** Units of the records delivered so far, as `counts` says: bytes with separators, or records. */
  readonly unitsRead: number;
  /**
   * Where the current record starts: its byte in the uncompressed file, or the number of the record for a source that counts
   * records. May be slow.
   */
  offset(): number;
  /**
   * For a source that must guess where the first record of a piece starts: the bytes that its records cover, once all are
   * delivered. The barrier verifies that the pieces of a file meet exactly, and otherwise nothing is published.
   */
  covered?(): { readonly startBytes: number; readonly endBytes: number };
}

/** Some records of a piece; an array is one. The engine calls `forEach` once. Records are in the order of the piece. */
export interface RecordBatch<R> {
  forEach(deliver: (record: R) => void): void;
}
