/**
 * Turns the merged records of a partition into results, group by group. Three ways, by what the job's reduce is:
 *
 *   'each'                              every record goes straight from its block to the output, undecoded
 *   'sum' 'min' 'max' 'count' 'combined'   one accumulator a group, whatever its size
 *   a function                          the group's values are gathered and handed over lazily
 */
import type { JobShuffle, ParameterValues, ReduceContext, ReduceFunction } from '../api/job.ts';
import { refuseLateEmit, setUp, userCodeError } from '../api/user-code.ts';
import type { MapReduceError } from '../base/errors.ts';
import { refuseReturned } from '../base/user-returns.ts';
import type { Codec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { encodeNumberValue, NUMBER_VALUE_BYTES_MAX, numberValueCodec } from '../codec/number-value.ts';
import { printKey } from '../codec/print-key.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import type { ValueFold } from '../fold/fold.ts';
import { createFold } from '../fold/value-fold.ts';
import type { TaskEnvironment } from '../plan/task.ts';
import { GroupKey, type KWayMerge } from '../shuffle/merge.ts';
import { GroupValues } from './group-values.ts';
import type { ResultOutput } from './result-output.ts';

export interface GroupReducer {
  /** Consumes records until the merge must be awaited or the output wants to be flushed; true in the first case. */
  reduceStretch(merge: KWayMerge): boolean;
  /** The last group has ended. */
  finish(): void;
  close(): void;
  readonly recordsRead: number;
  readonly spills: number;
  readonly bytesSpilled: number;
}

/** The codec of the values that the reducer passes to ResultOutput.emitEncoded(). */
export function resultValueCodec(shuffle: JobShuffle): Codec<unknown> {
  return shuffle.reduce === 'count' ? (numberValueCodec as Codec<unknown>) : shuffle.value;
}

export function createGroupReducer(
  environment: TaskEnvironment,
  output: ResultOutput,
  count: (counter: string, amount?: number) => void,
): GroupReducer {
  const shuffle = environment.job.shuffle!;
  const reduce = shuffle.reduce;
  if (typeof reduce === 'function') return new FunctionReducer(environment, reduce, output, count);
  switch (reduce) {
    case 'each':
      return new EachReducer(output);
    case 'count':
      return new FoldReducer(new CountFold(), output, shuffle);
    case 'combined':
      return new FoldReducer(createFold(shuffle, environment.progress)!, output, shuffle);
    case 'sum':
    case 'min':
    case 'max':
      return new FoldReducer(
        createFold({ ...shuffle, combine: reduce }, environment.progress)!,
        output,
        shuffle,
      );
  }
}

class EachReducer implements GroupReducer {
  recordsRead = 0;
  readonly spills = 0;
  readonly bytesSpilled = 0;
  readonly #output: ResultOutput;

  constructor(output: ResultOutput) {
    this.#output = output;
  }

  reduceStretch(merge: KWayMerge): boolean {
    const output = this.#output;
    for (;;) {
      output.emitEncoded(merge.current);
      this.recordsRead++;
      if (!merge.next()) return true;
      if (output.wantsFlush) return false;
    }
  }

  finish(): void {}

  close(): void {}
}

class FoldReducer implements GroupReducer {
  recordsRead = 0;
  readonly spills = 0;
  readonly bytesSpilled = 0;
  readonly #fold: ValueFold;
  readonly #output: ResultOutput;
  readonly #shuffle: JobShuffle;
  readonly #key = new GroupKey();
  readonly #value = new GrowableSink(64);
  readonly #folded = new RecordSlice();
  #open = false;

  constructor(fold: ValueFold, output: ResultOutput, shuffle: JobShuffle) {
    this.#fold = fold;
    this.#output = output;
    this.#shuffle = shuffle;
  }

  reduceStretch(merge: KWayMerge): boolean {
    const fold = this.#fold;
    const key = this.#key;
    for (;;) {
      const record = merge.current;
      this.recordsRead++;
      if (this.#open && key.holds(record)) {
        this.#add(record.valueBytes, record.valueStart, record.valueEnd);
      } else {
        this.finish();
        key.take(record);
        fold.start(record.valueBytes, record.valueStart, record.valueEnd);
        this.#open = true;
      }
      if (!merge.next()) return true;
      if (this.#output.wantsFlush) return false;
    }
  }

  finish(): void {
    if (!this.#open) return;
    this.#open = false;
    const value = this.#value;
    value.reset();
    try {
      this.#fold.writeTo(value);
    } catch (error) {
      throw this.#naming(error);
    }
    const folded = this.#folded;
    folded.keyBytes = this.#key.bytes;
    folded.keyEnd = this.#key.end;
    folded.valueBytes = value.bytes;
    folded.valueEnd = value.end;
    this.#output.emitEncoded(folded);
  }

  close(): void {}

  #add(bytes: Buffer, start: number, end: number): void {
    try {
      this.#fold.add(bytes, start, end);
    } catch (error) {
      throw this.#naming(error);
    }
  }

  #naming(error: unknown): MapReduceError {
    return userCodeError('combine', error, {
      groupKey: printKey(this.#shuffle.key, this.#key.bytes, 0, this.#key.end),
    });
  }
}

class CountFold implements ValueFold {
  value = 0;

  start(): void {
    this.value = 1;
  }

  add(): void {
    this.value++;
  }

  writeTo(sink: GrowableSink): void {
    sink.reserve(NUMBER_VALUE_BYTES_MAX);
    sink.end = encodeNumberValue(this.value, sink.bytes, sink.end);
  }
}

/** Of the attempt's memory: what a group may hold before it goes to disk. */
const GROUP_MEMORY_FRACTION = 0.1;

class FunctionReducer implements GroupReducer {
  recordsRead = 0;
  readonly #reduce: ReduceFunction<unknown, unknown, unknown, unknown, ParameterValues, unknown>;
  readonly #context: ReduceContext<unknown, unknown, ParameterValues, unknown>;
  readonly #output: ResultOutput;
  readonly #shuffle: JobShuffle;
  readonly #key = new GroupKey();
  readonly #values: GroupValues;
  #open = false;
  #isReducing = false;
  #failure: unknown;

  constructor(
    environment: TaskEnvironment,
    reduce: ReduceFunction<unknown, unknown, unknown, unknown, ParameterValues, unknown>,
    output: ResultOutput,
    count: (counter: string, amount?: number) => void,
  ) {
    const { job, settings, memoryBytes, scratchFolder, progress } = environment;
    this.#reduce = reduce;
    this.#output = output;
    this.#shuffle = job.shuffle!;
    this.#values = new GroupValues({
      codec: this.#shuffle.value,
      memoryBytes: Math.floor(memoryBytes * GROUP_MEMORY_FRACTION),
      path: `${scratchFolder}/group`,
      progress,
    });
    this.#context = {
      params: settings.params,
      state: setUp(job, settings.params),
      count,
      emit: (key, value) => {
        if (!this.#isReducing) refuseLateEmit('reduce');
        progress.steps++;
        try {
          output.emit(key, value, this.#key.bytes, 0, this.#key.end);
        } catch (error) {
          // User code may swallow it; the record would be missing.
          this.#failure ??= error;
          throw error;
        }
      },
    };
  }

  get spills(): number {
    return this.#values.spills;
  }

  get bytesSpilled(): number {
    return this.#values.bytesSpilled;
  }

  reduceStretch(merge: KWayMerge): boolean {
    const key = this.#key;
    const values = this.#values;
    for (;;) {
      const record = merge.current;
      this.recordsRead++;
      if (!this.#open || !key.holds(record)) {
        this.finish();
        key.take(record);
        this.#open = true;
      }
      values.add(record.valueBytes, record.valueStart, record.valueEnd);
      if (!merge.next()) return true;
      if (this.#output.wantsFlush) return false;
    }
  }

  finish(): void {
    if (!this.#open) return;
    this.#open = false;
    const { bytes, end } = this.#key;
    try {
      const key = this.#shuffle.key.decode(bytes, 0, end);
      this.#isReducing = true;
      const returned: unknown = this.#reduce(key, this.#values.current(), this.#context);
      this.#isReducing = false;
      if (returned !== undefined) refuseReturned('reduce', returned);
      if (this.#failure !== undefined) throw this.#failure;
    } catch (error) {
      throw userCodeError('reduce', error, { groupKey: printKey(this.#shuffle.key, bytes, 0, end) });
    }
    this.#values.clear();
  }

  close(): void {
    this.#values.close();
  }
}
