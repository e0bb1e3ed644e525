/** Which files of a folder are a job's result, according to its manifest. A manifest may come from anywhere. */
import { isMapReduceError } from '../base/errors.ts';
import type { JobId } from '../base/ids.ts';
import { parseManifest } from './manifest.ts';
import { ATTEMPTS_NAME, BAD_RECORDS_NAME, MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME } from './result-names.ts';

/** The job and the names of its parts. */
export interface ResultManifest {
  readonly jobId: JobId;
  readonly parts: readonly string[];
  /** Whether the job skipped bad records, which a file beside the parts lists. */
  readonly hasBadRecords: boolean;
}

/** The names of all files that the manifest accounts for. */
export function listedNames({ parts, hasBadRecords }: ResultManifest): string[] {
  const bad = hasBadRecords ? [BAD_RECORDS_NAME] : [];
  return [SUCCESS_NAME, MANIFEST_NAME, REPORT_NAME, ATTEMPTS_NAME, ...bad, ...parts];
}

/** @returns undefined for a text that is not a manifest of this version, or that names a part as no job would */
export function parseResultManifest(text: string): ResultManifest | undefined {
  try {
    // The message, which would name it, is discarded.
    const { jobId, parts, badRecords } = parseManifest(text, MANIFEST_NAME);
    return { jobId, parts: parts.map(({ name }) => name), hasBadRecords: badRecords !== undefined };
  } catch (error) {
    if (isMapReduceError(error, 'UsageError')) return undefined;
    throw error;
  }
}
