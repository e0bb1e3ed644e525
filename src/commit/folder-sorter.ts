/**
 * Sorts records by the folder that they go to, for a task that writes into more folders than it may have open. Within a folder,
 * records keep the order in which they came.
 *
 *     memory   | record | record | ...            a full buffer is sorted by folder, and becomes a run in a local file
 *     run      | folder a: records | folder b: records | ...
 *     merge    of all runs: folder by folder, so that one file is open at a time
 *
 * The key of a record in a run is its folder: one byte for the output, and the path in UTF-8.
 */

import { LIMITS } from '../base/limits.ts';
import type { AttemptControl } from '../base/progress.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import type { BlockCompression } from '../shuffle/block.ts';
import { consumeMerge, type RecordConsumer } from '../shuffle/consume-merge.ts';
import { GroupKey } from '../shuffle/group-key.ts';
import { LocalRun } from '../shuffle/local-run.ts';
import type { KWayMerge } from '../shuffle/merge.ts';
import { reduceRunCount } from '../shuffle/merge-runs.ts';
import { blockBytesOf, openRunsBudget } from '../shuffle/open-runs.ts';
import type { RunSegment } from '../shuffle/run-reader.ts';

/** Receives the records of one folder after the other. */
export interface FolderReceiver {
  /** Called before the first record of each folder. */
  start(output: number, folder: string): void;
  take(bytes: Buffer, start: number, end: number): void;
  /** Whether flush() should be awaited before many more records are taken. */
  readonly wantsFlush: boolean;
  flush(): Promise<void>;
  /** Called after the last record of each folder. */
  finish(): Promise<void>;
}

export interface FolderSorterOptions {
  readonly scratchFolder: string;
  readonly compression: BlockCompression;
  /** For records before they are written to a run, and as much again for the merge. */
  readonly memoryBytes: number;
  readonly control: AttemptControl;
}

export class FolderSorter {
  spills = 0;
  bytesSpilled = 0;
  /** The caller appends a record here, then calls recordsWritten(1). */
  readonly sink = new GrowableSink(64 * 1024);
  readonly #options: FolderSorterOptions;
  readonly #bufferBytes: number;
  readonly #keys: Buffer[] = [];
  readonly #folderOf: number[] = [];
  readonly #ends: number[] = [];
  readonly #segments: RunSegment[] = [];

  constructor(options: FolderSorterOptions) {
    this.#options = options;
    this.#bufferBytes = Math.min(BUFFER_BYTES_MAX, options.memoryBytes);
  }

  /** Returns the number of a folder, for recordsWritten(1). Called once for each folder. */
  addFolder(output: number, folder: string): number {
    return this.#keys.push(Buffer.concat([Buffer.of(output), Buffer.from(folder)])) - 1;
  }

  /** Called after each record that was appended to the sink. */
  recordWritten(folder: number): void {
    this.#folderOf.push(folder);
    this.#ends.push(this.sink.end);
    if (this.sink.end + this.#ends.length * ENTRY_BYTES >= this.#bufferBytes) this.#spill();
  }

  get hasRecords(): boolean {
    return this.#keys.length > 0;
  }

  /** Passes all records on. Called once, after the last record. */
  async deliver(receiver: FolderReceiver): Promise<void> {
    this.#spill();
    const { scratchFolder, compression, memoryBytes, control } = this.#options;
    const budget = openRunsBudget(memoryBytes, blockBytesOf(this.#segments), this.#segments.length);
    const open = await reduceRunCount(this.#segments, {
      budget,
      folding: undefined,
      control,
      scratch: { folder: scratchFolder, compression, blockBytes: LIMITS.blockBytes },
      onMerged: ({ bytes }) => {
        this.spills++;
        this.bytesSpilled += bytes;
      },
    });
    const consumer = new FolderConsumer(receiver);
    await consumeMerge(open, { consumer, sink: consumer, chunkBytes: budget.chunkBytes, control });
    await consumer.end();
  }

  #spill(): void {
    if (this.#ends.length === 0) return;
    const { scratchFolder, compression } = this.#options;
    const run = new LocalRun(`folders-${this.#segments.length}`, {
      folder: scratchFolder,
      compression,
      blockBytes: LIMITS.blockBytes,
    });
    try {
      const record = new RecordSlice();
      record.valueBytes = this.sink.bytes;
      for (const index of this.#byFolder()) {
        const key = this.#keys[this.#folderOf[index]!]!;
        record.keyBytes = key;
        record.keyEnd = key.length;
        record.valueStart = index === 0 ? 0 : this.#ends[index - 1]!;
        record.valueEnd = this.#ends[index]!;
        run.append(record);
      }
      run.writer.endPartition();
    } catch (error) {
      run.abandon();
      throw error;
    }
    this.spills++;
    this.bytesSpilled += run.writer.bytesWritten;
    this.#segments.push(...run.finish());
    this.#folderOf.length = 0;
    this.#ends.length = 0;
    this.sink.reset();
  }

  /** The indexes of the records by the bytes of their folder, those of one folder in order: a counting sort. */
  #byFolder(): Uint32Array {
    const keys = this.#keys;
    const folderOf = this.#folderOf;
    /** By folder: first how many records it has, then where its next record goes. */
    const places = new Uint32Array(keys.length);
    for (const folder of folderOf) places[folder]!++;
    const used = [...places.keys()].filter((folder) => places[folder]! > 0);
    used.sort((x, y) => keys[x]!.compare(keys[y]!));
    let at = 0;
    for (const folder of used) {
      const records = places[folder]!;
      places[folder] = at;
      at += records;
    }
    const sorted = new Uint32Array(folderOf.length);
    for (let index = 0; index < folderOf.length; index++) sorted[places[folderOf[index]!]!++] = index;
    return sorted;
  }
}

const BUFFER_BYTES_MAX = 256 * 1024 * 1024;
/** What an entry of the two arrays takes beside the record. */
const ENTRY_BYTES = 32;

/** Starts and finishes folders where the key changes. Finishing is asynchronous, so it happens in flush(). */
class FolderConsumer implements RecordConsumer {
  recordsRead = 0;
  readonly #receiver: FolderReceiver;
  readonly #key = new GroupKey();
  #isOpen = false;
  #isPast = false;

  constructor(receiver: FolderReceiver) {
    this.#receiver = receiver;
  }

  takeStretch(merge: KWayMerge): boolean {
    const receiver = this.#receiver;
    for (;;) {
      const record = merge.current;
      if (!this.#isOpen) {
        this.#key.take(record);
        receiver.start(this.#key.bytes[0]!, this.#key.bytes.toString('utf8', 1, this.#key.end));
        this.#isOpen = true;
      } else if (!this.#key.holds(record)) {
        this.#isPast = true;
        return false;
      }
      this.recordsRead++;
      receiver.take(record.valueBytes, record.valueStart, record.valueEnd);
      if (!merge.next()) return true;
      if (receiver.wantsFlush) return false;
    }
  }

  get wantsFlush(): boolean {
    return this.#receiver.wantsFlush;
  }

  async flush(): Promise<void> {
    if (!this.#isPast) return await this.#receiver.flush();
    this.#isPast = false;
    await this.end();
  }

  async end(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#receiver.finish();
  }

  finish(): void {}
}
