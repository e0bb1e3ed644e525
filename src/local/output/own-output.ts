/**
 * A run never reads what is in its own output folder, unless that folder or a file in it was named as an input; and even
 * then never the results that the run would replace. So the same command gives the same result when it is run again.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { folderOfPattern } from '../../plan/inputs/input-names.ts';
import type { InputFile } from '../../read/input-file.ts';
import { resultNames } from './output-folder.ts';

/**
 * @param root  real path of the output folder
 * @param patterns  the inputs as they were given
 * @throws UsageError when results of an earlier run into this folder were asked for
 */
export async function withoutOwnOutput(
  files: readonly InputFile[],
  { root, patterns }: { root: string; patterns: readonly string[] },
): Promise<readonly InputFile[]> {
  const realFolders = new Map<string, string>();
  for (const { key } of files) {
    const folder = dirname(key);
    if (!realFolders.has(folder)) realFolders.set(folder, await realpath(folder).catch(() => folder));
  }
  const folderOf = ({ key }: InputFile) => realFolders.get(dirname(key))!;
  if (![...realFolders.values()].some((folder) => isWithin(folder, root))) return files;

  if (!(await anyNames(patterns, root))) return files.filter((file) => !isWithin(folderOf(file), root));
  const results = await resultNames(root);
  const isResult = (file: InputFile) => folderOf(file) === root && results.has(basename(file.key));
  const kept = files.filter((file) => !isResult(file));
  const named = files.find((file) => isResult(file) && patterns.some((name) => resolve(name) === file.key));
  if (kept.length > 0 && named === undefined) return kept;
  throw new MapReduceError(
    'UsageError',
    `the input ${(named ?? files[0]!).key} is one of the results of an earlier run into the same --output, ${root}. A run cannot read what it would replace: choose another --output`,
    { details: { file: (named ?? files[0]!).key } },
  );
}

/** Whether any input was given as the folder, or as something in it. */
async function anyNames(patterns: readonly string[], root: string): Promise<boolean> {
  for (const pattern of patterns) {
    const path = resolve(pattern);
    const isThere = (await stat(path).catch(() => undefined)) !== undefined;
    const start = isThere ? path : resolve(folderOfPattern(pattern));
    if (isWithin(await realpath(start).catch(() => start), root)) return true;
  }
  return false;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
