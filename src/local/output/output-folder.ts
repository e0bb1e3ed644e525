/**
 * How results enter and leave the output folder. A run writes its result into a folder of its own (job-folder.ts), and
 * the results that are to be replaced stay where they are until the new one is whole:
 *
 *     part-r-00000.tsv ...  --rename-->  job-<token>/replaced/             the results before: _SUCCESS first, the
 *                                                                          manifest last
 *     job-<token>/work/result/...  --link-->  part-r-00000.tsv ...         the new ones: the manifest first, _SUCCESS last
 *
 * So parts never lie there without a manifest, by which whoever reads the folder knows them for a result, and a result
 * that is not whole for one that is not finished.
 *
 * A file of the output belongs to a run if it is the same file, by device and inode, as the one in the run's folder, and
 * a run has committed if _SUCCESS is. So a run that was killed can be undone by the next: its files are taken out, and
 * what it had replaced comes back. A link never replaces what is there, and a removal first renames the file into the
 * run's folder and then looks which one it got: a file that somebody put there meanwhile is not lost.
 */
import type { BigIntStats } from 'node:fs';
import { link, lstat, mkdir, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseResultManifest, type ResultManifest } from '../../report/result-manifest.ts';
import {
  inOrderOfArrival,
  isPartName,
  MANIFEST_NAME,
  PART_PREFIX,
  REPORT_NAME,
  SUCCESS_NAME,
} from '../../report/result-names.ts';
import { errnoOf, fileError } from '../../storage/file/file-errors.ts';
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
  /** As it was typed, for messages. */
  readonly output: string;
  readonly overwrite: boolean;
  /** Names that the new result will have, its manifest and _SUCCESS included. */
  readonly willWrite: (name: string) => boolean;
  /** Of the new result's parts. Others with it would be read as parts of the same result. */
  readonly extension: string;
}

/**
 * Changes nothing.
 *
 * @returns names of the files of the result that is to be replaced, in the order in which they leave
 * @throws OutputExistsError when something is in the way that may not be replaced
 */
export async function checkResults(
  root: string,
  { output, overwrite, willWrite, extension }: ResultCheck,
): Promise<string[]> {
  const present = await readdir(root).catch(absentAsEmpty);
  const manifest = await manifestOf(root);
  const listed = new Set(
    manifest === undefined ? [] : [SUCCESS_NAME, MANIFEST_NAME, ...manifest.parts, REPORT_NAME],
  );
  const ours: string[] = [];
  for (const name of present.sort()) {
    const isListed = listed.has(name) && (name !== REPORT_NAME || (await isPageOf(root, manifest!)));
    if (isListed) ours.push(name);
    const looksLikePart = isPartName(name) && name.startsWith(PART_PREFIX) && name.endsWith(`.${extension}`);
    const isInTheWay = willWrite(name) || (looksLikePart && !isListed) || (!overwrite && isListed);
    if (!isInTheWay) continue;
    if (!isListed)
      throw inTheWay(output, name, 'was not written by mapreduce: no manifest.json of it lists it');
    if (overwrite) continue;
    throw outputExists(
      `${output} already holds results (${name}). Choose another --output, or replace them with --overwrite`,
      name,
    );
  }
  for (const name of ours) await assertPlain(root, { output, name });
  return inOrderOfArrival(ours).reverse();
}

/** Names of the files of our result that the folder holds, by its manifest. */
export async function resultNames(root: string): Promise<ReadonlySet<string>> {
  const manifest = await manifestOf(root);
  return new Set(manifest === undefined ? [] : [SUCCESS_NAME, MANIFEST_NAME, REPORT_NAME, ...manifest.parts]);
}

/**
 * Called once by the holder of the claim, when the job's own folder holds the whole result. When it throws, `undo` brings
 * back what was there before.
 */
export async function publish(folder: JobFolder, claim: OutputClaim, check: ResultCheck): Promise<void> {
  const { root } = folder;
  await claim.assertHeld();
  const replaced = await checkResults(root, check);
  try {
    if (replaced.length > 0) await mkdir(join(folder.path, 'replaced'));
    for (const name of replaced) {
      await claim.assertHeld();
      await rename(join(root, name), join(folder.path, 'replaced', name));
    }
    for (const name of inOrderOfArrival(await readdir(folder.resultPath))) {
      await claim.assertHeld();
      await link(join(folder.resultPath, name), join(root, name)).catch((error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
        throw inTheWay(check.output, name, 'was put there while the job ran');
      });
    }
  } catch (error) {
    throw fileError(error, { action: 'publish the result in', path: root, key: '' });
  }
}

