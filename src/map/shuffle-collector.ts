/**
 * Collects the records that map emits, and writes them into one shuffle object, sorted and combined, within a memory
 * budget. The fold table also takes tuples of numbers that a named combiner folds.
 *
 *     emit --> fold table (numbers with a combiner) --+
 *                    | keys rarely repeat              +--> sorted run --> spill file ... --> merge --> shuffle object
 *     emit --> sort buffer (everything else) ---------+            \_ no spill: written directly _________/
 */
import type { JobShuffle } from '../api/job.ts';
import { refuseLateEmit } from '../api/user-code.ts';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { bytesCodec } from '../codec/bytes-codec.ts';
import { lineInBytes } from '../codec/bytes-range.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { isNumberValueCodec } from '../codec/number-value.ts';
import { isStringCodec } from '../codec/string-codec.ts';
import { numberTupleParts } from '../codec/tuple-value.ts';
import type { Words } from '../codec/words.ts';
import type { ValueFold } from '../fold/fold.ts';
import { createFold } from '../fold/value-fold.ts';
import type { TaskEnvironment } from '../plan/task.ts';
import { LocalRun, type LocalRunOptions } from '../shuffle/local-run.ts';
import { mergeInto, reduceRunCount } from '../shuffle/merge-runs.ts';
import { blockBytesOf, openRunsBudget } from '../shuffle/open-runs.ts';
import type { RunSegment } from '../shuffle/run-reader.ts';
import type { ShuffleObjectWriter } from '../shuffle/shuffle-object.ts';
import { FOLDED_PARTS_MAX } from './fold-memory.ts';
import { FoldTable } from './fold-table.ts';
import { createPartitioner, type Partitioner } from './partitioner.ts';
import { RecordBuffer } from './record-buffer.ts';
import { releaseTableMemory } from './thread-memory.ts';

/** Fraction of the attempt's memory for merging spills. The sort buffer keeps its memory meanwhile. */
const MERGE_FRACTION = 0.3;

export class ShuffleCollector {
  /** The job's emit. It changes when the fold table gives way to the sort buffer, so read it at every use. */
  emit: (key: unknown, value: unknown) => void;
  /** The job's emitAll, for words. */
  emitWords = (words: Words, value: unknown): void => this.#emitWords(words, value);
  spills = 0;
  bytesSpilled = 0;
  recordsEmitted = 0;

  readonly #environment: TaskEnvironment;
  readonly #shuffle: JobShuffle;
  readonly #partitioner: Partitioner;
  readonly #partitions: number;
  readonly #fold: ValueFold | undefined;
  readonly #sortBufferBytes: number;
  readonly #scratch: LocalRunOptions;
  #table: FoldTable | undefined;
  #buffer: RecordBuffer | undefined;
  readonly #runs: RunSegment[][] = [];
  /** The first failure inside emit. User code may have swallowed it, so it is thrown again at the end. */
  #failure: unknown;

