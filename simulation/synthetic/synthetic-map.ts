/** An attempt of a map task that reads its split and writes a shuffle object, without looking at bytes. */

import { LAMBDA_FACTS } from '../../src/aws/model/facts.ts';
import type { PointTraits } from '../../src/aws/model/point.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { shuffleKey } from '../../src/commit/layout.ts';
import type { runMapTask } from '../../src/map/map-task.ts';
import { pieceBytes } from '../../src/read/piece-bytes.ts';
import { resultOf, type TaskSummary } from '../../src/report/task-summary.ts';
import type { PartitionExtent } from '../../src/shuffle/run-writer.ts';
import { encodeFooter, SHUFFLE_HEADER_BYTES } from '../../src/shuffle/shuffle-object.ts';
import { CommittedObject } from '../../src/storage/committed-object.ts';
import type { Thread } from '../lambda/handlers.ts';
import { bytesOf, type StoredBytes, zerosInNoMemory } from '../s3/stored-bytes.ts';
import { uploadPieces } from './zero-uploads.ts';

export interface SyntheticMapOptions {
  readonly traits: PointTraits;
  readonly thread: Thread;
  /** See Bucket.willHold(). */
  readonly willHold: (key: string, bytes: StoredBytes) => void;
}

/** Stored bytes of a record: only its number matters, for the size of blocks. */
const RECORD_BYTES = 60;

export function syntheticMap({ traits, thread, willHold }: SyntheticMapOptions): typeof runMapTask {
  return async (
    { taskId, split },
    attemptId,
    { settings, store, inputs, layout, meter, control, memoryBytes },
  ) => {
    let splitBytes = 0;
    for (const piece of split.pieces) {
      // The first chunk after the piece has the end of its last record.
      const bytesMax = piece.endBytes - Math.max(0, piece.startBytes - 1) + 1;
      const read = { bytes: 0 };
      for await (const chunk of pieceBytes(piece, { store: inputs, read })) {
        control.check();
        await thread.compute((chunk.length / traits.mapBytesPerSecond) * 1000);
        if (read.bytes >= bytesMax) break;
      }
      splitBytes += piece.endBytes - piece.startBytes;
    }
    const dataBytes = Math.min(splitBytes * traits.shuffleRatio, traits.shuffleBytesOfSplitMax);
    const mergeMs = spillMs({ splitBytes, dataBytes, memoryBytes }, traits);
    const extents = extentsOf(dataBytes, settings.reducers, traits.skew);
    const { startBytes, lengthBytes } = extents.at(-1)!;
    const bytesWritten = startBytes + lengthBytes;
    const key = shuffleKey(layout, taskId);
    const object = new CommittedObject({ store, key });
    const isSmall = bytesWritten < LIMITS.uploadChunkBytes;
    try {
      // Full parts are on their way while the rest is merged.
      for (const bytes of uploadPieces(bytesWritten)) {
        await thread.compute((mergeMs * bytes) / bytesWritten);
        if (!isSmall) await object.send([zerosInNoMemory(bytes)]);
      }
      control.check();
      const summary: TaskSummary = {
        taskId,
        attemptId,
        recordsRead: 0,
        bytesRead: splitBytes,
        plainBytesRead: splitBytes,
        recordsWritten: extents.reduce((sum, { records }) => sum + records, 0),
        bytesWritten,
        spills: 0,
        bytesSpilled: 0,
        ...meter.measured([0, object.commitWrites]),
        crc32: '',
        counters: {},
      };
      const footer = Buffer.from(encodeFooter(extents, summary));
      willHold(key, bytesOf(bytesWritten, footer));
      const committed = await object.commit(isSmall ? [Buffer.alloc(bytesWritten), footer] : [footer]);
      return resultOf(summary, committed);
    } catch (error) {
      await object.abort();
      throw error;
    }
  };
}

/**
 * A map task that passes on about what it reads spills what does not fit its buffer, and merges it: both take time. As
 * the model does (src/aws/model/stage-work.ts).
 */
function spillMs(
  { splitBytes, dataBytes, memoryBytes }: { splitBytes: number; dataBytes: number; memoryBytes: number },
  traits: PointTraits,
): number {
  const buffer = memoryBytes * LIMITS.sortBufferFraction;
  if (dataBytes <= splitBytes * SPILLS_FROM_RATIO || splitBytes <= buffer) return 0;
  const mergeSeconds = dataBytes / traits.reduceBytesPerSecond;
  // The disk does not get faster with the CPU, but compute() counts whole cores.
  const diskSeconds = (2 * dataBytes) / LAMBDA_FACTS.scratchBytesPerSecond.value;
  return (mergeSeconds + diskSeconds * LAMBDA_FACTS.cpuFraction.value) * 1000;
}

const SPILLS_FROM_RATIO = 0.1;

/** One cell for each reducer; the largest has `skew` times the mean. */
function extentsOf(dataBytes: number, reducers: number, skew: number): PartitionExtent[] {
  let startBytes = SHUFFLE_HEADER_BYTES;
  return Array.from({ length: reducers }, (_, reducer) => {
    const weight = reducers === 1 ? 1 : 1 + (skew - 1) * ((2 * reducer) / (reducers - 1) - 1);
    const lengthBytes = Math.round((dataBytes / reducers) * weight);
    const extent = { startBytes, lengthBytes, records: Math.ceil(lengthBytes / RECORD_BYTES) };
    startBytes += lengthBytes;
    return extent;
  });
}
