/** Names of the objects of a result. They are public contract, as all keys of a job are (commit/layout.ts). */
import type { TaskId } from '../base/ids.ts';

export const SUCCESS_NAME = '_SUCCESS';
export const MANIFEST_NAME = 'manifest.json';
/** Readers of a whole folder (Hadoop, Spark, DuckDB) leave out what starts with '_'. */
export const REPORT_NAME = '_report.html';
/** Says whose an output on a bucket is. */
export const OUTPUT_CLAIM_NAME = '_JOB';

export const PART_PREFIX = 'part-';

export function partName(task: TaskId, extension: string): string {
  return `${PART_PREFIX}${task}.${extension}`;
}

export function mergedName(extension: string): string {
  return `merged.${extension}`;
}

/**
 * The order in which the files of a result come into a folder: the manifest first, _SUCCESS last. They leave it in the
 * opposite one. So parts never lie there without a manifest, and what is not whole has no _SUCCESS.
 */
export function inOrderOfArrival(names: readonly string[]): string[] {
  const rank = (name: string) => (name === MANIFEST_NAME ? 0 : name === SUCCESS_NAME ? 2 : 1);
  return names.toSorted((x, y) => rank(x) - rank(y));
}

/** Whether an object's name in the output is one that a job writes. */
export function isResultName(name: string): boolean {
  return name === SUCCESS_NAME || name === MANIFEST_NAME || name === REPORT_NAME || isPartName(name);
}

/** Whether it is the name of a part, or of the parts merged: plain, so that it leads out of no folder. */
export function isPartName(name: string): boolean {
  return /^(?:part-[mr]-\d{5,}|merged)\.[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name);
}
