/**
 * Merges the parts into one file, sorted by key (`--merge`). If the parts are already in order, they are concatenated, by
 * the store itself if it can copy. Otherwise the reduce tasks have written runs of (key, formatted record) instead of
 * parts, and the usual k-way merge merges them by key, whatever the format.
 *
 *     concatenated    begin | part | part | part | end     compressed parts too: each is a sequence of members or frames
 *     merged          begin | records in order   | end     compressed while they are written
 *
 * Runs, and parts that are to be merged, have no begin and no end.
 *
 * Called once after the reduce barrier, and again after a failure. Idempotent: the file becomes visible when it is
 * complete. If a run or part is damaged or missing, the CorruptShuffleError names the task to run again.
 */
import { crc32 } from 'node:zlib';
import { combineCrc32 } from '../base/crc32-combine.ts';
import { crc32Text } from '../base/crc32-text.ts';
import { MapReduceError } from '../base/errors.ts';
import { taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import type { AttemptControl } from '../base/progress.ts';
import { appendBytes } from '../codec/append-bytes.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import { findOrRemovePart } from '../commit/committed-part.ts';
import { compressed } from '../commit/compressed-blocks.ts';
import { mergeRunKey, partsAreInOrder, taskPartKey } from '../commit/layout.ts';
import { namingRepair } from '../commit/repair.ts';
import { ResultObject, type ResultTotals } from '../commit/result-object.ts';
import type { MergedFormat } from '../formats/merged-format.ts';
import { lastStage, taskCounts } from '../plan/stages.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { PartReport } from '../report/report.ts';
import { mergedName } from '../report/result-names.ts';
import { corrupt } from '../shuffle/block.ts';
import { mergeInto, reduceRunCount } from '../shuffle/merge-runs.ts';
import { blockBytesOf, openRunsBudget } from '../shuffle/open-runs.ts';
import type { RecordSink } from '../shuffle/record-sink.ts';
import type { RunSegment } from '../shuffle/run-reader.ts';
import { readShuffleFooter } from '../shuffle/shuffle-object.ts';
import { appendObject } from '../storage/append-object.ts';
import type { ObjectInfo, ObjectStore, Upload } from '../storage/object-store.ts';

const MERGE_FRACTION = 0.6;

export interface MergeOptions {
  readonly plan: JobPlan;
  readonly store: ObjectStore;
  readonly layout: JobLayout;
  readonly format: MergedFormat;
  readonly memoryBytes: number;
  readonly scratchFolder: string;
  readonly control: AttemptControl;
}

export async function mergeParts(options: MergeOptions): Promise<PartReport> {
  const name = mergedName(options.format.extension);
  const key = `${options.layout.outputPrefix}${name}`;
  try {
    const merge = partsAreInOrder(options.plan.settings) ? concatenate : mergeRuns;
    return { name, ...(await merge(key, options)) };
  } catch (error) {
    throw namingRepair(error);
  }
}

async function mergeRuns(key: string, options: MergeOptions): Promise<ResultTotals> {
  const { plan, store, format, memoryBytes, scratchFolder, control } = options;
  const segments = await runSegments(options);
  const budget = openRunsBudget(memoryBytes * MERGE_FRACTION, blockBytesOf(segments), segments.length);
  const merging = { budget, folding: undefined, control };
  const open = await reduceRunCount(segments, {
    ...merging,
    scratch: {
      folder: scratchFolder,
      compression: plan.settings.compression,
      blockBytes: LIMITS.blockBytes,
    },
    onMerged: () => {},
  });
  const { compression } = format;
  const merged = new ResultObject({ store, key, overflowPath: `${scratchFolder}/overflow`, compression });
  try {
    appendBytes(format.begin, 0, format.begin.length, merged.sink);
    await mergeInto(new MergedFile(merged), open, merging);
    appendBytes(format.end, 0, format.end.length, merged.sink);
    const totals = await merged.end();
    await merged.replace();
    return totals;
  } catch (error) {
    await merged.abort();
    throw error;
  }
}

async function runSegments({ plan, store, layout }: MergeOptions): Promise<RunSegment[]> {
  const reducers = [...Array(plan.settings.reducers).keys()];
  const segments = await mapBounded(reducers, LIMITS.barrierReadsMax, async (reducer) => {
    const task = taskId('reduce', reducer);
    const key = mergeRunKey(layout, task);
    const run = await store.head(key);
    if (run === undefined) throw gone(store, key);
    const { extents, summary } = await readShuffleFooter(store, run);
    const [extent] = extents;
    if (extent === undefined || summary.taskId !== task) {
      throw corrupt(key, `it holds the output of ${summary.taskId}`);
    }
    const { startBytes, lengthBytes, records } = extent;
    return { store, key, etag: run.etag, startBytes, endBytes: startBytes + lengthBytes, records };
  });
  return segments.filter(({ records }) => records > 0);
}

/** Keeps only the value of each record, which is already formatted. */
class MergedFile implements RecordSink {
  readonly #object: ResultObject;

  constructor(object: ResultObject) {
    this.#object = object;
  }

  append({ valueBytes, valueStart, valueEnd }: Readonly<RecordSlice>): void {
    appendBytes(valueBytes, valueStart, valueEnd, this.#object.sink);
    this.#object.recordsWritten(1);
  }

  get wantsFlush(): boolean {
    return this.#object.wantsFlush;
  }

  flush(): Promise<void> {
    return this.#object.flush();
  }
}

interface OrderedPart {
  readonly object: ObjectInfo;
  readonly records: number;
  readonly bytes: number;
  readonly crc: number;
}

async function concatenate(key: string, options: MergeOptions): Promise<ResultTotals> {
  const { store, format, control } = options;
  const parts = await orderedParts(options);
  const upload = await store.upload(key);
  const totals = { records: 0, bytes: 0, crc: 0 };
  const add = (records: number, bytes: number, crc: number) => {
    totals.records += records;
    totals.crc = combineCrc32(totals.crc, crc, bytes);
    totals.bytes += bytes;
  };
  const write = async (bytes: Buffer) => {
    if (bytes.length === 0) return;
    await upload.write(bytes);
    add(0, bytes.length, crc32(bytes));
  };
  try {
    await write(await stored(format.begin, format));
    for (const [index, part] of parts.entries()) {
      control.check();
      if (part.bytes === 0) continue;
      await appendPart(upload, part, { following: parts.length - 1 - index, options });
      add(part.records, part.bytes, part.crc);
    }
    await write(await stored(format.end, format));
    // A compressed file has at least one member or frame.
    if (totals.bytes === 0) await write(await stored(format.end, format, { isFile: true }));
    await upload.complete();
  } catch (error) {
    await upload.abort();
    throw error;
  }
  return { records: totals.records, bytes: totals.bytes, crc32: crc32Text(totals.crc) };
}

/** Returns the bytes that begin or end a file as they are stored. */
async function stored(
  plain: Uint8Array,
  { compression }: MergedFormat,
  { isFile = false }: { isFile?: boolean } = {},
): Promise<Buffer> {
  const bytes = Buffer.from(plain);
  return compression === undefined ? bytes : await compressed(bytes, compression, { isFile });
}

async function appendPart(
  upload: Upload,
  { object, crc }: OrderedPart,
  { following, options: { store, control } }: { following: number; options: MergeOptions },
): Promise<void> {
  let crcRead: number | undefined;
  const onChunk = (chunk: Buffer) => {
    control.check();
    crcRead = crc32(chunk, crcRead);
  };
  await appendObject(upload, { store, object, following, onChunk });
  // A store that copies the object itself also verifies the copy.
  if (crcRead !== undefined && crcRead !== crc) {
    throw corrupt(object.key, `its checksum is ${crc32Text(crcRead)}, not ${crc32Text(crc)}`);
  }
}

function orderedParts({ plan, store, layout, format: { extension } }: MergeOptions): Promise<OrderedPart[]> {
  const { jobId, merge } = plan.settings;
  const stage = lastStage(plan.settings);
  const tasks = taskCounts(plan)[stage];
  return mapBounded([...Array(tasks).keys()], LIMITS.barrierReadsMax, async (index) => {
    const task = taskId(stage, index);
    const part = taskPartKey(layout, task, { extension, merge });
    const found = await findOrRemovePart(store, layout, part, { jobId, taskId: task });
    if (found === undefined) throw gone(store, part);
    const { object, summary } = found;
    const { recordsWritten: records, bytesWritten: bytes } = summary;
    if (object.sizeBytes !== bytes) throw corrupt(part, `it has ${object.sizeBytes} bytes, not ${bytes}`);
    return { object, records, bytes, crc: Number.parseInt(summary.crc32, 16) };
  });
}

function gone(store: ObjectStore, key: string): MapReduceError {
  return new MapReduceError('ObjectNotFoundError', `${store.location}/${key} is missing`, {
    details: { objectKey: key },
  });
}
