/**
 * Objects as files in one folder, with the semantics of S3. file-upload.ts explains how a write is all or nothing, and
 * file-listing.ts how keys are listed in S3's order. A key is the path below the root, with '/' between folders.
 *
 *     <root>/part-r-00000.txt                  the objects, as plain files
 *     <root>/.mapreduce/uploads/<nonce>        uploads that are not completed
 *     <root>/.mapreduce/metadata/<etag>        the metadata of objects that have any, as JSON
 *
 * A store rooted at '/' is for reading inputs; its keys are absolute paths, '/data/x.txt'.
 *
 * Differences from S3: `a` and `a/b` cannot both be objects, since `a` would be both a file and a folder; the file system
 * bounds the length of names; a copy of the folder made with `cp` has no metadata; and on a file system that ignores case,
 * so do keys.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rm, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
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
import { fileError } from './file-errors.ts';
import { childPath, etagOf, HIDDEN_FOLDER, inputEtagOf, listFiles } from './file-listing.ts';
import { FileUpload, removeIfEmpty, statIfAny } from './file-upload.ts';
import { readChunks, readFully } from './read-chunks.ts';

export interface FileStoreOptions {
  /** The folder. The first write creates it, with the folders above it. */
  readonly root: string;
  /** The clock for the times of files; tests set it. */
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
        // No sidecar: the object has no metadata, unless it was replaced just now and its sidecar removed.
        const statsAfter = await statIfAny(path);
        if (statsAfter === undefined) return undefined;
        if (this.#etagOf(statsAfter) === etag) return { ...info, metadata: NO_METADATA };
        if (attempt === HEAD_ATTEMPTS_MAX)
          throw new Error(`it was replaced ${attempt} times during the call`);
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
      const length = await readFully(file, bytes, start);
      await assertUnchanged(file, { path, key, etag, identify, complete: length === end - start });
      return bytes;
    } catch (error) {
      throw mapped(error, { path, key });
    } finally {
      await file.close();
    }
  }

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
    // A reader may stop before the last chunk, and must still learn if the file has changed.
    let isChecked = false;
    try {
      const range = clampRange(options.range, sizeBytes);
      let leftBytes = range.end - range.start;
      for await (const chunk of readChunks(file, { range, chunkSizeBytes })) {
        const complete = chunk.length === Math.min(chunkSizeBytes, leftBytes);
        leftBytes -= chunk.length;
        if (!complete || leftBytes === 0) {
          await assertUnchanged(file, { path, key, etag, identify, complete });
          isChecked = true;
        }
        yield chunk;
      }
    } catch (error) {
      isChecked = true;
      throw mapped(error, { path, key });
    } finally {
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

  /** Also removes folders that become empty, since S3 has no folders. */
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
   * Removes what dead attempts left behind: uploads that were never completed, metadata without an object, and the hidden
   * folder if it becomes empty. Call it only while nothing writes to this root: it cannot distinguish the uploads of living
   * attempts. `forgetMetadata` also removes the metadata of existing objects, for a folder that is handed to a user.
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
      refuse(`keys are relative to the root. Remove the leading '/'.`);
    }
    const relative = this.#servesAbsolutePaths ? key.slice(1) : key;
    if (STRAY_SEGMENT.test(relative)) {
      refuse("its parts between '/' must not be empty, '.' or '..'. Write the path without them.");
    }
    if (relative.includes('\0')) refuse('it contains a NUL character, which file names cannot.');
    if (!relative.isWellFormed()) refuse('it contains a lone surrogate, which has no UTF-8 form.');
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
      // Only #writeSidecar() of this store's uploads writes there.
      return Object.freeze(parseJson(await readFile(`${this.#metadataFolder}/${etag}`, 'utf8'))) as Metadata;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  /** Removes the object first: a sidecar without an object is harmless, but an object without its sidecar is not. */
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

/** For an object that is being replaced all the time. */
const HEAD_ATTEMPTS_MAX = 100;

const STRAY_SEGMENT = /(^|\/)\.{0,2}(\/|$)/;

type Identify = (stats: BigIntStats) => string;

interface ObjectPath {
  readonly path: string;
  readonly key: string;
}

/** Checks conditions on the opened file, so that the file read is the file checked. */
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

/** Another program may write into the open file itself, which this store never does. */
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
    `cannot read ${path}: it is a pipe, socket or device. Inputs are read at several offsets at once: save the data to a file first.`,
    { details: { objectKey: key } },
  );
}

function absentAsEmpty(error: unknown): string[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}
