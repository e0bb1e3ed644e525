/**
 * An upload to a FileStore. Its bytes are written to a file in the hidden uploads folder, which no listing includes.
 * Completing it is one system call that gives the finished file its name:
 *
 *     link()     with ifNoneMatch: fails with EEXIST if the name is taken, so that exactly one of several writers wins,
 *                in any thread or process
 *     rename()   without: replaces the whole previous object
 *
 * So readers see nothing or everything. Files are not flushed to the device: a process that dies loses only what it had not
 * committed, but a power cut may lose the files of the last seconds (checksums in the shuffle detect that).
 *
 * Metadata is in a hidden file named by the object's ETag, which is written before that call. The ETag consists of inode,
 * size and time of the last write. link() and rename() change none of these, so it is known in advance, and metadata and
 * object appear at the same instant. A sidecar beside the object would need a second call, with one existing before the
 * other. An attempt that dies in between leaves a sidecar without an object.
 *
 * The kernel's clock for file times ticks every few milliseconds. Within a tick an inode may be freed and reused, so two
 * small objects of equal size could get the same ETag. Therefore the time is set explicitly, in microseconds, and is never
 * the same twice within a thread. It costs one more system call per object.
 */
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
import { errnoOf } from '../../base/field-of.ts';
import { randomHex } from '../../base/random-hex.ts';
import { sumOf } from '../../base/sum.ts';
import { alreadyExists, NO_METADATA } from '../conditions.ts';
import type { Metadata, ObjectInfo, Upload, WriteCondition } from '../object-store.ts';
import { fileError } from './file-errors.ts';
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
    const path = `${target.uploadsFolder}/${randomHex(32)}`;
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

  /** One system call for all chunks, if the system takes them at once. */
  async writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    this.#assertOpen('write');
    const start = this.#sizeBytes;
    const sizeBytes = sumOf(chunks, (chunk) => chunk.length);
    this.#sizeBytes += sizeBytes;
    try {
      let done = 0;
      for (let rest = chunks; done < sizeBytes; rest = withoutStart(chunks, done)) {
        done += (await this.#file.writev(rest, start + done)).bytesWritten;
      }
    } catch (error) {
      this.#failure ??= this.#error(error);
      throw this.#failure;
    }
  }

  async complete({ ifNoneMatch, ifMatch }: WriteCondition = {}): Promise<ObjectInfo> {
    if (ifMatch !== undefined) throw new Error('the file store does not support ifMatch for writes');
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
    // Some file systems report a full disk only when a file is closed.
    await this.#file.close();
    return etagOf(stats);
  }

  async #writeSidecar(etag: string): Promise<void> {
    const { metadataFolder, metadata } = this.#target;
    const path = `${metadataFolder}/${etag}`;
    this.#sidecarPath = path;
    await inFolder(metadataFolder, () => writeFile(path, JSON.stringify(metadata)));
  }

  /** Gives the file its name if the name is free; returns false if an object has it. */
  async #claim(etag: string): Promise<boolean> {
    const { path } = this.#target;
    try {
      await inFolder(dirname(path), () => link(this.#uploadPath, path));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw this.#error(error, { isLink: true });
      const holder = await statIfAny(path);
      if (holder === undefined) {
        if ((await lstatIfAny(path)) === undefined) return false; // Another writer's object was just deleted.
        throw error;
      }
      if (holder.isDirectory())
        throw Object.assign(new Error('EISDIR', { cause: error }), { code: 'EISDIR' });
      // Over NFS, the response to a successful link() may be lost, and its retry fails: check whose file it is.
      if (etagOf(holder) !== etag) return false;
    }
    // Committed. If the second name cannot be removed, it stays in the hidden folder until cleanup().
    await unlink(this.#uploadPath).catch(() => {});
    return true;
  }

  async #replace(): Promise<true> {
    const { path, metadataFolder } = this.#target;
    const previous = await statIfAny(path);
    await inFolder(dirname(path), () => rename(this.#uploadPath, path));
    // Committed. A sidecar that cannot be removed has no object any more, and stays until cleanup().
    if (previous?.isFile())
      await rm(`${metadataFolder}/${etagOf(previous)}`, { force: true }).catch(() => {});
    return true;
  }

  #error(error: unknown, { isLink = false } = {}): Error {
    return fileError(error, { action: 'write', isLink, path: this.#target.path, key: this.#target.key });
  }

  #assertOpen(method: string): void {
    if (this.#state === 'open') return;
    throw new Error(`${method}() was called on the upload of '${this.#target.key}' after it had ended`);
  }
}

/** The chunks without their first `sizeBytes`. */
function withoutStart(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array[] {
  let skipped = sizeBytes;
  return chunks.flatMap((chunk) => {
    const from = Math.min(skipped, chunk.length);
    skipped -= from;
    return from === chunk.length ? [] : [chunk.subarray(from)];
  });
}

/**
 * Runs a function that needs a folder, and creates the folder if it is missing. It retries, since delete() may remove the
 * empty folder again before it is used.
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

/** Returns seconds, for utimes(); at least a microsecond later than the time before. */
function nextChangeTime(nowMs: number): number {
  lastChangeUs = Math.max(lastChangeUs + 1, Math.floor(nowMs) * 1000 + Math.floor(Math.random() * 1000));
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

/** Removes a folder, unless it is not empty or this process may not remove it. */
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
