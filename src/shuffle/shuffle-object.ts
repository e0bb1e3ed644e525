/**
 * A shuffle object holds the output of one map task for all reducers.
 *
 *     | "SMRS" version 0 0 0 | blocks of partition 0 | blocks of partition 1 | ... | footer | trailer |
 *
 *   footer:   for each partition: stored bytes (f64), records (f64)         partitions * 16
 *             the task's summary (task-summary.ts) as JSON in UTF-8
 *   trailer:  partitions (u32), footer bytes (u32), version (u32), CRC-32 of the footer and these three (u32), "SMRS"
 *
 * Data, index and counters are one object, so they appear together or not at all. A reducer's partition is one
 * contiguous range. Readers start at the end, so they recognise a truncated object: it has no trailer.
 */
import { crc32 } from 'node:zlib';
import { giveBuffer, takeBuffer } from '../base/buffer-pool.ts';
import { LIMITS } from '../base/limits.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { Requests } from '../report/attempt-meter.ts';
import { parseSummary, type TaskSummary } from '../report/task-summary.ts';
import { CommittedObject } from '../storage/committed-object.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import type { BlockCompression } from './block.ts';
import { corrupt } from './block.ts';
import type { RecordSink } from './record-sink.ts';
import { type PartitionExtent, RunWriter } from './run-writer.ts';

const MAGIC = 'SMRS';
const VERSION = 1;
export const SHUFFLE_HEADER_BYTES = 8;
const TRAILER_BYTES = 20;
const EXTENT_BYTES = 16;
/** The size of the first read, at the end: the trailer, the summary and the extents of several thousand partitions. */
const TAIL_BYTES = 64 * 1024;

/** Writes a shuffle object, which becomes visible when it is committed. */
export class ShuffleObjectWriter implements RecordSink {
  readonly run: RunWriter;
  readonly #object: CommittedObject;
  #pending: Buffer[] = [header()];
  #pendingBytes = SHUFFLE_HEADER_BYTES;
  /** The size of the blocks at the last flush. */
  #flushedBytes = 0;

