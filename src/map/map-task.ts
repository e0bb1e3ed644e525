/**
 * Runs one attempt of a map task: reads the records of the split, maps them, writes the emitted records into the
 * shuffle object (or into a part if the job has no reduce), and commits it.
 *
 * Worker threads and Lambda functions call this, any number of times per task and even at the same time. Only one
 * attempt of a task can commit.
 */
import type { JobInput, MapContext, ParameterValues } from '../api/job.ts';
import {
  createCounter,
  type EmitAll,
  emitEach,
  emitterOf,
  refuseEmitAll,
  refuseLateEmit,
  setUp,
  userCodeError,
} from '../api/user-code.ts';
import { sortedCounters } from '../base/counters.ts';
import { type ErrorDetails, type MapReduceError, withDetails } from '../base/errors.ts';
import type { AttemptId } from '../base/ids.ts';
import { LIMITS, MiB } from '../base/limits.ts';
import { refuseReturned } from '../base/user-returns.ts';
import { isWords } from '../codec/words.ts';
import { createTaskOutput } from '../commit/create-task-output.ts';
import { shuffleKey } from '../commit/layout.ts';
import type { RecordReader } from '../formats/source.ts';
import type { MapTaskSpec, TaskEnvironment } from '../plan/task.ts';
import { BadRecords } from '../read/bad-records.ts';
import type { SplitPiece } from '../read/input-file.ts';
import { type PieceRead, readPiece } from '../read/read-records.ts';
import type { SmallFilesAhead } from '../read/small-files.ts';
import {
  type AttemptSummary,
  type CoveredRange,
  resultOf,
  type TaskResult,
  type TaskSummary,
} from '../report/task-summary.ts';
import { ShuffleObjectWriter } from '../shuffle/shuffle-object.ts';
import { ShuffleCollector } from './shuffle-collector.ts';
import type { StagedEmits } from './staged-emits.ts';

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
  const { settings, store, layout, meter, progress, control } = environment;
  const writer = new ShuffleObjectWriter({
    store,
    key: shuffleKey(layout, spec.taskId),
    compression: settings.compression,
    blockBytes: LIMITS.blockBytes,
  });
  const collector = new ShuffleCollector(environment);
  try {
    const emit = (key: unknown, value: unknown): void => {
      progress.steps++;
      collector.emit(key, value);
    };
    const emitOneByOne = emitEach(emit);
    const read = await mapSplit(spec, environment, {
      emit,
      emitAll: (keys, value) => {
        if (!isWords(keys)) {
          emitOneByOne(keys, value);
          return;
        }
        progress.steps++;
        collector.emitWords(keys, value);
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
      (bytesWritten, commit): TaskSummary => ({
        taskId: spec.taskId,
        attemptId: attempt,
        ...read,
        recordsWritten,
        bytesWritten,
        spills: collector.spills,
        bytesSpilled: collector.bytesSpilled,
        ...meter.measured(commit),
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
  const { phases } = environment.meter;
  const output = await createTaskOutput({ taskId: spec.taskId, attemptId: attempt, environment });
  let failure: unknown;
  let isOver = false;
  const throwFailure = (): void => {
    if (failure !== undefined) throw failure;
  };
  try {
    const read = await mapSplit(spec, environment, {
      emit: (key, value, to) => {
        if (isOver) refuseLateEmit('map');
        environment.progress.steps++;
        try {
          output.write(key, value, to);
        } catch (error) {
          // User code may swallow the error, and half a record would stay in the part.
          failure ??= error;
          throw error;
        }
      },
      betweenChunks: () => {
        throwFailure();
        return output.wantsFlush ? phases.timeAsync('writing', () => output.flush()) : undefined;
      },
    });
    isOver = true;
    throwFailure();
    environment.control.check();
    phases.enter('writing');
    const { committed, summary } = await output.commit({ ...read, spills: 0, bytesSpilled: 0 });
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

type SplitRead = Omit<AttemptSummary, 'spills' | 'bytesSpilled'>;

interface MapOptions {
  /** @param to  the position of the output, for a map-only job with several */
  readonly emit: (key: unknown, value: unknown, to?: number) => void;
  /** Default: `emit` for each key. */
  readonly emitAll?: EmitAll;
  readonly betweenChunks: () => Promise<void> | undefined;
}

/** Runs the user's map on every record of the split. Errors that map throws name the file and the record. */
async function mapSplit(
  spec: MapTaskSpec,
  environment: TaskEnvironment,
  { emit, emitAll, betweenChunks }: MapOptions,
): Promise<SplitRead> {
  const { job, settings, inputs, memoryBytes, meter, progress, control } = environment;
  const { counters, count } = createCounter(progress);
  const { skip, thrown = false } = settings.onBadRecord ?? {};
  const onStep = () => {
    progress.steps++;
  };
  const staged = thrown
    ? new (await import('./staged-emits.ts')).StagedEmits({ emit, count, onStep })
    : undefined;
  const bad = new BadRecords(skip);
  const place = new RecordPlace();
  const context = contextOf(environment, place, staged ?? { emit, emitAll, count });
  const totals = new ReadTotals();
  const delivers = job.inputs.map((input) =>
    staged === undefined
      ? deliverTo(input, { context, place, progress })
      : deliverStaged(input, { context, place, progress, staged, bad }),
  );
  let bytesSeen = 0;
  const { pieces } = spec.split;
  using ahead = pieces.length === 1 ? undefined : await filesAhead(inputs, { pieces, memoryBytes });
  for (const [index, piece] of pieces.entries()) {
    const { source } = job.inputs[piece.input ?? 0]!;
    place.file = piece.file.key;
    place.counts = source.counts;
    progress.pieceIndex = index;
    const reading = readPiece(piece, {
      source,
      store: ahead ?? inputs,
      recordBytesMax: Math.min(LIMITS.recordBytesMax, Math.floor(memoryBytes / 4)),
      recordBytesRule: recordBytesRule(memoryBytes),
      params: settings.params,
      phases: meter.phases,
      deliver: delivers[piece.input ?? 0]!,
      onBad: (record, file) => bad.add(record, file),
      count,
      onReader: (reader) => {
        place.reader = reader;
      },
      beforeBatch: (offsetBytes, newBytes) => {
        control.check();
        place.throwFailure();
        progress.chunkOffsetBytes = offsetBytes;
        progress.bytesRead = bytesSeen += newBytes;
        return betweenChunks();
      },
    });
    // A reader that catches what map threw would lose the record, or report it as its own.
    const read = await reading.finally(() => place.throwFailure());
    totals.add(index, piece, read);
  }
  const badRecords = bad.summary();
  return {
    recordsRead: place.recordsRead,
    ...totals.summary(),
    ...(badRecords === undefined ? {} : { badRecords }),
    counters: sortedCounters(counters),
  };
}

function contextOf(
  { job, settings }: TaskEnvironment,
  place: RecordPlace,
  { emit, emitAll, count }: Pick<StagedEmits, 'emit' | 'count'> & { emitAll?: EmitAll | undefined },
): MapContext<unknown, unknown, ParameterValues, unknown> {
  return {
    params: settings.params,
    state: setUp(job, settings.params),
    count,
    emit: job.shuffle === undefined ? emitterOf(job, emit) : emit,
    emitAll: job.shuffle === undefined ? refuseEmitAll : (emitAll ?? emitEach(emit)),
    get file() {
      return place.file;
    },
    position: () => place.position(),
  };
}

/** A small job takes about as long as loading modules does, so what few jobs need is loaded only for them. */
async function filesAhead(
  ...[store, options]: ConstructorParameters<typeof SmallFilesAhead>
): Promise<SmallFilesAhead> {
  const small = await import('../read/small-files.ts');
  return new small.SmallFilesAhead(store, options);
}

/** Where the current record of the attempt is. */
class RecordPlace {
  file = '';
  counts: 'bytes' | 'records' = 'bytes';
  reader: RecordReader<unknown> | undefined;
  recordsRead = 0;
  #failure: MapReduceError | undefined;

  /** Remembers an error that the reader may swallow. */
  failed(error: MapReduceError): MapReduceError {
    this.#failure ??= error;
    return error;
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** For errors. Generated input has no file. */
  details(): ErrorDetails {
    const { file, offsetBytes, record } = this.position();
    if (record === undefined) return { file, offsetBytes };
    return file === '' ? { record } : { file, record };
  }

  position(): { file: string; offsetBytes: number; record?: number } {
    const offset = this.reader!.offset();
    return this.counts === 'bytes'
      ? { file: this.file, offsetBytes: offset }
      : { file: this.file, offsetBytes: 0, record: offset };
  }
}

interface Delivery {
  readonly context: MapContext<unknown, unknown, ParameterValues, unknown>;
  readonly place: RecordPlace;
  readonly progress: TaskEnvironment['progress'];
}

/** Makes the function that calls map. Each input has its own, so that the runtime can inline the user's function. */
function deliverTo({ map }: JobInput, { context, place, progress }: Delivery): (record: unknown) => void {
  return (record) => {
    progress.recordsRead = ++place.recordsRead;
    let returned: unknown;
    try {
      returned = map(record, context);
      if (returned !== undefined) refuseReturned('map', returned);
    } catch (error) {
      throw place.failed(userCodeError('map', error, place.details()));
    }
  };
}

/** The same for a job that skips records on which map throws. */
function deliverStaged(
  { map }: JobInput,
  { context, place, progress, staged, bad }: Delivery & { staged: StagedEmits; bad: BadRecords },
): (record: unknown) => void {
  return (record) => {
    progress.recordsRead = ++place.recordsRead;
    let returned: unknown;
    staged.open();
    try {
      returned = map(record, context);
    } catch (thrown) {
      staged.drop();
      const error = userCodeError('map', thrown, place.position());
      // What the engine throws is no fault of the record: a value that no codec can encode, a disk that is full.
      if (error.name !== 'UserCodeError') throw place.failed(error);
      bad.add({ message: error.message, offset: place.reader!.offset() }, place.file);
      return;
    }
    try {
      if (returned !== undefined) refuseReturned('map', returned);
      staged.commit();
    } catch (error) {
      throw place.failed(userCodeError('map', error, place.details()));
    }
  };
}

/** What the pieces of a split held, in the units in which the barrier compares them with the plan. */
class ReadTotals {
  #bytesRead = 0;
  #plainBytesRead = 0;
  #plannedRecordsRead = 0;
  readonly #covered: CoveredRange[] = [];

  add(index: number, piece: SplitPiece, { unitsRead, covered }: PieceRead): void {
    if (piece.records !== undefined) {
      this.#plannedRecordsRead += unitsRead;
      this.#bytesRead += piece.endBytes - piece.startBytes;
      return;
    }
    this.#bytesRead += unitsRead;
    if (piece.file.compression !== 'none') return;
    this.#plainBytesRead += unitsRead;
    const isWhole = piece.startBytes === 0 && piece.endBytes === piece.file.sizeBytes;
    if (covered !== undefined && !isWhole) this.#covered.push({ piece: index, ...covered });
  }

  summary(): Pick<SplitRead, 'bytesRead' | 'plainBytesRead' | 'plannedRecordsRead' | 'covered'> {
    return {
      bytesRead: this.#bytesRead,
      plainBytesRead: this.#plainBytesRead,
      ...(this.#plannedRecordsRead === 0 ? {} : { plannedRecordsRead: this.#plannedRecordsRead }),
      ...(this.#covered.length === 0 ? {} : { covered: this.#covered }),
    };
  }
}
