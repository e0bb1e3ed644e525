/**
 * Excludes the output folder from the inputs of a run. A run reads files in its own output folder only if that folder or a
 * file in it is named as an input, and it never reads the results that it would replace. So the same command gives the
 * same result when it runs again.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { folderOfPattern } from '../../plan/inputs/input-names.ts';
import type { InputFile } from '../../read/input-file.ts';
import { resultNames } from './output-folder.ts';

/**
 * @param root  real path of the output folder
 * @param patterns  the inputs as the user named them
 * @throws UsageError if the inputs name results of an earlier run with this output folder
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
  const isResult = (file: InputFile) => results.has(relative(root, join(folderOf(file), basename(file.key))));
  const kept = files.filter((file) => !isResult(file));
  const named = files.find((file) => isResult(file) && patterns.some((name) => resolve(name) === file.key));
  if (kept.length > 0 && named === undefined) return kept;
  throw new MapReduceError(
    'UsageError',
    `the input ${(named ?? files[0]!).key} is a result of an earlier run with the same --output, ${root}. A run cannot read files that it would replace. Choose another --output`,
    { details: { file: (named ?? files[0]!).key } },
  );
}

/** Whether any input names the folder or something in it. */
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
