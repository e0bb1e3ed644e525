/**
 * A result on disk that is just being replaced, or whose replacement was cut short: the run keeps the old one in its own
 * folder meanwhile (local/job-folder.ts), and the output holds no manifest by which it could be told.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fileError } from '../../storage/file/file-errors.ts';
import { HIDDEN_FOLDER, RUN_FOLDER } from '../../storage/file/file-listing.ts';

/** @param folder  that may hold a result */
export async function isBeingReplaced(folder: string): Promise<boolean> {
  const hidden = join(folder, HIDDEN_FOLDER);
  const names = await namesIn(hidden);
  for (const name of names.filter((one) => RUN_FOLDER.test(one))) {
    if ((await namesIn(join(hidden, name, 'replaced'))).length > 0) return true;
  }
  return false;
}

/** None of what is no folder; links are not followed. */
async function namesIn(path: string): Promise<string[]> {
  try {
    return (await lstat(path)).isDirectory() ? await readdir(path) : [];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw fileError(error, { action: 'look at', path, key: path });
  }
}
