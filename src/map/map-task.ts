/**
 * Runs one attempt of a map task: reads the records of the split, maps them, writes the emitted records into the
 * shuffle object (or into a part if the job has no reduce), and commits it.
 *
 * Worker threads and Lambda functions call this, any number of times per task and even at the same time. Only one
 * attempt of a task can commit.
 */
import type { MapContext, ParameterValues } from '../api/job.ts';
import { createCounter, refuseLateEmit, setUp, userCodeError } from '../api/user-code.ts';
import { type Counters, sortedCounters } from '../base/counters.ts';
import { withDetails } from '../base/errors.ts';
import type { AttemptId } from '../base/ids.ts';
import { LIMITS, MiB } from '../base/limits.ts';
import { refuseReturned } from '../base/user-returns.ts';
import { shuffleKey } from '../commit/layout.ts';
import { PartOutput } from '../commit/part-output.ts';
import type { RecordParser } from '../formats/input-format.ts';
import type { MapTaskSpec, TaskEnvironment } from '../plan/task.ts';
import { readPiece } from '../read/read-records.ts';
import type { TaskResult } from '../report/task-summary.ts';
import { resultOf, type TaskSummary } from '../report/task-summary.ts';
import { ShuffleObjectWriter } from '../shuffle/shuffle-object.ts';
import { ShuffleCollector } from './shuffle-collector.ts';

export async function runMapTask(
  spec: MapTaskSpec,
  attempt: AttemptId,
  environment: TaskEnvironment,
): Promise<TaskResult> {
  try {
    return environment.job.shuffle === undefined
      ? await mapIntoPart(spec, attempt, environment)
      : await mapIntoShuffle(spec, attempt, environment);
  } catch (error) {
    throw withDetails(error, { jobName: environment.job.name, taskId: spec.taskId, attemptId: attempt });
  }
}

async function mapIntoShuffle(
  spec: MapTaskSpec,
  attempt: AttemptId,
  environment: TaskEnvironment,
): Promise<TaskResult> {
  const { settings, store, layout, progress, control } = environment;
  const startedMs = performance.now();
  const writer = new ShuffleObjectWriter({
    store,
    key: shuffleKey(layout, spec.taskId),
    compression: settings.compression,
    blockBytes: LIMITS.blockBytes,
  });
  const collector = new ShuffleCollector(environment);
  try {
    const read = await mapSplit(spec, environment, {
      emit: (key, value) => {
        progress.steps++;
        collector.emit(key, value);
      },
      betweenChunks: () => {
        collector.throwFailure();
        collector.adapt();
        return undefined;
      },
    });
    await collector.finish(writer);
    const recordsWritten = writer.run.extents.reduce((sum, extent) => sum + extent.records, 0);
    progress.recordsWritten = recordsWritten;
    control.check();
    const { committed, summary } = await writer.commit(
      (bytesWritten): TaskSummary => ({
        taskId: spec.taskId,
        attemptId: attempt,
        ...read,
        recordsWritten,
        bytesWritten,
        spills: collector.spills,
        bytesSpilled: collector.bytesSpilled,
        elapsedMs: Math.round(performance.now() - startedMs),
        crc32: '',
      }),
    );
    return resultOf(summary, committed);
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    collector.close();
  }
}

async function mapIntoPart(
  spec: MapTaskSpec,
  attempt: AttemptId,
  environment: TaskEnvironment,
): Promise<TaskResult> {
  const startedMs = performance.now();
  const output = new PartOutput({ taskId: spec.taskId, attemptId: attempt, environment });
  let failure: unknown;
  let isOver = false;
  const throwFailure = (): void => {
    if (failure !== undefined) throw failure;
  };
  try {
    const read = await mapSplit(spec, environment, {
      emit: (key, value) => {
        if (isOver) refuseLateEmit('map');
        environment.progress.steps++;
        try {
          output.write(key, value);
        } catch (error) {
          // User code may swallow the error, and half a record would stay in the part.
          failure ??= error;
          throw error;
        }
      },
      betweenChunks: () => {
        throwFailure();
        return output.wantsFlush ? output.flush() : undefined;
      },
    });
    isOver = true;
    throwFailure();
    environment.control.check();
    const { committed, summary } = await output.commit({
      ...read,
      spills: 0,
      bytesSpilled: 0,
      elapsedMs: Math.round(performance.now() - startedMs),
    });
    return resultOf(summary, committed);
  } catch (error) {
    await output.abort();
    throw error;
  }
}

function recordBytesRule(memoryBytes: number): string {
  if (memoryBytes / 4 >= LIMITS.recordBytesMax) return 'No setting raises this bound.';
  return `The bound is a quarter of the worker's memory of ${Math.floor(memoryBytes / MiB)} MiB. Raise --memory (memoryBytes; on AWS taskMemoryMb); a record may have at most ${LIMITS.recordBytesMax / MiB} MiB.`;
}

interface SplitRead {
  readonly recordsRead: number;
  readonly bytesRead: number;
  readonly plainBytesRead: number;
  readonly counters: Counters;
}

/** Runs the user's map on every record of the split. Errors that map throws name the file and the record. */
async function mapSplit(
  spec: MapTaskSpec,
  environment: TaskEnvironment,
  {
    emit,
    betweenChunks,
  }: { emit: (key: unknown, value: unknown) => void; betweenChunks: () => Promise<void> | undefined },
): Promise<SplitRead> {
  const { job, settings, inputs, progress, control } = environment;
  const { counters, count } = createCounter(progress);
  const map = job.map;
  let file = '';
  let parser: RecordParser<unknown> | undefined;
  let recordsRead = 0;
  const position = () => ({ file, offsetBytes: parser!.recordOffsetBytes() });
  const context: MapContext<unknown, unknown, ParameterValues, unknown> = {
    params: settings.params,
    state: setUp(job, settings.params),
    count,
    emit,
    get file() {
      return file;
    },
    position,
  };
  const deliver = (record: unknown): void => {
    progress.recordsRead = ++recordsRead;
    let returned: unknown;
    try {
      returned = map(record, context);
    } catch (error) {
      throw userCodeError('map', error, position());
    }
    if (returned !== undefined) refuseReturned('map', returned);
  };

  let bytesRead = 0;
  let plainBytesRead = 0;
  let bytesSeen = 0;
  for (const [index, piece] of spec.split.pieces.entries()) {
    file = piece.file.key;
    progress.pieceIndex = index;
    const read = await readPiece(piece, {
      format: job.input,
      store: inputs,
      recordBytesMax: Math.min(LIMITS.recordBytesMax, Math.floor(environment.memoryBytes / 4)),
      recordBytesRule: recordBytesRule(environment.memoryBytes),
      deliver,
      onParser: (created) => {
        parser = created;
      },
      beforeChunk: (offsetBytes, chunkBytes) => {
        control.check();
        progress.chunkOffsetBytes = offsetBytes;
        progress.bytesRead = bytesSeen += chunkBytes;
        return betweenChunks();
      },
    });
    bytesRead += read.ownedBytes;
    if (piece.file.compression === 'none') plainBytesRead += read.ownedBytes;
  }
  return { recordsRead, bytesRead, plainBytesRead, counters: sortedCounters(counters) };
}
