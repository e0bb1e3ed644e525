/** Names of the objects of a result. They are a public contract, like all keys of a job (commit/layout.ts). */
import { type AttemptId, paddedIndex, type TaskId } from '../base/ids.ts';

export const SUCCESS_NAME = '_SUCCESS';
export const MANIFEST_NAME = 'manifest.json';
/** Tools that read a whole folder (Hadoop, Spark, DuckDB) skip names that start with '_'. */
export const REPORT_NAME = '_report.html';
/** What each attempt did (attempt-rows.ts). */
export const ATTEMPTS_NAME = '_attempts.jsonl.gz';
/** Lists the bad records that were skipped, one JSON object per line. */
export const BAD_RECORDS_NAME = '_bad.jsonl';
/** Names the job that owns an output on a bucket. */
export const OUTPUT_CLAIM_NAME = '_JOB';

export const PART_PREFIX = 'part-';

export function partName(task: TaskId, extension: string): string {
  return `${PART_PREFIX}${task}.${extension}`;
}

export function mergedName(extension: string): string {
  return `merged.${extension}`;
}

/**
 * The order in which the files of a result are moved into a folder: the manifest first, _SUCCESS last. They are removed in
 * reverse order. So parts are never there without a manifest, and an incomplete result has no _SUCCESS.
 */
export function inOrderOfArrival(names: readonly string[]): string[] {
  const rank = (name: string) => (name === MANIFEST_NAME ? 0 : name === SUCCESS_NAME ? 2 : 1);
  return names.toSorted((x, y) => rank(x) - rank(y));
}

/** Whether a job writes objects of this name to its output. */
export function isResultName(name: string): boolean {
  const aroundParts = [SUCCESS_NAME, MANIFEST_NAME, REPORT_NAME, ATTEMPTS_NAME, BAD_RECORDS_NAME];
  return aroundParts.includes(name) || isPartName(name);
}

/**
 * The name of a file of a task that writes several. It carries the attempt, so that attempts never write to the same file.
 *
 * @param file  counts the files of the folder, if it may have several
 */
export function attemptFileName(
  attempt: AttemptId,
  { folder, file, extension }: { folder: string; file: number | undefined; extension: string },
): string {
  const number = file === undefined ? '' : `.${paddedIndex(file)}`;
  return `${folder === '' ? '' : `${folder}/`}${PART_PREFIX}${attempt}${number}.${extension}`;
}

/** Whether the name looks like one from attemptFileName(). `name` has no folder. */
export function isAttemptFileName(name: string): boolean {
  return /^part-[mr]-\d{5,}\.(?:\d+|[A-Za-z0-9_-]*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\./.test(name);
}

/** S3 allows keys of 1,024 bytes, which the output, the attempt and the extension need too. */
const FOLDER_BYTES_MAX = 512;
/** File systems allow names of 255 bytes. */
const FOLDER_NAME_BYTES_MAX = 255;

/**
 * What is wrong with a folder of result files, as in "here <problem>"; undefined if nothing is. Readers skip names that start
 * with '_' or '.', and every name must be a plain one on every file system.
 */
export function folderProblem(path: string): string | undefined {
  if (path === '') return 'it is empty';
  if (Buffer.byteLength(path) > FOLDER_BYTES_MAX) return `it has more than ${FOLDER_BYTES_MAX} bytes`;
  if (!path.isWellFormed()) return 'half of a character is in it';
  for (const name of path.split('/')) {
    if (name === '') return 'a name is empty';
    if (/^[._]/.test(name)) return `the name '${name}' starts with '${name[0]}'`;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    if (/[\x00-\x1f\x7f"#'*:?\\{[\]^]/.test(name))
      return `the name '${name}' holds a character that is not allowed`;
    if (/%(?![0-9A-Fa-f]{2})/.test(name))
      return `the name '${name}' holds '%', but not as part of an encoded character`;
    if (Buffer.byteLength(name) > FOLDER_NAME_BYTES_MAX)
      return `a name has more than ${FOLDER_NAME_BYTES_MAX} bytes`;
    if (isResultName(name)) return `'${name}' is the name of a result file`;
  }
  return undefined;
}

/** Whether the bytes of the file mean nothing to people. */
export function isCompressedName(name: string): boolean {
  return /\.(?:gz|zst)$/.test(name);
}

/** Whether this is the name of a part, perhaps in folders below the output. Such a name never leads out of the output. */
export function isPartPath(name: string): boolean {
  const end = name.lastIndexOf('/');
  const base = name.slice(end + 1);
  if (end === -1) return isPartName(base);
  // Only tasks that write several files write into folders, and the names of these carry the attempt.
  const namesAttempt = /^part-[mr]-\d{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9]/.test(base);
  return namesAttempt && isPartName(base) && folderProblem(name.slice(0, end)) === undefined;
}

/** Whether this is the name of a part or of the merged parts. Such a name never leads out of its folder. */
export function isPartName(name: string): boolean {
  return /^(?:part-[mr]-\d{5,}|merged)\.[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name);
}