/**
 * Takes out what a run had published without committing, and brings back what it had replaced. Called by the run itself
 * when it failed, or by the next one for a run that died; again after a kill in the middle.
 *
 * @param path  the run's folder
 * @throws OutputExistsError when a file is in the place of a result that is to come back; both stay where they are
 */
export async function undo(path: string, root: string): Promise<void> {
  try {
    const removed = join(path, 'removed');
    const result = join(path, JOB_FOLDER_LAYOUT.outputPrefix);
    for (const name of inOrderOfArrival(await namesBelow(path, JOB_FOLDER_LAYOUT.outputPrefix)).reverse()) {
      if (!(await isSameFile(join(result, name), join(root, name)))) continue;
      await makeFolder(removed);
      await rename(join(root, name), join(removed, name));
      // Somebody has put another file there between the look and the rename.
      if (!(await isSameFile(join(result, name), join(removed, name)))) {
        await putBack(join(removed, name), join(root, name));
      }
    }
    const replaced = join(path, 'replaced');
    for (const name of inOrderOfArrival(await namesBelow(path, 'replaced'))) {
      await putBack(join(replaced, name), join(root, name));
    }
  } catch (error) {
    throw fileError(error, { action: 'restore the results in', path: root, key: '' });
  }
}

/**
 * Undoes what runs that died had half published. Called by the holder of the claim, before it looks for results.
 *
 * @returns folders of which nothing is needed any more
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
 * Whether the folder holds the whole result of a run: its _SUCCESS, or, in a copy of the folder, in which no file is the
 * same any more, a _SUCCESS beside its manifest.
 */
async function hasCommitted(path: string, root: string): Promise<boolean> {
  const result = join(path, JOB_FOLDER_LAYOUT.outputPrefix);
  if (await isSameFile(join(result, SUCCESS_NAME), join(root, SUCCESS_NAME))) return true;
  if ((await lstatIfAny(join(root, SUCCESS_NAME))) === undefined) return false;
  const manifest = await readPlainFile(join(result, MANIFEST_NAME));
  return manifest !== undefined && manifest === (await readPlainFile(join(root, MANIFEST_NAME)));
}

/** Names in a folder of a dead run; none where a link stands in the way, which no run makes. */
async function namesBelow(path: string, folder: string): Promise<string[]> {
  let at = path;
  for (const name of folder.split('/').filter((part) => part !== '')) {
    at = join(at, name);
    if (!(await lstatIfAny(at))?.isDirectory()) return [];
  }
  return await readdir(at).catch(absentAsEmpty);
}

/** Never those above: the folder of a run that lost its claim is not to come back. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
}

/** Called when all checks have passed. What cannot be removed now, the next run removes. */
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

/** A page that names another job, or none, is somebody else's. */
async function isPageOf(root: string, { jobId }: ResultManifest): Promise<boolean> {
  const path = join(root, REPORT_NAME);
  const stats = await lstatIfAny(path);
  if (!stats?.isFile() || stats.size > LIMITS.manifestBytesMax) return false;
  return ((await readPlainFile(path)) ?? '').includes(`<code>${jobId}</code>`);
}

async function assertPlain(root: string, { output, name }: { output: string; name: string }): Promise<void> {
  const stats = await lstatIfAny(join(root, name));
  if (stats === undefined || stats.isFile()) return;
  const what = stats.isDirectory() ? 'a folder' : stats.isSymbolicLink() ? 'a symbolic link' : 'no file';
  throw inTheWay(output, name, `is ${what}, which mapreduce does not write`);
}

/** Never over a file that is there. */
async function putBack(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    // A kill between link and unlink leaves both names.
    if (!(await isSameFile(from, to))) {
      throw outputExists(
        `${to} is in the place of an earlier result, which is kept as ${from}. Move one of them elsewhere, and run again`,
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

function inTheWay(output: string, name: string, why: string): MapReduceError {
  return outputExists(
    `${output} holds ${name}, which is in the way of the new result: it ${why}. Move it elsewhere, or choose another --output`,
    name,
  );
}

function outputExists(message: string, objectKey: string): MapReduceError {
  return new MapReduceError('OutputExistsError', message, { details: { objectKey } });
}
