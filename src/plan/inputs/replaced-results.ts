/**
 * Detects a result on disk that a run is replacing, or whose replacement was interrupted. Meanwhile the run keeps the old
 * result in its own folder (local/output/job-folder.ts), so the output has no manifest to recognise it by.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../base/field-of.ts';
import { fileError } from '../../storage/file/file-errors.ts';
import { HIDDEN_FOLDER, RUN_FOLDER } from '../../storage/file/file-listing.ts';

/** @param folder  a folder that may hold a result */
export async function isBeingReplaced(folder: string): Promise<boolean> {
  const hidden = join(folder, HIDDEN_FOLDER);
  const names = await namesIn(hidden);
  for (const name of names.filter((one) => RUN_FOLDER.test(one))) {
    if ((await namesIn(join(hidden, name, 'replaced'))).length > 0) return true;
  }
  return false;
}

/** Returns no names if the path is not a folder. Does not follow links. */
async function namesIn(path: string): Promise<string[]> {
  try {
    return (await lstat(path)).isDirectory() ? await readdir(path) : [];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw fileError(error, { action: 'look at', path, key: path });
  }
}
