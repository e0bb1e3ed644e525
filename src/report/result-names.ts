/** Names of the objects of a result. They are a public contract, like all keys of a job (commit/layout.ts). */
import type { TaskId } from '../base/ids.ts';

export const SUCCESS_NAME = '_SUCCESS';
export const MANIFEST_NAME = 'manifest.json';
/** Tools that read a whole folder (Hadoop, Spark, DuckDB) skip names that start with '_'. */
export const REPORT_NAME = '_report.html';
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
  return [SUCCESS_NAME, MANIFEST_NAME, REPORT_NAME, BAD_RECORDS_NAME].includes(name) || isPartName(name);
}

/** Whether this is the name of a part or of the merged parts. Such a name never leads out of its folder. */
export function isPartName(name: string): boolean {
  return /^(?:part-[mr]-\d{5,}|merged)\.[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name);
}
