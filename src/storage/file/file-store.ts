/**
 * Objects as the files of one folder, with S3's semantics: file-upload.ts says how a write is all or nothing,
 * file-listing.ts how keys are listed in S3's order. A key is the path below the root, with '/' between folders.
 *
 *     <root>/part-r-00000.txt                  the objects, as plain files
 *     <root>/.mapreduce/uploads/<nonce>        uploads that are not completed
 *     <root>/.mapreduce/metadata/<etag>        metadata, of objects that have any, as JSON
 *
 * A store rooted at '/' is for reading inputs; its keys are absolute paths, '/data/x.txt'.
 *
 * What differs from S3: `a` and `a/b` cannot both be objects, since `a` would be a file and a folder; names are as
 * long as the file system takes; a copy of the folder made by `cp` has no metadata; and where names do not
 * tell upper from lower case, neither do keys.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rm, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { giveBuffer, takeBuffer } from '../../base/buffer-pool.ts';
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseJson } from '../../codec/parse-json.ts';
import {
  changedSince,
  checkedChunkSize,
  checkedMetadata,
  clampRange,
  NO_METADATA,
  objectNotFound,
} from '../conditions.ts';
import type {
  Metadata,
  ObjectInfo,
  ObjectStore,
  ReadOptions,
  StreamOptions,
  Upload,
  WriteOptions,
} from '../object-store.ts';
import { errnoOf, fileError } from './file-errors.ts';
import { childPath, etagOf, HIDDEN_FOLDER, inputEtagOf, listFiles } from './file-listing.ts';
import { FileUpload, removeIfEmpty, statIfAny } from './file-upload.ts';

export interface FileStoreOptions {
  /** Made, with the folders above it, by the first write. */
  readonly root: string;
  /** Files carry this time; tests set it. */
  readonly nowMs?: () => number;
}

export class FileStore implements ObjectStore {
  readonly location: string;
  readonly root: string;
  readonly #nowMs: () => number;
  readonly #hiddenFolder: string;
  readonly #uploadsFolder: string;
  readonly #metadataFolder: string;
  readonly #etagOf: (stats: BigIntStats) => string;

