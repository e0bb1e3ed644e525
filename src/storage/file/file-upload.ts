/**
 * One object on its way into a FileStore. Its bytes gather in a file of the hidden uploads folder, which nobody lists;
 * completing it is one system call that gives the finished file its name:
 *
 *     link()     with ifNoneMatch: fails with EEXIST if the name is taken, so that of several writers, in whatever
 *                thread or process, exactly one wins
 *     rename()   without: replaces what was there, whole
 *
 * Readers therefore see nothing, or everything. Nothing is synced to the device: a process that dies loses only what
 * it had not committed, but a power cut may lose the last seconds' files (checksums in the shuffle notice).
 *
 * Metadata lies in a hidden file named by the object's ETag, written before that call. The ETag is inode, size and
 * time of the last change; link and rename alter none of them, so it is known beforehand, and metadata and object
 * appear in the same instant. A sidecar beside the object would need a second call, and a moment of one without the
 * other. An attempt that dies in between leaves a sidecar that belongs to no object.
 *
 * The kernel's clock for files ticks every few milliseconds, within which an inode may be freed and used again: two
 * small objects of one size could get the same ETag. So the time is set explicitly, in microseconds, never twice
 * the same within a thread. It costs one more system call an object.
 */
import { randomInt, randomUUID } from 'node:crypto';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { alreadyExists, NO_METADATA } from '../conditions.ts';
import type { Metadata, ObjectInfo, Upload, WriteCondition } from '../object-store.ts';
import { errnoOf, fileError } from './file-errors.ts';
import { etagOf } from './file-listing.ts';

export interface UploadTarget {
  readonly key: string;
  readonly path: string;
  readonly uploadsFolder: string;
  readonly metadataFolder: string;
  readonly metadata: Metadata;
  readonly nowMs: () => number;
}

export class FileUpload implements Upload {
  readonly #target: UploadTarget;
  readonly #uploadPath: string;
  readonly #file: FileHandle;
  #sizeBytes = 0;
  #failure: Error | undefined;
  #sidecarPath: string | undefined;
  #state: 'open' | 'ended' = 'open';

  static async start(target: UploadTarget): Promise<FileUpload> {
    const path = `${target.uploadsFolder}/${randomUUID()}`;
    try {
      const file = await inFolder(target.uploadsFolder, () => open(path, 'wx'));
      return new FileUpload(target, path, file);
    } catch (error) {
      throw fileError(error, { action: 'write', path, key: target.key });
    }
  }

  private constructor(target: UploadTarget, uploadPath: string, file: FileHandle) {
    this.#target = target;
    this.#uploadPath = uploadPath;
    this.#file = file;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertOpen('write');
    const start = this.#sizeBytes;
    this.#sizeBytes += chunk.length;
    try {
      for (let done = 0; done < chunk.length; ) {
        done += (await this.#file.write(chunk, done, chunk.length - done, start + done)).bytesWritten;
      }
    } catch (error) {
      this.#failure ??= this.#error(error);
      throw this.#failure;
    }
  }

  async complete({ ifNoneMatch, ifMatch }: WriteCondition = {}): Promise<ObjectInfo> {
    if (ifMatch !== undefined) throw new Error('a file cannot be replaced on a condition');
    this.#assertOpen('complete');
    if (this.#failure !== undefined) throw this.#failure;
    const { key, metadata } = this.#target;
    try {
      const etag = await this.#finishFile();
      if (metadata !== NO_METADATA) await this.#writeSidecar(etag);
      const won = ifNoneMatch === undefined ? await this.#replace() : await this.#claim(etag);
      if (!won) {
        await this.abort();
        throw alreadyExists(this.#target.path, key);
      }
      this.#state = 'ended';
      return { key, sizeBytes: this.#sizeBytes, etag, metadata };
    } catch (error) {
      this.#failure = this.#error(error);
      throw this.#failure;
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    try {
      await this.#file.close();
      await rm(this.#uploadPath, { force: true });
      if (this.#sidecarPath !== undefined) await rm(this.#sidecarPath, { force: true });
    } catch (error) {
      throw this.#error(error);
    }
  }

  async #finishFile(): Promise<string> {
    const changed = nextChangeTime(this.#target.nowMs());
    await this.#file.utimes(changed, changed);
    const stats = await this.#file.stat({ bigint: true });
    // Some file systems report a full disk only now.
    await this.#file.close();
    return etagOf(stats);
  }

  async #writeSidecar(etag: string): Promise<void> {
    const { metadataFolder, metadata } = this.#target;
    const path = `${metadataFolder}/${etag}`;
    this.#sidecarPath = path;
    await inFolder(metadataFolder, () => writeFile(path, JSON.stringify(metadata)));
  }

  /** Takes the name if it is free; false if an object has it. */
  async #claim(etag: string): Promise<boolean> {
    const { path } = this.#target;
    try {
      await inFolder(dirname(path), () => link(this.#uploadPath, path));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw this.#error(error, { isLink: true });
      const holder = await statIfAny(path);
      if (holder === undefined) {
        if ((await lstatIfAny(path)) === undefined) return false; // Another writer's object, deleted meanwhile.
        throw error;
      }
      if (holder.isDirectory())
        throw Object.assign(new Error('EISDIR', { cause: error }), { code: 'EISDIR' });
      // Over NFS the answer to a link that succeeded may get lost, and its repetition fails: look whose file it is.
      if (etagOf(holder) !== etag) return false;
    }
    // Committed. If the second name cannot be removed it stays behind unseen, for cleanup().
    await unlink(this.#uploadPath).catch(() => {});
    return true;
  }

  async #replace(): Promise<true> {
    const { path, metadataFolder } = this.#target;
    const previous = await statIfAny(path);
    await inFolder(dirname(path), () => rename(this.#uploadPath, path));
    // Committed. A sidecar that cannot be removed belongs to no object any more, and is for cleanup().
    if (previous?.isFile())
      await rm(`${metadataFolder}/${etagOf(previous)}`, { force: true }).catch(() => {});
    return true;
  }

  #error(error: unknown, { isLink = false } = {}): Error {
    return fileError(error, { action: 'write', isLink, path: this.#target.path, key: this.#target.key });
  }

  #assertOpen(method: string): void {
    if (this.#state === 'open') return;
    throw new Error(`${method}() on the upload of '${this.#target.key}', which has already ended`);
  }
}

/**
 * Runs what needs a folder; makes the folder if it is missing. More than once, since delete() removes folders that
 * become empty, perhaps just then.
 */
async function inFolder<T>(folder: string, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || attempt === FOLDER_ATTEMPTS_MAX) throw error;
      await mkdir(folder, { recursive: true });
    }
  }
}

const FOLDER_ATTEMPTS_MAX = 10;

let lastChangeUs = 0;

/** In seconds, as utimes takes it; later, by a microsecond at least, than the one before. */
function nextChangeTime(nowMs: number): number {
  lastChangeUs = Math.max(lastChangeUs + 1, Math.floor(nowMs) * 1000 + randomInt(1000));
  return lastChangeUs / 1e6;
}

export async function statIfAny(path: string) {
  return absentAsUndefined(stat(path, { bigint: true }));
}

async function lstatIfAny(path: string) {
  return absentAsUndefined(lstat(path, { bigint: true }));
}

async function absentAsUndefined<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Removes a folder unless something is in it, or it is not ours to remove. */
export async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    if (STAYS.includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

const STAYS: readonly string[] = ['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EBUSY', 'EACCES', 'EPERM'];
