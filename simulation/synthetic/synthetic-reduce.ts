/** An attempt of a reduce task that reads its cells in the order of a merge and writes a part, without looking at bytes. */

import { LAMBDA_FACTS } from '../../src/aws/model/facts.ts';
import type { PointTraits } from '../../src/aws/model/point.ts';
import { KiB, LIMITS } from '../../src/base/limits.ts';
import type { AttemptControl } from '../../src/base/progress.ts';
import { sumOf } from '../../src/base/sum.ts';
import { createTaskOutput } from '../../src/commit/create-task-output.ts';
import { shuffleIndexKey } from '../../src/commit/layout.ts';
import type { runReduceTask } from '../../src/reduce/reduce-task.ts';
import { resultOf } from '../../src/report/task-summary.ts';
import { blockBytesOf, openRunsBudget } from '../../src/shuffle/open-runs.ts';
import type { RunSegment } from '../../src/shuffle/run-reader.ts';
import { readPartitionSegments } from '../../src/shuffle/shuffle-index.ts';
import { CellStager, type CopyFile } from '../../src/shuffle/staged-cells.ts';
import type { Thread } from '../lambda/handlers.ts';
import { ZeroUploads } from './zero-uploads.ts';

const RECORD_BYTES = 64 * KiB;

export function syntheticReduce({
  traits: { outputRatio, shuffleRatio, reduceBytesPerSecond },
  thread,
}: {
  readonly traits: PointTraits;
  readonly thread: Thread;
}): typeof runReduceTask {
  return async ({ taskId, index }, attemptId, environment) => {
    const { store, layout, control, memoryBytes, staging, scratchFolder, meter } = environment;
    const segments = await readPartitionSegments(store, shuffleIndexKey(layout), index);
    const bytesRead = bytesOf(segments);
    const mergeBytes = memoryBytes * LIMITS.openRunsFraction;
    const { runsMax, chunkBytes } = openRunsBudget(mergeBytes, blockBytesOf(segments), segments.length);
    const stager =
      staging &&
      new CellStager(segments, {
        space: staging,
        chunkBytes,
        folder: scratchFolder,
        memoryBytes: mergeBytes,
        control,
        phases: meter.phases,
        create: async () => NO_FILE,
      });
    const output = await createTaskOutput({
      taskId,
      attemptId,
      environment: { ...environment, store: new ZeroUploads(store) },
    });
    // Of the result, what belongs to the bytes that have been read.
    const outputPerByte = outputRatio / shuffleRatio;
    let owed = 0;
    const onBytes = async (bytes: number) => {
      await thread.compute((bytes / reduceBytesPerSecond) * 1000);
      for (owed += bytes * outputPerByte; owed >= RECORD_BYTES; owed -= RECORD_BYTES) {
        output.write('', RECORD_BYTES);
        if (output.wantsFlush) await output.flush();
      }
    };
    try {
      // Runs that do not fit are merged first.
      for (let start = 0; start < segments.length; start += runsMax) {
        const group = segments.slice(start, start + runsMax);
        const near = (await stager?.stage(group))?.segments ?? group;
        const far = near.filter((segment) => group.includes(segment));
        const copiedBytes = bytesOf(group) - bytesOf(far);
        // Written and read again. The disk does not get faster with the CPU, but compute() counts whole cores.
        const diskSeconds = (2 * copiedBytes) / LAMBDA_FACTS.scratchBytesPerSecond.value;
        await thread.compute(diskSeconds * LAMBDA_FACTS.cpuFraction.value * 1000);
        for (let left = copiedBytes; left > 0; left -= RECORD_BYTES)
          await onBytes(Math.min(left, RECORD_BYTES));
        await readMerged(far, { chunkBytes, control, onBytes });
      }
      output.write('', Math.round(owed));
      control.check();
      const { committed, summary } = await output.commit({
        recordsRead: segments.reduce((sum, { records }) => sum + records, 0),
        bytesRead,
        plainBytesRead: 0,
        counters: {},
        spills: 0,
        bytesSpilled: 0,
      });
      return resultOf(summary, committed);
    } catch (error) {
      await output.abort();
      throw error;
    }
  };
}

function bytesOf(segments: readonly RunSegment[]): number {
  return sumOf(segments, ({ startBytes, endBytes }) => endBytes - startBytes);
}

/** Takes copies of cells and keeps none. The cast: a stager uses nothing else of a file. */
const NO_FILE = {
  write: async (_: Buffer, __: number, length: number) => ({ bytesWritten: length }),
  close: async () => {},
} as unknown as CopyFile;

/** Reads all runs at once, a chunk of each in turn, as a merge of runs with the same keys does. */
async function readMerged(
  segments: readonly RunSegment[],
  {
    chunkBytes,
    control,
    onBytes,
  }: { chunkBytes: number; control: AttemptControl; onBytes: (bytes: number) => Promise<void> },
): Promise<void> {
  let streams = segments.map(({ store, key, etag, startBytes, endBytes }) =>
    store.stream(key, {
      range: { start: startBytes, end: endBytes },
      chunkSizeBytes: Math.max(1, Math.min(chunkBytes, endBytes - startBytes)),
      ...(etag === undefined ? {} : { ifMatch: etag }),
    }),
  );
  let chunks = await Promise.all(streams.map((stream) => stream.next()));
  while (streams.length > 0) {
    for (const { value } of chunks) {
      if (value !== undefined) await onBytes(value.length);
    }
    control.check();
    streams = streams.filter((_, stream) => !chunks[stream]!.done);
    chunks = [];
    for (const stream of streams) chunks.push(await stream.next());
  }
}
