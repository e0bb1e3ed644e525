import { isMapReduceError } from '../../src/base/errors.ts';
import type { JobId } from '../../src/base/ids.ts';
import { parseResultManifest } from '../../src/report/result-manifest.ts';
import { MANIFEST_NAME, SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** Whether the job has committed its result. A _SUCCESS of an earlier owner of the output does not count. */
export async function isCommitted(id: JobId, outputPrefix: string, store: ObjectStore): Promise<boolean> {
  if ((await store.head(`${outputPrefix}${SUCCESS_NAME}`)) === undefined) return false;
  try {
    const manifest = await store.get(`${outputPrefix}${MANIFEST_NAME}`);
    return parseResultManifest(manifest.toString())?.jobId === id;
  } catch (error) {
    if (isMapReduceError(error, 'ObjectNotFoundError')) return false;
    throw error;
  }
}
