/**
 * Makes one file of the parts, sorted by key (`--merge`). Where the parts are in order already, they are put one after the
 * other, by the store itself if it can. Else the reduce tasks have left runs of (key, formatted record) in place of parts;
 * merging them by key is the same k-way merge as any other, whatever the format.
 *
 * Called once after the reduce barrier, again when it failed. Idempotent: the file appears when it is complete. When it
 * finds a run or part damaged or gone, its CorruptShuffleError names the task to run again.
 */
import { crc32 } from 'node:zlib';
import { copyBytes } from '../base/byte-ranges.ts';
import { combineCrc32 } from '../base/crc32-combine.ts';
import { crc32Text } from '../base/crc32-text.ts';
import { MapReduceError } from '../base/errors.ts';
import { taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import type { AttemptControl } from '../base/progress.ts';
import { mergeRunKey, partsAreInOrder, taskPartKey } from '../commit/layout.ts';
import { findPart } from '../commit/part-writer.ts';
import { namingRepair } from '../commit/repair.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { PartReport } from '../report/report.ts';
import { mergedName } from '../report/result-names.ts';
import { corrupt } from '../shuffle/block.ts';
import { blockBytesOf, openMerge, openRunsBudget, reduceRunCount } from '../shuffle/merge-runs.ts';
import type { RunSegment } from '../shuffle/run-reader.ts';
import { readShuffleFooter } from '../shuffle/shuffle-object.ts';
import { appendObject } from '../storage/append-object.ts';
import type { ObjectStore } from '../storage/object-store.ts';

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
  try {
    const totals = partsAreInOrder(plan.settings)
      ? await concatenate(plan, { store, layout, extension, control, key })
      : await mergeRuns(plan, { store, layout, memoryBytes, scratchFolder, control, key });
    return { name: mergedName(extension), ...totals };
  } catch (error) {
    throw namingRepair(error);
  }
}

type Totals = Omit<PartReport, 'name'>;

async function mergeRuns(
  plan: JobPlan,
  {
    store,
    layout,
    memoryBytes,
    scratchFolder,
    control,
    key,
  }: {
    store: ObjectStore;
    layout: JobLayout;
    memoryBytes: number;
    scratchFolder: string;
    control: AttemptControl;
    key: string;
  },
): Promise<Totals> {
  const segments = await runSegments(plan, { store, layout });
  const budget = openRunsBudget(memoryBytes * MERGE_FRACTION, blockBytesOf(segments), segments.length);
  const open = await reduceRunCount(segments, {
    budget,
    folder: scratchFolder,
    fold: undefined,
    compression: plan.settings.compression,
    blockBytes: LIMITS.blockBytes,
    control,
    onMerged: () => {},
  });
  const writer = new ChunkedUpload(store, key);
  try {
    if (open.length > 0) await writeMerged(openMerge(open, budget.chunkBytes), { control, writer });
    await writer.complete();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return writer.totals;
}

async function runSegments(
  plan: JobPlan,
  { store, layout }: { store: ObjectStore; layout: JobLayout },
): Promise<RunSegment[]> {
  const reducers = [...Array(plan.settings.reducers).keys()];
  const segments = await mapBounded(reducers, LIMITS.barrierReadsMax, async (reducer) => {
    const key = mergeRunKey(layout, taskId('reduce', reducer));
    const run = await store.head(key);
    if (run === undefined) throw gone(store, key);
    const { extents } = await readShuffleFooter(store, run);
    const { startBytes, lengthBytes, records } = extents[0]!;
    return { store, key, etag: run.etag, startBytes, endBytes: startBytes + lengthBytes, records };
  });
  return segments.filter(({ records }) => records > 0);
}

async function writeMerged(
  merge: ReturnType<typeof openMerge>,
  { control, writer }: { control: AttemptControl; writer: ChunkedUpload },
): Promise<void> {
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

async function concatenate(
  plan: JobPlan,
  {
    store,
    layout,
    extension,
    control,
    key,
  }: {
    store: ObjectStore;
    layout: JobLayout;
    extension: string;
    control: AttemptControl;
    key: string;
  },
): Promise<Totals> {
  const { jobId, reducers, merge } = plan.settings;
  const [stage, tasks] =
    reducers === 0 ? (['map', plan.splits.length] as const) : (['reduce', reducers] as const);
  const parts = await mapBounded([...Array(tasks).keys()], LIMITS.barrierReadsMax, async (index) => {
    const part = taskPartKey(layout, taskId(stage, index), { extension, merge });
    const found = await findPart(store, layout, part, { jobId });
    if (found === undefined) throw gone(store, part);
    const { object, summary } = found;
    const { recordsWritten: records, bytesWritten: bytes } = summary;
    if (object.sizeBytes !== bytes) throw corrupt(part, `it has ${object.sizeBytes} bytes, not ${bytes}`);
    return { object, records, bytes, crc: Number.parseInt(summary.crc32, 16) };
  });
  let [records, bytes, crc] = [0, 0, 0];
  const upload = await store.upload(key);
  try {
    for (const [index, part] of parts.entries()) {
      control.check();
      if (part.bytes === 0) continue;
      let crcRead: number | undefined;
      const onChunk = (chunk: Buffer) => {
        control.check();
        crcRead = crc32(chunk, crcRead);
      };
      const following = parts.length - 1 - index;
      await appendObject(upload, { store, object: part.object, following, onChunk });
      // Where the store copies by itself, it checks by itself.
      if (crcRead !== undefined && crcRead !== part.crc) {
        throw corrupt(part.object.key, `its checksum is ${crc32Text(crcRead)}, not ${crc32Text(part.crc)}`);
      }
      records += part.records;
      bytes += part.bytes;
      crc = combineCrc32(crc, part.crc, part.bytes);
    }
    await upload.complete();
  } catch (error) {
    await upload.abort();
    throw error;
  }
  return { records, bytes, crc32: crc32Text(crc) };
}

function gone(store: ObjectStore, key: string): MapReduceError {
  return new MapReduceError('ObjectNotFoundError', `${store.location}/${key} is gone`, {
    details: { objectKey: key },
  });
}

/** Gathers small records into chunks of an upload; counts and checksums what goes through. */
class ChunkedUpload {
  #records = 0;
  #bytes = 0;
  #crc = 0;
  readonly #store: ObjectStore;
  readonly #key: string;
  #upload: Awaited<ReturnType<ObjectStore['upload']>> | undefined;
  #buffer = Buffer.allocUnsafeSlow(LIMITS.uploadChunkBytes + 64 * 1024);
  #end = 0;

  constructor(store: ObjectStore, key: string) {
    this.#store = store;
    this.#key = key;
  }

  get totals(): Totals {
    return { records: this.#records, bytes: this.#bytes, crc32: crc32Text(this.#crc) };
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
    this.#records++;
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
    this.#crc = crc32(chunk, this.#crc);
    this.#bytes += chunk.length;
    await this.#upload.write(chunk);
  }
}
