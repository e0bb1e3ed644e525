/**
 * Resolves and creates the output folder. A link to a folder is resolved once, here. So a run always writes to the same
 * folder, even if the link changes later.
 */
import { access, constants, lstat, mkdir, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { fileError } from '../../storage/file/file-errors.ts';
import { removeIfEmpty } from '../../storage/file/file-upload.ts';

/**
 * Creates nothing.
 *
 * @param output  the folder as the user typed it
 * @returns the real path of the folder. If it is missing: the real path of the nearest existing folder above it, followed
 *     by the missing names.
 * @throws UsageError if no folder can exist at that path
 */
export async function resolveOutputRoot(output: string): Promise<string> {
  if (output === '') {
    throw new MapReduceError('UsageError', '--output is empty. Name a folder, for example out/');
  }
  const path = resolve(output);
  try {
    const existing = await nearestExisting(path, output);
    const real = await realpath(existing);
    await access(real, constants.W_OK | constants.X_OK);
    return join(real, relative(existing, path));
  } catch (error) {
    throw fileError(error, { action: 'write to', path, key: '' });
  }
}

/**
 * Creates one folder at a time, because Node's recursive mkdir never returns below /proc.
 *
 * @returns the folders that were missing, from the top down, for removeMade()
 */
export async function makeOutputRoot(root: string): Promise<string[]> {
  const made: string[] = [];
  try {
    await makeFolder(root, made);
    return made;
  } catch (error) {
    await removeMade(made);
    if (errnoOf(error) !== 'ENOENT') throw fileError(error, { action: 'create', path: root, key: '' });
    throw new MapReduceError(
      'UsageError',
      `cannot create ${root}: ${dirname(root)} does not allow new folders, or was just removed. Choose another --output`,
      { cause: error },
    );
  }
}

/** Called after a run has failed and removed what it wrote. Keeps folders to which another program has added something. */
export async function removeMade(made: readonly string[]): Promise<void> {
  for (const folder of made.toReversed()) {
    if (!(await removeIfEmpty(folder).catch(() => false))) return;
  }
}

async function makeFolder(path: string, made: string[]): Promise<void> {
  if (await isFolder(path)) return;
  if (dirname(path) !== path) await makeFolder(dirname(path), made);
  try {
    await mkdir(path);
    made.push(path);
  } catch (error) {
    // Another run may have created it first.
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Returns the path itself or the nearest existing path above it, which must be a folder. */
async function nearestExisting(path: string, output: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const entry = await lstat(at).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw error;
    });
    if (entry === undefined) continue;
    if (entry.isSymbolicLink() && !(await leadsSomewhere(at))) {
      throw new MapReduceError(
        'UsageError',
        `--output '${output}': ${at} is a symbolic link to ${await readlink(at)}, which does not exist. Create that folder, or choose another --output`,
      );
    }
    if ((await stat(at)).isDirectory()) return at;
    throw new MapReduceError(
      'UsageError',
      at === path
        ? `--output '${output}' is a file, but results need a folder. Name a new folder, or one without results`
        : `--output '${output}': ${at} is a file, so it cannot contain folders. Choose another --output`,
    );
  }
}

async function leadsSomewhere(link: string): Promise<boolean> {
  try {
    await stat(link);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
