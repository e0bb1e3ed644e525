/**
 * The folder in which a run keeps everything that it writes until it publishes its result, and the folders that runs left
 * behind when they died:
 *
 *     <output>/.mapreduce/                 entries not listed here belong to others and are never changed
 *         claim/<token>.json               the run that may publish here                         (output-claim.ts)
 *         job-<token>/                     all files of one run
 *             owner.json                   proof that mapreduce wrote the folder: repeats its token
 *             work/  .mapreduce/           the run's file store: intermediates, and the result before it is published
 *             replaced/  removed/          results that are being removed                        (output-folder.ts)
 *             scratch-.../                 spills
 *         undo-<token>-<taker>/            a dead run's folder, while another run undoes what it had partly published
 *         done-<token>/                    a folder that is no longer needed
 *
 * A token is 128 random bits, so no other folder has such a name by chance. The owner file proves that the name was not
 * chosen to look like one. Every step that changes the output is one system call with a path inside the run's own folder.
 * So renaming that folder is a fence: a run that takes over an output renames the folders of earlier runs, and a late step
 * of such a run fails because its folder no longer exists.
 */
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { randomHex } from '../../base/random-hex.ts';
import type { JobLayout } from '../../plan/task.ts';
import { fileError } from '../../storage/file/file-errors.ts';
import { HIDDEN_FOLDER, RUN_FOLDER } from '../../storage/file/file-listing.ts';
import { removeIfEmpty } from '../../storage/file/file-upload.ts';

/** Keys in the file store whose root is the job's folder. The result is below `work/` too, because only this run writes there. */
export const JOB_FOLDER_LAYOUT: JobLayout = { workPrefix: 'work/', outputPrefix: 'work/result/' };

const OWNER_NAME = 'owner.json';

/** The words that RUN_FOLDER allows before the token. */
const FOLDER_STATES = ['job', 'undo', 'done'] as const;

/** Removing a folder may fail briefly while a dying thread still writes to it. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const;
/** An attempt fails only if another run removes the empty hidden folder at that moment. */
const ATTEMPTS_MAX = 10;

export class JobFolder {
  /** Real path of the output folder. */
  readonly root: string;
  readonly token = randomHex(32);

  constructor(root: string) {
    this.root = root;
  }

  get path(): string {
    return this.inHidden(`job-${this.token}`);
  }

  get resultPath(): string {
    return join(this.path, JOB_FOLDER_LAYOUT.outputPrefix);
  }

  inHidden(name: string): string {
    return join(this.root, HIDDEN_FOLDER, name);
  }

  /** Called by each attempt to take the claim, because the holder may remove the folder of a run that only waits. */
  async make(): Promise<void> {
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          await this.#makeOnce();
          return;
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT' || attempt === ATTEMPTS_MAX) throw error;
        }
      }
    } catch (error) {
      throw fileError(error, { action: 'create', path: this.path, key: '' });
    }
  }

  /** Called when the folder is no longer needed. Ignores errors, because the next run removes the folder. */
  async remove(): Promise<void> {
    const done = this.inHidden(`done-${this.token}`);
    try {
      await rename(this.path, done);
      await removeFolder(done);
    } catch {}
    await this.removeEmptyParents();
  }

  /**
   * Called by a run that lost its claim. The folder now belongs to the run that took over. If that run has already moved
   * it, only a remainder is here, and this removes it.
   */
  async removeRemainder(): Promise<void> {
    const isOriginal = await exists(join(this.path, OWNER_NAME)).catch(() => true);
    if (!isOriginal) await rm(this.path, REMOVE).catch(() => {});
    await this.removeEmptyParents();
  }

  async removeEmptyParents(): Promise<void> {
    await removeIfEmpty(this.inHidden('')).catch(() => false);
  }

  /** Returns the folders of other runs. Only the holder of the claim calls it, so these runs are dead or lost the claim. */
  async others(): Promise<DeadFolder[]> {
    const found: DeadFolder[] = [];
    for (const name of await readdir(this.inHidden('')).catch(absentAsEmpty)) {
      const [, word, token] = RUN_FOLDER.exec(name) ?? [];
      const state = FOLDER_STATES.find((each) => each === word);
      if (state === undefined || token === undefined || token === this.token) continue;
      const path = this.inHidden(name);
      if (await isOurs(path, token)) found.push({ state, token, path });
    }
    return found;
  }

  async #makeOnce(): Promise<void> {
    await makeHiddenFolder(this.root);
    await mkdir(this.path).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
    await writeFile(join(this.path, OWNER_NAME), ownerText(this.token));
  }
}

export interface DeadFolder {
  readonly state: (typeof FOLDER_STATES)[number];
  readonly token: string;
  readonly path: string;
}

/**
 * Changes nothing.
 *
 * @throws UsageError if the hidden folder of the output is a link or a file
 */
export async function assertHiddenFolder(root: string): Promise<void> {
  const path = join(root, HIDDEN_FOLDER);
  const stats = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, { action: 'access', path, key: '' });
  });
  if (stats === undefined || stats.isDirectory()) return;
  throw new MapReduceError(
    'UsageError',
    `${path} is ${stats.isSymbolicLink() ? 'a symbolic link' : 'not a folder'}. Runs keep their intermediates in a folder of that name, and do not follow links to it. Remove it, or choose another --output`,
  );
}

/** Removes the owner file last, so that the next run still recognises the folder if this removal is interrupted. */
export async function removeFolder(path: string): Promise<void> {
  const names = await readdir(path).catch(absentAsEmpty);
  await Promise.all(names.filter((name) => name !== OWNER_NAME).map((name) => rm(join(path, name), REMOVE)));
  await rm(join(path, OWNER_NAME), { force: true });
  await rmdir(path);
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

export function absentAsEmpty(error: unknown): string[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}

/** Returns the text of a small file; undefined if there is none or the path is a link. */
export async function readPlainFile(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return undefined;
    return await file.readFile('utf8');
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

async function makeHiddenFolder(root: string): Promise<void> {
  await assertHiddenFolder(root);
  await mkdir(join(root, HIDDEN_FOLDER)).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
}

/** If a run was killed while it created the folder, the folder is empty or holds only an incomplete owner file. */
async function isOurs(path: string, token: string): Promise<boolean> {
  try {
    if (!(await lstat(path)).isDirectory()) return false;
  } catch (error) {
    // A run that only waited for the claim has removed its folder.
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  const text = await readPlainFile(join(path, OWNER_NAME));
  if (text === ownerText(token)) return true;
  const names = await readdir(path).catch(absentAsEmpty);
  return (
    names.length === 0 || (names.length === 1 && text !== undefined && ownerText(token).startsWith(text))
  );
}

function ownerText(token: string): string {
  return `${JSON.stringify({ product: 'serverless-mapreduce', formatVersion: 1, token })}\n`;
}
