/**
 * Where records go. A sink makes a writer for each file of the result, and the writer turns records into bytes:
 *
 *     begin(out)                a header: column names, a magic number
 *     write(key, value, out)    one record, or nothing yet: a writer may collect records and append them later
 *     end(out)                  what is left, and a footer
 *
 * Most sinks write each record on its own: `recordWise()` makes a sink of such a function.
 */
import type { ByteSink, Codec } from '../codec/codec.ts';
import type { RecordSlice } from '../codec/record-slice.ts';

/**
 * An output format: `tsv()`, `csv([...])`, `jsonLines()`, or one of your own. `K` and `V` are what `emit` takes.
 *
 * What the engine promises for the files that a sink writes:
 *
 * - **Each task writes files of its own**, so a sink needs no locks and never appends to a file that exists. One writer
 *   writes one file, from begin() to end(), in one attempt. A retry starts with a new writer.
 * - **A file is visible only as a whole**, and belongs to the result only once its task has committed. Of several attempts
 *   of a task exactly one commits. What failed, cancelled and slower attempts wrote is never part of the result. The result is
 *   complete when `_SUCCESS` exists; its manifest names every file, with its size and CRC-32.
 * - **A job without several files per task** writes `part-r-00007.<extension>` (`part-m-...` without a reduce), exactly one
 *   file for each task, also if the task has no records: begin() and end() are called for it too. So a CSV part without rows
 *   still has its header, and an empty Parquet part its schema.
 * - **A job with several files per task** has named outputs, `inFolders()` or `inFiles()`. The names of its files carry the
 *   attempt: `<output>/<folder>/part-r-00007.<attempt>.<extension>`, so attempts never write to the same file. The task commits
 *   by one object, its list of files: what no list names is not part of the result, and is removed. A task writes no file
 *   without records, except that the first task writes one for each output without folders, for its header.
 * - **With `--merge`** there is one file, `merged.<extension>`: begin() once, the records of all tasks in order, and end()
 *   once, also if there are no records. For that the bytes of records are moved between files. A sink that is not `recordWise`
 *   is refused with a UsageError when the job is planned, as is a job with several files per task.
 * - **The same records give the same bytes**, on one machine and on AWS. A writer must therefore depend on nothing but its
 *   records: no clock, no random numbers, no state that files share.
 */
export interface Sink<K, V> {
  /** Shown in messages. */
  readonly name: string;
  /** Ends the names of files, without the dot: letters, digits, '.', '_' and '-'. */
  readonly extension: string;
  /**
   * Whether records can be moved between files as bytes, which `--merge` needs: write() appends exactly the bytes of its
   * record, whatever was written before, and begin() and end() always append the same bytes.
   */
  readonly recordWise: boolean;
  /** How the file is compressed; `gzip()` and `zstd()` set it. */
  readonly compression?: FileCompression;
  /** The folder of a record; `inFolders()` sets it. @throws UnencodableValueError for what cannot be a folder */
  folderOf?(key: K, value: V): string;
  /** A file that has this many bytes, before compression, is closed after its record; `inFiles()` sets it. */
  readonly targetFileBytes?: number;
  /** Called once for each file that an attempt writes. */
  createWriter(): FileWriter<K, V>;
}

/**
 * Writes one file. All methods are synchronous, and append at the end of `out`. The engine empties `out` between two calls, so
 * a writer that needs positions in its file must count bytes itself. What a writer collects is memory that the engine does not
 * see: keep it to a few MiB.
 */
export interface FileWriter<K, V> {
  /** Called once, before the first record. */
  begin?(out: ByteSink): void;
  /** Takes one record. @throws UnencodableValueError for what the format cannot hold */
  write(key: K, value: V, out: ByteSink): void;
  /** Called once, after the last record, but not if the attempt fails. */
  end?(out: ByteSink): void;
  /**
   * For reducers that pass keys and values through: returns a function that takes a record straight from its encoded bytes, or
   * undefined if there is no shortcut for these codecs. The file must be the same as with write().
   */
  encodedWriter?(key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined;
  /**
   * For the same: the byte that write() appends to each encoded value, if that is all it does for these codecs. Such records are
   * copied many at a time.
   */
  endOfValue?(key: Codec<unknown>, value: Codec<unknown>): number | undefined;
}

/**
 * Appends one record. The slice and its bytes belong to the engine: they are valid only during the call, and must not be
 * changed.
 */
export type EncodedRecordWriter = (record: Readonly<RecordSlice>, out: ByteSink) => void;

/** How a file is compressed: in blocks of LIMITS.compressedBlockBytes, each a gzip member or a zstd frame of its own. */
export interface FileCompression {
  readonly codec: 'gzip' | 'zstd';
  readonly level: number;
}

/** What `recordWise()` needs. */
export interface RecordWiseOptions<K, V> extends FileWriter<K, V> {
  /** Shown in messages. */
  readonly name: string;
  /** Ends the names of files, without the dot: letters, digits, '.', '_' and '-'. */
  readonly extension: string;
}

/**
 * A sink that writes each record on its own. The functions have no state: all files share them.
 *
 * @example
 * output: recordWise<string, number>({
 *   name: 'ini',
 *   extension: 'ini',
 *   write(key, value, out) {
 *     const line = Buffer.from(`${key}=${value}\n`);
 *     out.reserve(line.length);
 *     line.copy(out.bytes, out.end);
 *     out.end += line.length;
 *   },
 * }),
 */
export function recordWise<K, V>({
  name,
  extension,
  ...writer
}: RecordWiseOptions<K, V>): Sink<NoInfer<K>, NoInfer<V>> {
  return { name, extension, recordWise: true, createWriter: () => writer };
}
