/**
 * The output of a task that writes several files: named outputs, folders, files of a target size. file-list.ts describes how they
 * are committed.
 *
 * A task has some files open at once. Records of further folders go to a FolderSorter, and are written folder by folder at the
 * end. A record goes to the same file, in the same order, either way: how much memory there is changes no byte of the result.
 */
import { deserialize, serialize } from 'node:v8';
import type { JobOutput } from '../api/job.ts';
import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import type { AttemptId, TaskId } from '../base/ids.ts';
import { taskIndexOf } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { sumOf } from '../base/sum.ts';
import { compareUtf8 } from '../base/utf8-order.ts';
import { appendBytes } from '../codec/append-bytes.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { FileWriter } from '../formats/sink.ts';
import type { TaskEnvironment } from '../plan/task.ts';
import { attemptFileName } from '../report/result-names.ts';
import type { AttemptSummary, TaskSummary } from '../report/task-summary.ts';
import { JOB_METADATA } from './committed-part.ts';
import { encodeFileList, findFileList, type ListedFile } from './file-list.ts';
import { type FolderReceiver, FolderSorter } from './folder-sorter.ts';
import { fileListKey } from './layout.ts';
import { OutputFile } from './output-file.ts';
import type { RecordCodecs, TaskOutput, TaskOutputOptions } from './task-output.ts';

/** Fractions of the attempt's memory. */
const OPEN_FILES_FRACTION = 0.25;
const SORTER_FRACTION = 0.1;
/** Files that are full but not closed yet, because one call of the user's function fills them. */
const FULL_FILES_MAX = 8;

/** Files that are being made visible at the same time. Each takes some round trips to the store. */
const CLOSING_FILES_MAX = 16;

/** Where the records of one folder of one output go. */
interface Folder {
  readonly output: number;
  readonly path: string;
  /** How many files have been started. */
  files: number;
  open: OutputFile | undefined;
  /** The folder's number in the sorter, once it goes there. */
  sorted: number | undefined;
}

export class FilesOutput implements TaskOutput {
  readonly #environment: TaskEnvironment;
  readonly #taskId: TaskId;
  readonly #attemptId: AttemptId;
  readonly #output: JobOutput;
  readonly #codecs: RecordCodecs | undefined;
  readonly #folders: readonly Map<string, Folder>[];
  readonly #openFilesMax: number;
  readonly #open = new Set<OutputFile>();
  /** Open files whose flush() is due. */
  readonly #toFlush = new Set<OutputFile>();
  readonly #full: OutputFile[] = [];
  readonly #closed: ListedFile[] = [];
  readonly #sorter: FolderSorter;
  /** Format the records that go to the sorter. */
  readonly #formatters: FileWriter<unknown, unknown>[];
  #filesStarted = 0;
  readonly #closing = new Set<Promise<void>>();
  #closeFailure: unknown;
  #isCommitting = false;

