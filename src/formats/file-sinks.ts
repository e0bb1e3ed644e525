/** Sinks that write several files: Hive-style folders, and files of about the same size. */
import { MapReduceError } from '../base/errors.ts';
import { checkOptionNames } from '../base/nearest-name.ts';
import { unencodable } from '../codec/unencodable.ts';
import { folderProblem } from '../report/result-names.ts';
import type { Sink } from './sink.ts';

/** The columns of a folder, from the outer folder to the inner: `{ dt: '2024-01-01', country: 'NZ' }`. */
export interface FolderColumns {
  readonly [column: string]: string | number | boolean | bigint | null | undefined;
}

/**
 * Writes records into folders, as Hive, Spark and DuckDB read them: `<output>/dt=2024-01-01/country=NZ/part-r-...csv`. The
 * function returns the folder of a record:
 *
 * - an object of columns: `{ dt: '2024-01-01' }` is `dt=2024-01-01`. Characters that are not allowed in a name are percent-encoded
 *   as Hive does it; null, undefined and '' are `__HIVE_DEFAULT_PARTITION__`. What the columns say is not removed from the rows.
 * - a text, as it is: names separated by '/'. A name that starts with '.' or '_', is empty or holds other characters is an
 *   UnencodableValueError.
 *
 * A task may write to any number of folders, up to LIMITS.filesPerTaskMax files: it keeps some of them open, and sorts the
 * records of the others by folder. Within a file, records are in the order in which they were emitted. The function must depend on
 * the record alone.
 *
 * @throws JobDefinitionError if the sink is in folders already
 *
 * @example
 * output: inFolders((day: string) => ({ dt: day }), csv(['user', 'start'])),
 * // emit('2024-01-01', { user: 'ann', start: 7 }) writes to dt=2024-01-01/part-r-00000.<attempt>.csv
 */
export function inFolders<SK, SV, K extends SK = SK, V extends SV = SV>(
  folder: (key: K, value: V) => string | FolderColumns,
  sink: Sink<SK, SV>,
  // Otherwise the compiler takes K and V from where the result is used, if the function does not say them.
): Sink<NoInfer<K>, NoInfer<V>> {
  if (typeof folder !== 'function') {
    throw new MapReduceError(
      'JobDefinitionError',
      'inFolders() needs a function (key, value) that returns a folder, and an output format, for example inFolders((day) => ({ dt: day }), tsv())',
    );
  }
  assertSink('inFolders()', sink);
  if (sink.folderOf !== undefined) {
    throw new MapReduceError(
      'JobDefinitionError',
      `inFolders(): the files of ${sink.name} are in folders already. Return all columns from one function`,
    );
  }
  const paths = new FolderPaths();
  return {
    ...ownFields(sink),
    name: `inFolders(${sink.name})`,
    folderOf: (key, value) => paths.of(folder(key, value)),
  };
}

/**
 * Starts another file once a file has `targetBytes`, counted before compression. The last file of a task is smaller.
 *
 * @throws JobDefinitionError unless `targetBytes` is a whole number of at least 1
 *
 * @example
 * output: inFiles({ targetBytes: 128 * 1024 * 1024 }, jsonLines<Row>()),
 * // writes part-r-00000.<attempt>.00000.jsonl, part-r-00000.<attempt>.00001.jsonl and so on
 */
export function inFiles<K, V>(options: { readonly targetBytes: number }, sink: Sink<K, V>): Sink<K, V> {
  checkOptionNames('inFiles()', options, ['targetBytes']);
  const { targetBytes } = options;
  assertSink('inFiles()', sink);
  if (!Number.isSafeInteger(targetBytes) || targetBytes < 1) {
    throw new MapReduceError(
      'JobDefinitionError',
      `inFiles(): targetBytes must be a whole number of at least 1; received ${String(targetBytes)}`,
    );
  }
  return { ...ownFields(sink), name: `inFiles(${sink.name})`, targetFileBytes: targetBytes };
}

/** The fields of a sink without those of a source, which the same value may be. */
export function ownFields<K, V>(sink: Sink<K, V>): Sink<K, V> {
  const { name, extension, recordWise, compression, folderOf, targetFileBytes } = sink;
  return {
    name,
    extension,
    recordWise,
    ...(compression === undefined ? {} : { compression }),
    ...(folderOf === undefined ? {} : { folderOf }),
    ...(targetFileBytes === undefined ? {} : { targetFileBytes }),
    createWriter: () => sink.createWriter(),
  };
}

function assertSink(caller: string, sink: Sink<never, never>): void {
  if (typeof sink?.createWriter === 'function') return;
  throw new MapReduceError('JobDefinitionError', `${caller} needs an output format, for example tsv()`);
}

/** Remembers folders, because most records have the folder of an earlier one: encoding and checking take a microsecond. */
class FolderPaths {
  readonly #checked = new Set<string>();
  /** By column, the names that its values give: `dt=2024-01-01`. */
  readonly #names = new Map<string, Map<unknown, string>>();

  of(returned: unknown): string {
    const path = typeof returned === 'string' ? returned : this.#hivePath(returned);
    if (this.#checked.has(path)) return path;
    const checked = checkedFolder(path);
    if (this.#checked.size === REMEMBERED_MAX) this.#checked.clear();
    this.#checked.add(checked);
    return checked;
  }

  #hivePath(columns: unknown): string {
    if (typeof columns !== 'object' || columns === null || Array.isArray(columns)) throw noFolder(columns);
    let path = '';
    for (const column in columns) {
      const name = this.#nameOf(column, (columns as FolderColumns)[column], columns);
      path = path === '' ? name : `${path}/${name}`;
    }
    if (path === '') throw noFolder(columns);
    return path;
  }

  #nameOf(column: string, value: unknown, columns: object): string {
    let names = this.#names.get(column);
    if (names === undefined) {
      names = new Map();
      this.#names.set(column, names);
    }
    const known = names.get(value);
    if (known !== undefined) return known;
    const name = `${escaped(column)}=${hiveValue(value, columns)}`;
    if (names.size === REMEMBERED_MAX) names.clear();
    names.set(value, name);
    return name;
  }
}

const REMEMBERED_MAX = 10_000;

/** What Hive does not leave as it is in a folder's name (FileUtils.escapePathName). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among them.
const ESCAPED = /[\x00-\x1f"#%'*/:=?\\\x7f{[\]^]/g;
const HIVE_NULL = '__HIVE_DEFAULT_PARTITION__';

function hiveValue(value: unknown, columns: unknown): string {
  switch (typeof value) {
    case 'string':
      return value === '' ? HIVE_NULL : escaped(value);
    case 'number':
    case 'boolean':
    case 'bigint':
      return escaped(String(value));
    case 'undefined':
      return HIVE_NULL;
    default:
      if (value === null) return HIVE_NULL;
      throw noFolder(columns);
  }
}

function escaped(text: string): string {
  return text.replace(ESCAPED, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function checkedFolder(path: string): string {
  const problem = folderProblem(path);
  if (problem === undefined) return path;
  throw unencodable({
    codec: 'inFolders()',
    value: path,
    allowed: `names separated by '/', such as 'dt=2024-01-01/country=NZ'; here ${problem}`,
    remedy: "Return an object of columns, { dt: '2024-01-01' }, whose values are encoded, or another text.",
  });
}

function noFolder(returned: unknown): Error {
  return unencodable({
    codec: 'inFolders()',
    value: returned,
    allowed:
      "a text such as 'dt=2024-01-01', or an object of columns, { dt: '2024-01-01' }, whose values are text, numbers, booleans, null or undefined",
    remedy: 'Return one of these from the function.',
  });
}
