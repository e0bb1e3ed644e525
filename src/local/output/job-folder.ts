/**
 * The folder in which a run keeps all that it writes until it publishes its result, and what was left by runs that died:
 *
 *     <output>/.mapreduce/                 other entries in it are somebody else's, and left alone
 *         claim/<token>.json               the run that may publish here                         (output-claim.ts)
 *         job-<token>/                     everything of one run
 *             owner.json                   proof that mapreduce wrote the folder: repeats its token
 *             work/  .mapreduce/           the run's file store: intermediates, and the result before it is published
 *             replaced/  removed/          results on their way out                              (output-folder.ts)
 *             scratch-.../                 spills
 *         undo-<token>-<taker>/            a dead run's folder, while another run undoes what it had half published
 *         done-<token>/                    a folder of which nothing is needed any more
 *
 * A token is 128 random bits, so nobody else's folder has such a name by chance, and the owner file in it tells it from
 * one that was made to look like it. Every step that changes the output is one system call with a path inside the run's
 * own folder. Renaming that folder is therefore a fence: whoever takes an output over renames the folders of the runs
 * before, and a step of theirs that comes late finds its folder gone and does nothing.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import type { JobLayout } from '../../plan/task.ts';
import { errnoOf, fileError } from '../../storage/file/file-errors.ts';
import { HIDDEN_FOLDER, RUN_FOLDER } from '../../storage/file/file-listing.ts';
import { removeIfEmpty } from '../../storage/file/file-upload.ts';

/** Of the file store whose root is the job's folder. Results below `work/` too: nobody else writes there. */
export const JOB_FOLDER_LAYOUT: JobLayout = { workPrefix: 'work/', outputPrefix: 'work/result/' };

const OWNER_NAME = 'owner.json';

/** The words that RUN_FOLDER allows before the token. */
const FOLDER_STATES = ['job', 'undo', 'done'] as const;

/** Removing a folder that a dying thread still writes to can fail for a moment. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const;
/** Each further attempt means that another run removed the empty hidden folder in that moment. */
const ATTEMPTS_MAX = 10;

export class JobFolder {
  /** Real path of the output folder. */
  readonly root: string;
  readonly token = randomBytes(16).toString('hex');

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

  /** Called by each attempt to take the claim: a holder may remove the folder of a run that only waits. */
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

  /** Called when nothing in it is needed any more. Errors are none of the job's: the next run removes the folder. */
  async remove(): Promise<void> {
    const done = this.inHidden(`done-${this.token}`);
    try {
      await rename(this.path, done);
      await removeFolder(done);
    } catch {}
    await this.removeEmptyParents();
  }

  /** For a run that lost its claim: the folder is the taker's, unless the taker has moved it and this is a remainder. */
  async removeRemainder(): Promise<void> {
    const isOriginal = await exists(join(this.path, OWNER_NAME)).catch(() => true);
    if (!isOriginal) await rm(this.path, REMOVE).catch(() => {});
    await this.removeEmptyParents();
  }

  async removeEmptyParents(): Promise<void> {
    await removeIfEmpty(this.inHidden('')).catch(() => false);
  }

  /** Folders of other runs. Called by the holder of the claim: whoever they belong to is dead, or has lost the claim. */
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

/** @throws UsageError when the output's hidden folder is a link or a file. Changes nothing. */
export async function assertHiddenFolder(root: string): Promise<void> {
  const path = join(root, HIDDEN_FOLDER);
  const stats = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, { action: 'look at', path, key: '' });
  });
  if (stats === undefined || stats.isDirectory()) return;
  throw new MapReduceError(
    'UsageError',
    `${path} is ${stats.isSymbolicLink() ? 'a symbolic link' : 'no folder'}. Runs keep their intermediates in a folder of that name and follow no link to it: remove it, or choose another --output`,
  );
}

/** Owner file last: a removal that is cut short leaves a folder that the next run still knows as ours. */
export async function removeFolder(path: string): Promise<void> {
  for (const name of await readdir(path).catch(absentAsEmpty)) {
    if (name !== OWNER_NAME) await rm(join(path, name), REMOVE);
  }
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

/** The text of a small file that is no link; undefined where there is none. */
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

/** A run that was killed while it made the folder has left it empty, or with a part of the owner file and nothing else. */
async function isOurs(path: string, token: string): Promise<boolean> {
  try {
    if (!(await lstat(path)).isDirectory()) return false;
  } catch (error) {
    // A run that only waited for the claim has removed it.
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