  constructor({
    store,
    key,
    compression,
    blockBytes,
    overflowPath,
  }: {
    store: ObjectStore;
    key: string;
    compression: BlockCompression;
    blockBytes: number;
    /** A local file for blocks that exceed memory between two flushes. Without it, the caller must flush in time. */
    overflowPath?: string;
  }) {
    this.#object = new CommittedObject({ store, key, overflowPath });
    this.run = new RunWriter({ compression, blockBytes, emitBlock: (block) => this.#take(block) });
  }

  append(record: Readonly<RecordSlice>): void {
    this.run.append(record);
  }

  get bulk(): RunWriter {
    return this.run;
  }

  get wantsFlush(): boolean {
    return this.run.bytesWritten - this.#flushedBytes >= LIMITS.uploadChunkBytes;
  }

  /** Sends the blocks that were sealed since the last flush. */
  async flush(): Promise<void> {
    this.#flushedBytes = this.run.bytesWritten;
    await this.#object.send(this.#pending);
    this.#giveBack();
  }

  /**
   * Adds the footer and commits.
   *
   * @param summarize  receives the size of the header and the blocks, and the requests of the commit
   * @returns `committed` is false if another attempt committed first
   */
  async commit(
    summarize: (bytesWritten: number, commit: Requests) => TaskSummary,
  ): Promise<{ committed: boolean; summary: TaskSummary }> {
    const summary = summarize(SHUFFLE_HEADER_BYTES + this.run.bytesWritten, [0, this.#object.commitWrites]);
    this.#pending.push(encodeFooter(this.run.extents, summary));
    const committed = await this.#object.commit(this.#pending);
    return { committed, summary };
  }

  abort(): Promise<void> {
    return this.#object.abort();
  }

  #take(block: Buffer): void {
    this.#pending.push(block);
    this.#pendingBytes += block.length;
    if (this.#pendingBytes >= LIMITS.partOverflowBytes && this.#object.setAside(this.#pending)) {
      this.#giveBack();
    }
  }

  #giveBack(): void {
    for (const chunk of this.#pending) giveBuffer(chunk);
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}

function header(): Buffer {
  const bytes = takeBuffer(SHUFFLE_HEADER_BYTES).fill(0);
  bytes.write(MAGIC, 'latin1');
  bytes[4] = VERSION;
  return bytes;
}

/** The end of the object, after the blocks: footer and trailer. */
export function encodeFooter(extents: readonly PartitionExtent[], summary: TaskSummary): Buffer {
  const json = Buffer.from(JSON.stringify(summary));
  const bytes = takeBuffer(extents.length * EXTENT_BYTES + json.length + TRAILER_BYTES);
  let at = 0;
  for (const extent of extents) {
    bytes.writeDoubleLE(extent.lengthBytes, at);
    bytes.writeDoubleLE(extent.records, at + 8);
    at += EXTENT_BYTES;
  }
  at += json.copy(bytes, at);
  bytes.writeUInt32LE(extents.length, at);
  bytes.writeUInt32LE(at, at + 4);
  bytes.writeUInt32LE(VERSION, at + 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, at + 12)), at + 12);
  bytes.write(MAGIC, at + 16, 'latin1');
  return bytes;
}

export interface ShuffleFooter {
  /** One per partition. Positions are relative to the object. */
  readonly extents: readonly PartitionExtent[];
  readonly summary: TaskSummary;
}

/** How many reads a footer needs, if its summary is of the usual size. */
export function footerReads(partitions: number): number {
  return partitions * EXTENT_BYTES + SUMMARY_BYTES_USUAL + TRAILER_BYTES <= TAIL_BYTES ? 1 : 2;
}

const SUMMARY_BYTES_USUAL = 1024;

/**
 * Reads the footer of the object that was listed.
 *
 * @throws CorruptShuffleError if the object is damaged, and PreconditionFailedError if it was replaced
 */
export async function readShuffleFooter(store: ObjectStore, object: ObjectInfo): Promise<ShuffleFooter> {
  const { key, sizeBytes, etag } = object;
  const tail = async (bytes: number): Promise<Buffer> =>
    store.get(key, { range: { start: Math.max(0, sizeBytes - bytes), end: sizeBytes }, ifMatch: etag });
  let bytes = await tail(TAIL_BYTES);
  const at = bytes.length - TRAILER_BYTES;
  if (at < SHUFFLE_HEADER_BYTES || bytes.toString('latin1', at + 16) !== MAGIC) {
    throw corrupt(key, 'it has no trailer, so it is truncated or not a shuffle object');
  }
  const partitions = bytes.readUInt32LE(at);
  const footerBytes = bytes.readUInt32LE(at + 4);
  const version = bytes.readUInt32LE(at + 8);
  const crc = bytes.readUInt32LE(at + 12);
  if (
    footerBytes + TRAILER_BYTES + SHUFFLE_HEADER_BYTES > sizeBytes ||
    partitions * EXTENT_BYTES > footerBytes
  ) {
    throw corrupt(key, `its trailer is invalid (${partitions} partitions, a footer of ${footerBytes} bytes)`);
  }
  if (footerBytes + TRAILER_BYTES > bytes.length) bytes = await tail(footerBytes + TRAILER_BYTES);
  const footerStart = bytes.length - TRAILER_BYTES - footerBytes;
  const footer = bytes.subarray(footerStart, bytes.length - TRAILER_BYTES);
  if (crc32(bytes.subarray(footerStart, bytes.length - 8)) !== crc) {
    throw corrupt(key, 'the checksum of its footer does not match');
  }
  if (version !== VERSION)
    throw corrupt(key, `it has format version ${version}; this engine reads ${VERSION}`);

  const extents: PartitionExtent[] = [];
  let startBytes = SHUFFLE_HEADER_BYTES;
  for (let partition = 0; partition < partitions; partition++) {
    const lengthBytes = footer.readDoubleLE(partition * EXTENT_BYTES);
    extents.push({ startBytes, lengthBytes, records: footer.readDoubleLE(partition * EXTENT_BYTES + 8) });
    startBytes += lengthBytes;
  }
  if (startBytes + footerBytes + TRAILER_BYTES !== sizeBytes) {
    throw corrupt(
      key,
      `its sections sum to ${startBytes + footerBytes + TRAILER_BYTES} bytes, but its size is ${sizeBytes} bytes`,
    );
  }
  return { extents, summary: parseSummary(footer.toString('utf8', partitions * EXTENT_BYTES)) };
}