  /** @param codecs  needed for append() */
  constructor({ taskId, attemptId, environment }: TaskOutputOptions, codecs?: RecordCodecs) {
    const { job, settings, memoryBytes, scratchFolder, control } = environment;
    this.#environment = environment;
    this.#taskId = taskId;
    this.#attemptId = attemptId;
    this.#output = job.output;
    this.#codecs = codecs;
    this.#folders = job.output.sinks.map(() => new Map());
    this.#openFilesMax = Math.max(
      job.output.sinks.length + 1,
      Math.min(LIMITS.openFilesMax, Math.floor((memoryBytes * OPEN_FILES_FRACTION) / LIMITS.openFileBytes)),
    );
    this.#sorter = new FolderSorter({
      scratchFolder,
      compression: settings.compression,
      memoryBytes: memoryBytes * SORTER_FRACTION,
      control,
    });
    this.#formatters = job.output.sinks.map(({ sink }) => sink.createWriter());
  }

  write(key: unknown, value: unknown, output = 0): void {
    const { sink } = this.#output.sinks[output]!;
    const path = sink.folderOf === undefined ? '' : sink.folderOf(key, value);
    const folder = this.#folders[output]!.get(path) ?? this.#addFolder(output, path);
    if (folder.sorted === undefined) {
      const file = folder.open ?? this.#start(folder);
      if (file !== undefined) {
        file.write(key, value);
        this.#written(folder, file);
        return;
      }
    }
    this.#sort(folder, key, value);
  }

  append({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }: Readonly<RecordSlice>): void {
    const { keyCodec, valueCodec } = this.#codecs!;
    this.write(
      keyCodec.decode(keyBytes, keyStart, keyEnd),
      valueCodec.decode(valueBytes, valueStart, valueEnd),
    );
  }

  get wantsFlush(): boolean {
    return this.#toFlush.size > 0 || this.#full.length > 0;
  }

  async flush(): Promise<void> {
    for (const file of this.#toFlush) await file.flush();
    this.#toFlush.clear();
    for (let file = this.#full.shift(); file !== undefined; file = this.#full.shift()) {
      await this.#startToClose(file);
    }
    this.#environment.progress.recordsWritten = this.#recordsWritten;
  }

  /** Commits the files. `committed` is false if another attempt committed first; then this one's files are removed. */
  async commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }> {
    await this.#closeAll();
    const { store, layout, settings, meter, progress } = this.#environment;
    const files = this.#closed.toSorted((a, b) => compareUtf8(a.name, b.name));
    const summary: TaskSummary = {
      taskId: this.#taskId,
      attemptId: this.#attemptId,
      ...attempt,
      recordsWritten: this.#recordsWritten,
      bytesWritten: sumOf(files, ({ bytes }) => bytes),
      spills: attempt.spills + this.#sorter.spills,
      bytesSpilled: attempt.bytesSpilled + this.#sorter.bytesSpilled,
      ...meter.measured([0, 1]),
      crc32: '',
    };
    progress.recordsWritten = summary.recordsWritten;
    const list = encodeFileList({ summary, files });
    // If the PUT fails, it is not known whether the list exists, so the files must stay.
    this.#isCommitting = true;
    try {
      await store.put(fileListKey(layout, this.#taskId), list, {
        metadata: { [JOB_METADATA]: settings.jobId },
        ifNoneMatch: '*',
      });
      return { committed: true, summary };
    } catch (error) {
      if (!isMapReduceError(error, 'PreconditionFailedError')) throw error;
      await this.#removeLosers();
      return { committed: false, summary };
    }
  }

  /** Discards what is open, and removes what this attempt has written. */
  async abort(): Promise<void> {
    await Promise.all(this.#closing);
    for (const file of [...this.#open, ...this.#full]) await file.abort();
    if (!this.#isCommitting) await this.#remove(this.#closed);
  }

  get #recordsWritten(): number {
    return sumOf([...this.#open, ...this.#full, ...this.#closed], ({ records }) => records);
  }

  #addFolder(output: number, path: string): Folder {
    const folder: Folder = { output, path, files: 0, open: undefined, sorted: undefined };
    this.#folders[output]!.set(path, folder);
    return folder;
  }

  /** Starts the next file of a folder; returns undefined if there are too many to have another open. */
  #start(folder: Folder): OutputFile | undefined {
    const isOutput = this.#output.sinks[folder.output]!.sink.folderOf === undefined;
    // The files of outputs without folders are few, and always find room.
    if (this.#full.length >= FULL_FILES_MAX || (!isOutput && this.#open.size >= this.#openFilesMax))
      return undefined;
    folder.open = this.#createFile(folder);
    this.#open.add(folder.open);
    return folder.open;
  }

  #createFile(folder: Folder): OutputFile {
    if (++this.#filesStarted > LIMITS.filesPerTaskMax) throw tooManyFiles(this.#taskId);
    const { name, sink } = this.#output.sinks[folder.output]!;
    const { store, layout, settings, scratchFolder, control } = this.#environment;
    return new OutputFile({
      store,
      outputPrefix: layout.outputPrefix,
      name: attemptFileName(this.#attemptId, {
        folder: [name ?? '', folder.path].filter((part) => part !== '').join('/'),
        file: sink.targetFileBytes === undefined ? undefined : folder.files++,
        extension: sink.extension,
      }),
      sink,
      jobId: settings.jobId,
      attemptId: this.#attemptId,
      overflowPath: `${scratchFolder}/overflow-${this.#filesStarted}`,
      check: () => control.check(),
    });
  }

  #written(folder: Folder, file: OutputFile): void {
    if (file.isFull) {
      folder.open = undefined;
      this.#open.delete(file);
      this.#toFlush.delete(file);
      this.#full.push(file);
    } else if (file.wantsFlush) this.#toFlush.add(file);
  }

  /** From now on, all records of the folder go to the sorter, so that they stay in order. */
  #sort(folder: Folder, key: unknown, value: unknown): void {
    const { output, path } = folder;
    const sorter = this.#sorter;
    folder.sorted ??= sorter.addFolder(output, path);
    if (this.#output.sinks[output]!.sink.recordWise) {
      this.#formatters[output]!.write(key, value, sorter.sink);
    } else {
      const record = serialize([key, value]);
      appendBytes(record, 0, record.length, sorter.sink);
    }
    sorter.recordWritten(folder.sorted);
  }

  /** Waits only if many files are being closed. Called once for each file. */
  async #startToClose(file: OutputFile): Promise<void> {
    this.#open.add(file);
    while (this.#closing.size >= CLOSING_FILES_MAX) await Promise.race(this.#closing);
    this.#environment.control.check();
    const closing = this.#close(file)
      .catch((error: unknown) => {
        this.#closeFailure ??= error;
      })
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async #close(file: OutputFile): Promise<void> {
    if (this.#closeFailure !== undefined) throw this.#closeFailure;
    this.#closed.push(await file.close());
    this.#open.delete(file);
  }

  async #untilClosed(): Promise<void> {
    await Promise.all(this.#closing);
    if (this.#closeFailure !== undefined) throw this.#closeFailure;
  }

  async #closeAll(): Promise<void> {
    await this.flush();
    // Files that are being closed are still among the open ones.
    await this.#untilClosed();
    for (const file of [...this.#open]) await this.#startToClose(file);
    await this.#untilClosed();
    if (this.#sorter.hasRecords) await this.#sorter.deliver(this.#receiver());
    await this.#untilClosed();
    if (taskIndexOf(this.#taskId) > 0) return;
    // A header without rows says more than no file.
    for (const [output, { sink }] of this.#output.sinks.entries()) {
      if (sink.folderOf !== undefined || this.#folders[output]!.size > 0) continue;
      await this.#close(this.#createFile(this.#addFolder(output, '')));
    }
  }

  /** Writes the files of the folders that were sorted, one after the other. */
  #receiver(): FolderReceiver {
    let folder: Folder | undefined;
    let file: OutputFile | undefined;
    const close = async () => {
      if (file === undefined) return;
      const done = file;
      file = undefined;
      await this.#startToClose(done);
    };
    return {
      start: (output, path) => {
        folder = this.#folders[output]!.get(path)!;
      },
      take: (bytes, start, end) => {
        if (file === undefined) {
          file = this.#createFile(folder!);
          this.#open.add(file);
        }
        if (this.#output.sinks[folder!.output]!.sink.recordWise) file.take(bytes, start, end);
        else file.write(...(deserialize(bytes.subarray(start, end)) as [unknown, unknown]));
      },
      get wantsFlush() {
        return file !== undefined && (file.wantsFlush || file.isFull);
      },
      flush: async () => {
        if (file?.isFull) await close();
        else await file?.flush();
      },
      finish: close,
    };
  }

  /** Another attempt has committed. If it has the same id, as a repeated request may have, its files are not removed. */
  async #removeLosers(): Promise<void> {
    const { store, layout, settings } = this.#environment;
    try {
      const winner = await findFileList(store, layout, {
        jobId: settings.jobId,
        taskId: this.#taskId,
      });
      if (winner === undefined || winner === 'damaged') return;
      const listed = new Set(winner.files.map(({ name }) => name));
      await this.#remove(this.#closed.filter(({ name }) => !listed.has(name)));
    } catch {
      // The commit of the job removes them.
    }
  }

  async #remove(files: readonly ListedFile[]): Promise<void> {
    const { store, layout } = this.#environment;
    try {
      await store.delete(files.map(({ name }) => `${layout.outputPrefix}${name}`));
    } catch {
      // The commit of the job removes them.
    }
  }
}

function tooManyFiles(task: TaskId): MapReduceError {
  return new MapReduceError(
    'JobDefinitionError',
    `task ${task} would write more than ${LIMITS.filesPerTaskMax} files. Return fewer different folders from the function of inFolders(), or choose larger files with inFiles()`,
  );
}