  constructor(environment: TaskEnvironment) {
    const { job, settings, memoryBytes, control } = environment;
    this.#environment = environment;
    this.#shuffle = job.shuffle!;
    this.#partitions = settings.reducers;
    this.#partitioner = createPartitioner(job, settings);
    this.#scratch = {
      folder: environment.scratchFolder,
      compression: settings.compression,
      blockBytes: LIMITS.blockBytes,
    };
    this.#fold = createFold(this.#shuffle, environment.progress);
    this.#sortBufferBytes = Math.min(
      Math.floor(memoryBytes * LIMITS.sortBufferFraction),
      LIMITS.sortBufferBytesMax,
    );
    const { combine, key, value } = this.#shuffle;
    const parts = foldedParts(this.#shuffle);
    if (combine !== undefined && parts > 0) {
      this.#table = new FoldTable({
        codec: key,
        valueCodec: value,
        parts,
        combine,
        partitioner: this.#partitioner,
        partitions: this.#partitions,
        memoryBytes: this.#sortBufferBytes,
        full: () => this.#spill(),
        onStep: () => control.check(),
      });
      this.emit =
        parts === 1 ? this.#emitIntoTable(this.#table) : this.#emitTuplesIntoTable(this.#table, parts);
    } else {
      this.emit = this.#emitIntoBuffer(this.#newBuffer());
    }
  }

  /** Called between chunks of input. Switches to the sort buffer if the fold table does not pay off. */
  adapt(): void {
    const table = this.#table;
    if (table === undefined || !table.hardlyFolds) return;
    table.settle();
    // A large table is spilled, because table and buffer together would need too much memory.
    const isLarge = table.sizeBytes > this.#sortBufferBytes / 3;
    if (isLarge) this.#spill();
    const buffer = this.#newBuffer();
    this.#table = undefined;
    table.forEach((keys, keyStart, keyEnd, value, partition) => {
      buffer.startRecord();
      const length = keyEnd - keyStart;
      buffer.reserve(length);
      keys.copy(buffer.bytes, buffer.end, keyStart, keyEnd);
      buffer.end += length;
      buffer.endKey();
      this.#shuffle.value.encode(value, buffer);
      buffer.endRecord(partition);
    });
    this.emit = this.#emitIntoBuffer(buffer);
    table.close();
    if (isLarge) releaseTableMemory();
  }

  /**
   * Writes the emitted records into the shuffle object, all partitions in order. The writer can then commit, in the phase
   * 'writing'.
   */
  async finish(writer: ShuffleObjectWriter): Promise<void> {
    this.#refuseEmits();
    this.throwFailure();
    this.#table?.settle();
    const source = (this.#table ?? this.#buffer)!;
    const { control, meter } = this.#environment;
    const { phases } = meter;
    if (this.#runs.length === 0) {
      phases.enter('writing');
      while (!source.drain(writer.run, LIMITS.uploadChunkBytes, phases)) {
        control.check();
        await writer.flush();
      }
      return;
    }
    if (source.count > 0) this.#spill();
    await this.#mergeRuns(writer);
    phases.enter('writing');
  }

  async #mergeRuns(writer: ShuffleObjectWriter): Promise<void> {
    const { memoryBytes, control, meter } = this.#environment;
    const { phases } = meter;
    const fold = this.#fold;
    const blockBytes = blockBytesOf(this.#runs.flat());
    const options = {
      budget: openRunsBudget(memoryBytes * MERGE_FRACTION, blockBytes, this.#runs.length),
      folding: fold && { fold, key: this.#shuffle.key },
      control,
      timing: { phases, fetch: 'spilling', consume: 'sorting' } as const,
      scratch: this.#scratch,
      onMerged: ({ bytes }: { bytes: number }) => this.#countSpilled(bytes),
    };
    for (let partition = 0; partition < this.#partitions; partition++) {
      const segments = this.#runs.map((run) => run[partition]!).filter(({ records }) => records > 0);
      await mergeInto(writer, await reduceRunCount(segments, options), options);
      writer.run.endPartition();
    }
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Gives the memory back for the next attempt. Called whether the attempt succeeded or failed. */
  close(): void {
    this.#refuseEmits();
    this.#table?.close();
    this.#buffer?.close();
  }

  #refuseEmits(): void {
    this.emit = () => refuseLateEmit('map');
    this.emitWords = () => refuseLateEmit('map');
  }

  #newBuffer(): RecordBuffer {
    this.#buffer = new RecordBuffer({
      memoryBytes: this.#sortBufferBytes,
      partitions: this.#partitions,
      fold: this.#fold,
      spill: () => this.#spill(),
      onStep: () => this.#environment.control.check(),
    });
    return this.#buffer;
  }

  #emitIntoTable(table: FoldTable): (key: unknown, value: unknown) => void {
    const fail = this.#fail;
    return (key, value) => {
      this.recordsEmitted++;
      try {
        if (typeof value !== 'number') this.#refuse(value);
        table.emitFast(key, value);
      } catch (error) {
        fail(error);
      }
    };
  }

  #emitTuplesIntoTable(table: FoldTable, parts: number): (key: unknown, value: unknown) => void {
    const fail = this.#fail;
    return (key, value) => {
      this.recordsEmitted++;
      try {
        if (!isNumbers(value, parts)) this.#refuse(value);
        table.emitTuple(key, value);
      } catch (error) {
        fail(error);
      }
    };
  }

  #emitIntoBuffer(buffer: RecordBuffer): (key: unknown, value: unknown) => void {
    const keyCodec = this.#shuffle.key;
    const valueCodec = this.#shuffle.value;
    const isText = isStringCodec(valueCodec);
    const partitioner = this.#partitioner;
    const fail = this.#fail;
    return (key, value) => {
      this.recordsEmitted++;
      try {
        buffer.startRecord();
      } catch (error) {
        fail(error);
      }
      try {
        keyCodec.encode(key, buffer);
        buffer.endKey();
        const partition = partitioner.partitionOf(key, buffer.bytes, buffer.keyStart, buffer.end);
        if (isText && value === lineInBytes.text && buffer.endRecordWithLine(partition)) return;
        valueCodec.encode(value, buffer);
        buffer.endRecord(partition);
      } catch (error) {
        buffer.cancelRecord();
        fail(error);
      }
    };
  }

  #emitWords(keys: Words, value: unknown): void {
    const table = this.#table;
    const emitOne = (word: unknown): void => this.emit(word, value);
    if (typeof value !== 'number') {
      keys.visit(emitOne);
      return;
    }
    try {
      if (table !== undefined) this.recordsEmitted += table.emitWords(keys, value);
      else this.#bufferWords(keys, value, emitOne);
    } catch (error) {
      this.#fail(error);
    }
  }

  #bufferWords(words: Words, value: number, emitOne: (word: unknown) => void): void {
    const { key, value: valueCodec } = this.#shuffle;
    const buffer = this.#buffer!;
    const { byHash } = this.#partitioner;
    const isText = isStringCodec(key) || key === bytesCodec;
    if (buffer.appendsWords && byHash !== undefined && isText && isNumberValueCodec(valueCodec)) {
      this.recordsEmitted += buffer.appendWords(words, value, byHash, emitOne);
    } else {
      words.visit(emitOne);
    }
  }

  readonly #fail = (error: unknown): never => {
    this.#failure ??= error;
    throw error;
  };

  #refuse(value: unknown): never {
    this.#shuffle.value.encode(value, new GrowableSink());
    throw new MapReduceError(
      'UnencodableValueError',
      `emit's value must be ${this.#shuffle.value.name}; received ${String(value)}`,
    );
  }

  #spill(): void {
    this.#environment.meter.phases.time('spilling', () => this.#spillNow());
  }

  #spillNow(): void {
    const { control, meter } = this.#environment;
    const source = (this.#table ?? this.#buffer)!;
    control.check();
    const run = new LocalRun(`spill-${this.#runs.length}`, this.#scratch);
    try {
      while (!source.drain(run.writer, LIMITS.uploadChunkBytes, meter.phases)) control.check();
    } catch (error) {
      run.abandon();
      throw error;
    }
    this.#countSpilled(run.writer.bytesWritten);
    this.#runs.push(run.finish());
  }

  #countSpilled(bytes: number): void {
    this.spills++;
    this.bytesSpilled += bytes;
    this.#environment.progress.spills = this.spills;
    this.#environment.progress.bytesSpilled = this.bytesSpilled;
  }
}

/** How many numbers the fold table keeps for each key; 0 if it does not fold such values. */
function foldedParts({ combine, value }: JobShuffle): number {
  if (isNumberValueCodec(value)) return 1;
  const parts = typeof combine === 'string' ? numberTupleParts(value) : 0;
  return parts > 1 && parts <= FOLDED_PARTS_MAX ? parts : 0;
}

function isNumbers(value: unknown, parts: number): value is readonly number[] {
  if (!Array.isArray(value) || value.length !== parts) return false;
  for (let i = 0; i < parts; i++) {
    if (typeof value[i] !== 'number') return false;
  }
  return true;
}
