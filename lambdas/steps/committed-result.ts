import { MANIFEST_NAME, SUCCESS_NAME } from '../../src/commit/layout.ts';
import { parseResultManifest } from '../../src/commit/result-manifest.ts';
import { isMapReduceError } from '../../src/errors.ts';
import type { JobId } from '../../src/ids.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** Whether the job's own result is whole: the _SUCCESS of an owner before it does not count. */
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