  constructor({ root, nowMs = Date.now }: FileStoreOptions) {
    this.root = resolve(root);
    this.location = pathToFileURL(this.root).href;
    this.#nowMs = nowMs;
    this.#hiddenFolder = childPath(this.root, HIDDEN_FOLDER);
    this.#uploadsFolder = `${this.#hiddenFolder}/uploads`;
    this.#metadataFolder = `${this.#hiddenFolder}/metadata`;
    this.#etagOf = this.#servesAbsolutePaths ? inputEtagOf : etagOf;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const path = this.#pathOf(key);
    try {
      for (let attempt = 1; ; attempt++) {
        const stats = await statIfAny(path);
        if (stats === undefined || stats.isDirectory()) return undefined;
        if (!stats.isFile()) throw notAFile(path, key);
        const etag = this.#etagOf(stats);
        const metadata = await this.#metadataOf(etag);
        const info = { key, sizeBytes: Number(stats.size), etag };
        if (metadata !== undefined) return { ...info, metadata };
        // No sidecar: the object has no metadata, unless it was replaced, and its sidecar removed, just now.
        const statsAfter = await statIfAny(path);
        if (statsAfter === undefined) return undefined;
        if (this.#etagOf(statsAfter) === etag) return { ...info, metadata: NO_METADATA };
        if (attempt === HEAD_ATTEMPTS_MAX) throw new Error(`it was replaced ${attempt} times meanwhile`);
      }
    } catch (error) {
      throw fileError(error, { action: 'look at', path, key });
    }
  }

  async get(key: string, { range, ifMatch }: ReadOptions = {}): Promise<Buffer> {
    const path = this.#pathOf(key);
    const identify = this.#etagOf;
    const { file, etag, sizeBytes } = await openObject({ path, key, ifMatch, identify });
    try {
      const { start, end } = clampRange(range, sizeBytes);
      const bytes = Buffer.allocUnsafeSlow(end - start);
      const length = await readFully(file, bytes, { start, end });
      await assertUnchanged(file, { path, key, etag, identify, complete: length === end - start });
      return bytes;
    } catch (error) {
      throw mapped(error, { path, key });
    } finally {
      await file.close();
    }
  }

  /**
   * Three buffers go round: one in the reader's hands while two are being filled. That hides the hop to the thread
   * pool and back, which at 256 KiB costs as much as the copy from the page cache.
   */
  async *stream(key: string, options: StreamOptions = {}): AsyncIterableIterator<Buffer> {
    const chunkSizeBytes = checkedChunkSize(options.chunkSizeBytes ?? LIMITS.inputChunkBytes);
    const path = this.#pathOf(key);
    const identify = this.#etagOf;
    const { file, etag, sizeBytes } = await openObject({
      path,
      key,
      ifMatch: options.ifMatch,
      identify,
    });
    const reads: Promise<number>[] = [];
    const buffers: Buffer[] = [];
    // A reader that needs no more goes away before the last chunk, and has to be told all the same.
    let isChecked = false;
    try {
      const { start, end } = clampRange(options.range, sizeBytes);
      const chunks = Math.ceil((end - start) / chunkSizeBytes);
      const startRead = (index: number) => {
        if (index >= chunks) return;
        const from = start + index * chunkSizeBytes;
        const to = Math.min(from + chunkSizeBytes, end);
        const slot = index % STREAM_BUFFERS;
        buffers[slot] ??= takeBuffer(to - from);
        reads[slot] = readFully(file, buffers[slot], { start: from, end: to });
        // It may fail while the reader is busy, before anybody waits for it; it is waited for below.
        reads[slot].catch(() => {});
      };

      for (let index = 0; index < STREAM_BUFFERS - 1; index++) startRead(index);
      for (let index = 0; index < chunks; index++) {
        startRead(index + STREAM_BUFFERS - 1);
        const slot = index % STREAM_BUFFERS;
        const length = Math.min(chunkSizeBytes, end - start - index * chunkSizeBytes);
        const complete = (await reads[slot]) === length;
        if (!complete || index === chunks - 1) {
          await assertUnchanged(file, { path, key, etag, identify, complete });
          isChecked = true;
        }
        yield length === buffers[slot].length ? buffers[slot] : buffers[slot].subarray(0, length);
      }
    } catch (error) {
      isChecked = true;
      throw mapped(error, { path, key });
    } finally {
      await Promise.allSettled(reads);
      for (const buffer of buffers) giveBuffer(buffer);
      try {
        if (!isChecked) await assertUnchanged(file, { path, key, etag, identify, complete: true });
      } finally {
        await file.close();
      }
    }
  }

  async put(
    key: string,
    body: Uint8Array,
    { metadata, ...condition }: WriteOptions = {},
  ): Promise<ObjectInfo> {
    const upload = await this.upload(key, metadata === undefined ? {} : { metadata });
    try {
      await upload.write(body);
      return await upload.complete(condition);
    } catch (error) {
      await upload.abort();
      throw error;
    }
  }

  async upload(key: string, { metadata }: { metadata?: Metadata } = {}): Promise<Upload> {
    this.#assertWritable(key);
    return FileUpload.start({
      key,
      path: this.#pathOf(key),
      uploadsFolder: this.#uploadsFolder,
      metadataFolder: this.#metadataFolder,
      metadata: checkedMetadata(metadata),
      nowMs: this.#nowMs,
    });
  }

  async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    const folderEnd = prefix.lastIndexOf('/') + 1;
    const folder = prefix.slice(0, folderEnd);
    if (folder !== '' && !(folder === '/' && this.#servesAbsolutePaths)) this.#pathOf(folder.slice(0, -1));
    const keyPrefix = folder === '' && this.#servesAbsolutePaths ? '/' : folder;
    const path = this.#servesAbsolutePaths ? keyPrefix : childPath(this.root, folder);
    yield* listFiles({
      path: path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path,
      keyPrefix,
      namePrefix: prefix.slice(folderEnd),
      identify: this.#etagOf,
    });
  }

  /** Folders that become empty are removed too, since S3 has none. */
  async delete(keys: readonly string[]): Promise<void> {
    const paths = keys.map((key) => {
      this.#assertWritable(key);
      return { key, path: this.#pathOf(key) };
    });
    const folders = new Set<string>();
    for (const { key, path } of paths) {
      try {
        await this.#remove(path);
      } catch (error) {
        throw fileError(error, { action: 'remove', path, key });
      }
      folders.add(dirname(path));
    }
    for (const folder of folders) await this.#removeEmptyFolders(folder);
  }

  /**
   * Removes what dead attempts left behind: uploads never completed and metadata of no object; and the hidden folder
   * when nothing is left in it. Called when nobody writes to this root, since it would take a living attempt's
   * upload for a dead one's. `forgetMetadata` removes that of the living objects too, for a folder handed to a user.
   */
  async cleanup({ forgetMetadata = false }: { forgetMetadata?: boolean } = {}): Promise<void> {
    try {
      await rm(this.#uploadsFolder, { recursive: true, force: true });
      if (forgetMetadata) await rm(this.#metadataFolder, { recursive: true, force: true });
      else await this.#removeOrphanedMetadata();
      await removeIfEmpty(this.#metadataFolder);
      await removeIfEmpty(this.#hiddenFolder);
    } catch (error) {
      throw fileError(error, { action: 'clean up', path: this.#hiddenFolder, key: '' });
    }
  }

  get #servesAbsolutePaths(): boolean {
    return this.root === '/';
  }

  #pathOf(key: string): string {
    const refuse = (reason: string): never => {
      throw new MapReduceError('UsageError', `'${key}' cannot be a key of ${this.location}: ${reason}`, {
        details: { objectKey: key },
      });
    };
    if (this.#servesAbsolutePaths && !key.startsWith('/')) {
      refuse("this store's keys are absolute paths, such as '/data/x.txt'. Resolve the path first.");
    }
    if (!this.#servesAbsolutePaths && key.startsWith('/')) {
      refuse(`keys are relative to the root. Leave out the leading '/'.`);
    }
    const relative = this.#servesAbsolutePaths ? key.slice(1) : key;
    if (STRAY_SEGMENT.test(relative)) {
      refuse("its parts between '/' must not be empty, '.' or '..'. Give the path without them.");
    }
    if (relative.includes('\0')) refuse('it holds a NUL character, which no file name can.');
    if (!relative.isWellFormed()) refuse('it holds half a surrogate pair, which has no UTF-8 form.');
    if (!this.#servesAbsolutePaths && relative.split('/').includes(HIDDEN_FOLDER)) {
      refuse(`folders named '${HIDDEN_FOLDER}' hold the store's own files. Choose another name.`);
    }
    return childPath(this.root, relative);
  }

  #assertWritable(key: string): void {
    if (!this.#servesAbsolutePaths) return;
    throw new MapReduceError(
      'UsageError',
      `cannot write or remove ${key}: a store rooted at '/' is for reading. Use one rooted at the output folder.`,
      { details: { objectKey: key } },
    );
  }

  async #metadataOf(etag: string): Promise<Metadata | undefined> {
    try {
      return Object.freeze(parseJson(await readFile(`${this.#metadataFolder}/${etag}`, 'utf8'))) as Metadata;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  /** The object first: a sidecar without an object is harmless, an object without its sidecar is not. */
  async #remove(path: string): Promise<void> {
    const stats = await statIfAny(path);
    if (stats === undefined || stats.isDirectory()) return;
    try {
      await unlink(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    await rm(`${this.#metadataFolder}/${etagOf(stats)}`, { force: true });
  }

  async #removeEmptyFolders(lowest: string): Promise<void> {
    for (let folder = lowest; folder.length > this.root.length; folder = dirname(folder)) {
      if (!(await removeIfEmpty(folder))) return;
    }
  }

  async #removeOrphanedMetadata(): Promise<void> {
    const orphans = new Set(await readdir(this.#metadataFolder).catch(absentAsEmpty));
    if (orphans.size > 0) for await (const { etag } of this.list('')) orphans.delete(etag);
    for (const etag of orphans) await rm(`${this.#metadataFolder}/${etag}`, { force: true });
  }
}

const STREAM_BUFFERS = 3;
/** Looking at an object that is being replaced all the time. */
const HEAD_ATTEMPTS_MAX = 100;

const STRAY_SEGMENT = /(^|\/)\.{0,2}(\/|$)/;

type Identify = (stats: BigIntStats) => string;

interface ObjectPath {
  readonly path: string;
  readonly key: string;
}

/** Conditions are checked on what was opened, so that what is read is what was checked. */
async function openObject({
  path,
  key,
  ifMatch,
  identify,
}: ObjectPath & { ifMatch: string | undefined; identify: Identify }) {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, opening a pipe would wait for its writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat({ bigint: true });
    if (stats.isDirectory()) throw objectNotFound(`${path}, which is a folder`, key);
    if (!stats.isFile()) throw notAFile(path, key);
    const etag = identify(stats);
    if (ifMatch !== undefined && ifMatch !== etag)
      throw changedSince(path, key, { expected: ifMatch, found: etag });
    return { file, etag, sizeBytes: Number(stats.size) };
  } catch (error) {
    await file?.close();
    if (errnoOf(error) === 'ENOTDIR') throw objectNotFound(path, key, error);
    throw fileError(error, { action: 'read', path, key });
  }
}

/** Fills the buffer's beginning with [start, end) of the file; less only where the file is shorter by now. */
async function readFully(
  file: FileHandle,
  buffer: Buffer,
  { start, end }: { start: number; end: number },
): Promise<number> {
  const length = end - start;
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(buffer, done, length - done, start + done);
    if (bytesRead === 0) return done;
    done += bytesRead;
  }
  return length;
}

/** Somebody may write into the open file itself, which no store of ours does. */
async function assertUnchanged(
  file: FileHandle,
  {
    path,
    key,
    etag,
    identify,
    complete,
  }: ObjectPath & { etag: string; identify: Identify; complete: boolean },
): Promise<void> {
  const found = identify(await file.stat({ bigint: true }));
  if (found !== etag || !complete) throw changedSince(path, key, { expected: etag, found });
}

function mapped(error: unknown, { path, key }: ObjectPath): unknown {
  return errnoOf(error) === undefined ? error : fileError(error, { action: 'read', path, key });
}

function notAFile(path: string, key: string): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `cannot read ${path}: it is a pipe, socket or device. Inputs are read from several places at once: save it to a file first.`,
    { details: { objectKey: key } },
  );
}

function absentAsEmpty(error: unknown): string[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}
