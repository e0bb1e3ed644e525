/** Which files of a folder are a result of ours, as its manifest says. A manifest may have come from anywhere. */
import { isMapReduceError } from '../base/errors.ts';
import { parseManifest } from './manifest.ts';

/** Names of the parts, and the job. */
export interface ResultManifest {
  readonly jobId: string;
  readonly parts: readonly string[];
}

/** @returns undefined for what no job of this version wrote, or where a part has a name that no job gives */
export function parseResultManifest(text: string): ResultManifest | undefined {
  try {
    const { jobId, parts } = parseManifest(text, 'it');
    return { jobId, parts: parts.map(({ name }) => name) };
  } catch (error) {
    if (isMapReduceError(error, 'UsageError')) return undefined;
    throw error;
  }
}
