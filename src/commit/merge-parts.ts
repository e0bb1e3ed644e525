/**
 * Merges the parts into one file sorted by key (`--merge`). The reduce tasks have left runs of (key, formatted record)
 * in place of parts; merging them by key is the same k-way merge as any other, whatever the format.
 *
 * Called once after the reduce barrier, again when it failed. Idempotent: the file appears when it is complete.
 */
import { crc32 } from 'node:zlib';
import { MapReduceError } from '../errors.ts';
import { taskId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { PartReport } from '../report.ts';
import { copyBytes } from '../shuffle/copy-bytes.ts';
import { openMerge, openRunsBudget, reduceRunCount } from '../shuffle/merge-runs.ts';
import type { RunSegment } from '../shuffle/run-reader.ts';
import { readShuffleFooter } from '../shuffle/shuffle-object.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AttemptControl, JobLayout, JobPlan } from '../task.ts';
import { mapPartKey, mergedName, mergeRunKey } from './layout.ts';
import { readPartSummary } from './part-writer.ts';

const MERGE_FRACTION = 0.6;

export async function mergeParts({
  plan,
  store,
  layout,
  extension,
  memoryBytes,
  scratchFolder,
  control,
}: {
  plan: JobPlan;
  store: ObjectStore;
  layout: JobLayout;
  extension: string;
  memoryBytes: number;
  scratchFolder: string;
  control: AttemptControl;
}): Promise<PartReport> {
  const key = `${layout.outputPrefix}${mergedName(extension)}`;
  const writer = new ChunkedUpload(store, key);
  try {
    if (plan.settings.reducers === 0) await concatenate(plan, { store, layout, extension, control, writer });
    else await mergeRuns(plan, { store, layout, memoryBytes, scratchFolder, control, writer });
    await writer.complete();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return {
    name: mergedName(extension),
    records: writer.records,
    bytes: writer.bytes,
    crc32: writer.crc.toString(16).padStart(8, '0'),
  };
}

async function mergeRuns(
  plan: JobPlan,
  {
    store,
    layout,
    memoryBytes,
    scratchFolder,
    control,
    writer,
  }: {
    store: ObjectStore;
    layout: JobLayout;
    memoryBytes: number;
    scratchFolder: string;
    control: AttemptControl;
    writer: ChunkedUpload;
  },
): Promise<void> {
  const segments: RunSegment[] = [];
  for (let reducer = 0; reducer < plan.settings.reducers; reducer++) {
    const runKey = mergeRunKey(layout, taskId('reduce', reducer));
    const run = await store.head(runKey);
    if (run === undefined)
      throw new MapReduceError('ObjectNotFoundError', `${store.location}/${runKey} is gone`);
    const { extents } = await readShuffleFooter(store, run);
    const { startBytes, lengthBytes, records } = extents[0]!;
    if (records === 0) continue;
    segments.push({
      store,
      key: runKey,
      etag: run.etag,
      startBytes,
      endBytes: startBytes + lengthBytes,
      records,
    });
  }
  const budget = openRunsBudget(memoryBytes * MERGE_FRACTION, LIMITS.blockBytes, segments.length);
  const open = await reduceRunCount(segments, {
    budget,
    folder: scratchFolder,
    fold: undefined,
    compression: plan.settings.compression,
    blockBytes: LIMITS.blockBytes,
    control,
    onMerged: () => {},
  });
  if (open.length === 0) return;
  const merge = openMerge(open, budget.chunkBytes);
  try {
    while (await merge.ready()) {
      control.check();
      do {
        const { bytes, valueStart, valueEnd } = merge.current;
        writer.append(bytes, valueStart, valueEnd);
        if (writer.wantsFlush) await writer.flush();
      } while (merge.next());
    }
  } finally {
    await merge.close();
  }
}

/** The parts of a map-only job are in the order of the input: one after the other is the merged file. */
async function concatenate(
  plan: JobPlan,
  {
    store,
    layout,
    extension,
    control,
    writer,
  }: {
    store: ObjectStore;
    layout: JobLayout;
    extension: string;
    control: AttemptControl;
    writer: ChunkedUpload;
  },
): Promise<void> {
  for (let map = 0; map < plan.splits.length; map++) {
    const part = mapPartKey(layout, taskId('map', map), { extension, merge: true });
    const summary = await readPartSummary(store, layout, part);
    if (summary === undefined)
      throw new MapReduceError('ObjectNotFoundError', `${store.location}/${part} is gone`);
    for await (const chunk of store.stream(part)) {
      control.check();
      await writer.appendChunk(chunk);
    }
    writer.records += summary.recordsWritten;
  }
}

/** Gathers small records into chunks of an upload; counts and checksums what goes through. */
class ChunkedUpload {
  records = 0;
  bytes = 0;
  crc = 0;
  readonly #store: ObjectStore;
  readonly #key: string;
  #upload: Awaited<ReturnType<ObjectStore['upload']>> | undefined;
  #buffer = Buffer.allocUnsafeSlow(LIMITS.uploadChunkBytes + 64 * 1024);
  #end = 0;

  constructor(store: ObjectStore, key: string) {
    this.#store = store;
    this.#key = key;
  }

  get wantsFlush(): boolean {
    return this.#end >= LIMITS.uploadChunkBytes;
  }

  append(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#end + length > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(this.#end + length + LIMITS.uploadChunkBytes);
      this.#buffer.copy(larger, 0, 0, this.#end);
      this.#buffer = larger;
    }
    this.#end = copyBytes(bytes, start, end, this.#buffer, this.#end);
    this.records++;
  }

  async appendChunk(chunk: Buffer): Promise<void> {
    await this.flush();
    await this.#write(chunk);
  }

  async flush(): Promise<void> {
    await this.#write(this.#buffer.subarray(0, this.#end));
    this.#end = 0;
  }

  async complete(): Promise<void> {
    await this.flush();
    this.#upload ??= await this.#store.upload(this.#key);
    await this.#upload.complete();
  }

  async abort(): Promise<void> {
    await this.#upload?.abort();
  }

  async #write(chunk: Buffer): Promise<void> {
    if (chunk.length === 0) return;
    this.#upload ??= await this.#store.upload(this.#key);
    this.crc = crc32(chunk, this.crc);
    this.bytes += chunk.length;
    await this.#upload.write(chunk);
  }
}
