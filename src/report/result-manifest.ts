/** Which files of a folder are a job's result, according to its manifest. A manifest may come from anywhere. */
import { isMapReduceError } from '../base/errors.ts';
import type { JobId } from '../base/ids.ts';
import { parseManifest } from './manifest.ts';
import { MANIFEST_NAME } from './result-names.ts';

/** The job and the names of its parts. */
export interface ResultManifest {
  readonly jobId: JobId;
  readonly parts: readonly string[];
}

/** @returns undefined for a text that is not a manifest of this version, or that names a part as no job would */
export function parseResultManifest(text: string): ResultManifest | undefined {
  try {
    // The message, which would name it, is discarded.
    const { jobId, parts } = parseManifest(text, MANIFEST_NAME);
    return { jobId, parts: parts.map(({ name }) => name) };
  } catch (error) {
    if (isMapReduceError(error, 'UsageError')) return undefined;
    throw error;
  }
}
