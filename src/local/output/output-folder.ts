/**
 * Publishes results to the output folder and removes replaced ones. A run writes its result to a folder of its own
 * (job-folder.ts). Results that it replaces stay in place until the new result is complete:
 *
 *     part-r-00000.tsv ...  --rename-->  job-<token>/replaced/             old files: _SUCCESS first, the manifest last
 *     job-<token>/work/result/...  --link-->  part-r-00000.tsv ...         new files: the manifest first, _SUCCESS last
 *
 * Files may be in folders. What the manifest does not list is not published: attempts that lost leave such files.
 *
 * So the folder never holds parts without a manifest. Readers recognise a result by its manifest, and an unfinished one by
 * the missing _SUCCESS.
 *
 * A file in the output belongs to a run if it is the same file, by device and inode, as the one in the run's folder. A run
 * has committed if this is true of _SUCCESS. So the next run can undo a run that was killed: it removes the files of that
 * run and restores those that it had replaced. Creating a link never replaces an existing file. A removal first renames the
 * file into the run's folder and then checks which file it got. So a file that another program creates in the meantime is
 * not lost.
 */
import type { BigIntStats } from 'node:fs';
import { link, lstat, mkdir, readdir, rename, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { LIMITS } from '../../base/limits.ts';
import { listedNames, parseResultManifest, type ResultManifest } from '../../report/result-manifest.ts';
import {
  inOrderOfArrival,
  isPartName,
  isPartPath,
  MANIFEST_NAME,
  PART_PREFIX,
  REPORT_NAME,
  SUCCESS_NAME,
} from '../../report/result-names.ts';
import { fileError } from '../../storage/file/file-errors.ts';
import {
  filesBelow,
  foldersOf,
  kindOf,
  makeFoldersFor,
  removeEmptyFoldersOf,
} from '../../storage/file/nested-files.ts';
import {
  absentAsEmpty,
  type DeadFolder,
  JOB_FOLDER_LAYOUT,
  type JobFolder,
  readPlainFile,
  removeFolder,
} from './job-folder.ts';
import type { OutputClaim } from './output-claim.ts';

export interface ResultCheck {
  /** The folder as the user typed it, for messages. */
  readonly output: string;
  readonly overwrite: boolean;
  /** Whether the new result has a file of this name, including the manifest and _SUCCESS. */
  readonly willWrite: (name: string) => boolean;
  /** Folders that the new result will have, as far as they are known. Parts in them that are not listed are in the way. */
  readonly folders?: readonly string[];
  /** Extension of the new parts. Readers would take other parts with this extension for parts of the new result. */
  readonly extension: string;
}

/**
 * Changes nothing.
 *
 * @returns names of the files of the result to replace, in the order in which they are removed
 * @throws OutputExistsError if the folder holds files that conflict with the new result and must not be replaced
 */
export async function checkResults(
  root: string,
  { output, overwrite, willWrite, extension, folders = [] }: ResultCheck,
): Promise<string[]> {
  const manifest = await manifestOf(root);
  const listed = new Set(manifest === undefined ? [] : listedNames(manifest));
  const present = await presentNames(root, { output, listed, folders });
  const ours: string[] = [];
  for (const name of present.sort()) {
    const isListed = listed.has(name) && (name !== REPORT_NAME || (await isPageOf(root, manifest!)));
    if (isListed) ours.push(name);
    const looksLikePart = name.includes('/')
      ? isPartName(basename(name))
      : isPartName(name) && name.startsWith(PART_PREFIX) && name.endsWith(`.${extension}`);
    const isConflict = willWrite(name) || (looksLikePart && !isListed) || (!overwrite && isListed);
    if (!isConflict) continue;
    if (!isListed)
      throw conflict(output, name, 'was not written by mapreduce (no manifest.json of a result lists it)');
    if (overwrite) continue;
    throw outputExists(
      `${output} already holds results (${name}). Choose another --output, or replace them with --overwrite`,
      name,
    );
  }
  for (const name of ours) await assertPlain(root, { output, name });
  return inOrderOfArrival(ours).reverse();
}

/** Returns the names directly in the folder, and those in folders that hold files of a result, or will hold them. */
async function presentNames(
  root: string,
  { output, listed, folders }: { output: string; listed: ReadonlySet<string>; folders: readonly string[] },
): Promise<string[]> {
  const present = await readdir(root).catch(absentAsEmpty);
  const nested = new Set([...folders, ...[...listed].flatMap(foldersOf)]);
  for (const folder of [...nested].sort()) {
    const kind = await kindOf(join(root, folder));
    if (kind === 'nothing') continue;
    if (kind === 'other')
      throw conflict(output, folder, 'is not a folder, but the result has a folder of this name');
    for (const name of await readdir(join(root, folder)).catch(absentAsEmpty))
      present.push(`${folder}/${name}`);
  }
  return present;
}

/** Returns the names of the files of the result that the folder holds, according to its manifest. */
export async function resultNames(root: string): Promise<ReadonlySet<string>> {
  const manifest = await manifestOf(root);
  return new Set(manifest === undefined ? [] : listedNames(manifest));
}

/**
 * Called once by the holder of the claim, when the job's own folder holds the complete result. If it throws, `undo`
 * restores the earlier result.
 */
export async function publish(folder: JobFolder, claim: OutputClaim, check: ResultCheck): Promise<void> {
  const { root } = folder;
  await claim.assertHeld();
  const names = await namesToPublish(folder.resultPath);
  const replaced = await checkResults(root, {
    ...check,
    willWrite: (name) => check.willWrite(name) || names.has(name),
    folders: [...new Set([...names].flatMap(foldersOf))],
  });
  try {
    if (replaced.length > 0) await mkdir(join(folder.path, 'replaced'));
    for (const name of replaced) {
      await claim.assertHeld();
      await makeFoldersFor(join(folder.path, 'replaced'), name);
      await rename(join(root, name), join(folder.path, 'replaced', name));
      await removeEmptyFoldersOf(root, name);
    }
    for (const name of inOrderOfArrival([...names])) {
      await claim.assertHeld();
      await makeFoldersFor(root, name);
      await link(join(folder.resultPath, name), join(root, name)).catch((error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
        throw conflict(check.output, name, 'was created while the job was running');
      });
    }
  } catch (error) {
    throw fileError(error, { action: 'publish the result in', path: root, key: '' });
  }
}

/** Returns the names of the files of the new result: parts that its manifest lists, and everything else. */
async function namesToPublish(resultPath: string): Promise<ReadonlySet<string>> {
  const manifest = await manifestOf(resultPath);
  const listed = new Set(manifest?.parts);
  const names = await filesBelow(resultPath);
  return new Set(names.filter((name) => !isPartPath(name) || listed.has(name)));
}

/**
 * Removes what a run had published without committing, and restores what it had replaced. Called by the run itself if it
 * fails, or by the next run for a run that died. If it is interrupted, it is called again.
 *
 * @param path  the run's folder
 * @throws OutputExistsError if another file has the name of a result to restore. Both files stay in place.
 */
export async function undo(path: string, root: string): Promise<void> {
  try {
    const removed = join(path, 'removed');
    const result = join(path, JOB_FOLDER_LAYOUT.outputPrefix);
    for (const name of inOrderOfArrival(await namesBelow(path, JOB_FOLDER_LAYOUT.outputPrefix)).reverse()) {
      if (!(await isSameFile(join(result, name), join(root, name)))) {
        await removeEmptyFoldersOf(root, name);
        continue;
      }
      await makeFolder(removed);
      await makeFoldersFor(removed, name);
      await rename(join(root, name), join(removed, name));
      // Another program created a file of that name between the check and the rename.
      if (!(await isSameFile(join(result, name), join(removed, name)))) {
        await putBack(join(removed, name), join(root, name));
      }
      await removeEmptyFoldersOf(root, name);
    }
    const replaced = join(path, 'replaced');
    for (const name of inOrderOfArrival(await namesBelow(path, 'replaced'))) {
      await makeFoldersFor(root, name);
      await putBack(join(replaced, name), join(root, name));
    }
  } catch (error) {
    throw fileError(error, { action: 'restore the results in', path: root, key: '' });
  }
}

/**
 * Undoes what dead runs had partly published. Called by the holder of the claim before it checks for results.
 *
 * @returns folders that are no longer needed
 */
export async function recover(folder: JobFolder, claim: OutputClaim): Promise<DeadFolder[]> {
  const done: DeadFolder[] = [];
  for (const dead of await folder.others()) {
    if (dead.state === 'done') {
      done.push(dead);
      continue;
    }
    const nameOf = (state: DeadFolder['state']) => folder.inHidden(`${state}-${dead.token}-${folder.token}`);
    try {
      await claim.assertHeld();
      if (!(await hasCommitted(dead.path, folder.root))) {
        await rename(dead.path, nameOf('undo'));
        await undo(nameOf('undo'), folder.root);
        await claim.assertHeld();
        await rename(nameOf('undo'), nameOf('done'));
      } else await rename(dead.path, nameOf('done'));
      done.push({ ...dead, state: 'done', path: nameOf('done') });
    } catch (error) {
      // A run that only waited for the claim has removed its own folder.
      if (errnoOf(error) !== 'ENOENT') {
        throw fileError(error, { action: 'clean up', path: dead.path, key: '' });
      }
    }
  }
  return done;
}

/**
 * Whether the output holds the complete result of a run: its _SUCCESS is the file from the run's folder. In a copy of the
 * output, all files have new inodes; there, a _SUCCESS next to an identical manifest counts too.
 */
async function hasCommitted(path: string, root: string): Promise<boolean> {
  const result = join(path, JOB_FOLDER_LAYOUT.outputPrefix);
  if (await isSameFile(join(result, SUCCESS_NAME), join(root, SUCCESS_NAME))) return true;
  if ((await lstatIfAny(join(root, SUCCESS_NAME))) === undefined) return false;
  const manifest = await readPlainFile(join(result, MANIFEST_NAME));
  return manifest !== undefined && manifest === (await readPlainFile(join(root, MANIFEST_NAME)));
}

/** Returns the names in a folder of a dead run; none if its path contains a link, because runs never create links. */
async function namesBelow(path: string, folder: string): Promise<string[]> {
  let at = path;
  for (const name of folder.split('/').filter((part) => part !== '')) {
    at = join(at, name);
    if (!(await lstatIfAny(at))?.isDirectory()) return [];
  }
  return await filesBelow(at);
}

/** Does not create the folders above, because the folder of a run that lost its claim must not reappear. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
}

/** Called after the checks. If a folder cannot be removed now, the next run removes it. */
export async function removeDone(done: readonly DeadFolder[]): Promise<void> {
  for (const { path } of done) await removeFolder(path).catch(() => {});
}

async function manifestOf(root: string): Promise<ResultManifest | undefined> {
  const path = join(root, MANIFEST_NAME);
  const stats = await lstatIfAny(path);
  if (!stats?.isFile() || stats.size > LIMITS.manifestBytesMax) return undefined;
  try {
    return parseResultManifest((await readPlainFile(path)) ?? '');
  } catch (error) {
    throw fileError(error, { action: 'read', path, key: MANIFEST_NAME });
  }
}

/** Whether the page shows this job. Other pages do not belong to the result. */
async function isPageOf(root: string, { jobId }: ResultManifest): Promise<boolean> {
  const path = join(root, REPORT_NAME);
  const stats = await lstatIfAny(path);
  if (!stats?.isFile() || stats.size > LIMITS.manifestBytesMax) return false;
  return ((await readPlainFile(path)) ?? '').includes(`<code>${jobId}</code>`);
}

async function assertPlain(root: string, { output, name }: { output: string; name: string }): Promise<void> {
  const stats = await lstatIfAny(join(root, name));
  if (stats === undefined || stats.isFile()) return;
  const what = stats.isDirectory()
    ? 'a folder'
    : stats.isSymbolicLink()
      ? 'a symbolic link'
      : 'not a regular file';
  throw conflict(output, name, `is ${what}, which mapreduce does not write`);
}

/** Never replaces an existing file. */
async function putBack(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    // If the process was killed between link and unlink, both names exist.
    if (!(await isSameFile(from, to))) {
      throw outputExists(
        `an earlier result cannot be restored, because another file now has its name: ${to}. The earlier file is kept as ${from}. Move one of them elsewhere, and run the job again`,
        to,
      );
    }
  }
  await unlink(from);
}

async function isSameFile(x: string, y: string): Promise<boolean> {
  const [statsOfX, statsOfY] = await Promise.all([lstatIfAny(x), lstatIfAny(y)]);
  if (!statsOfX?.isFile() || !statsOfY?.isFile()) return false;
  return statsOfX.dev === statsOfY.dev && statsOfX.ino === statsOfY.ino;
}

async function lstatIfAny(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function conflict(output: string, name: string, why: string): MapReduceError {
  return outputExists(
    `${output} contains ${name}, which conflicts with the new result: it ${why}. Move it elsewhere, or choose another --output`,
    name,
  );
}

function outputExists(message: string, objectKey: string): MapReduceError {
  return new MapReduceError('OutputExistsError', message, { details: { objectKey } });
}
