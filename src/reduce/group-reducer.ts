/**
 * Turns the merged records of a partition into results, group by group. The job's reduce decides how:
 *
 *   'each'                                 copies every record from its block to the output without decoding it
 *   'sum' 'min' 'max' 'count' 'combined'   keeps one accumulator per group, whatever the size of the group
 *   a function                             collects the values of the group, and passes them on lazily
 */
import type { JobShuffle, ParameterValues, ReduceContext, ReduceFunction } from '../api/job.ts';
import { emitterOf, refuseLateEmit, setUp, userCodeError } from '../api/user-code.ts';
import { refuseReturned } from '../base/user-returns.ts';
import type { Codec } from '../codec/codec.ts';
import type { GrowableSink } from '../codec/growable-sink.ts';
import { encodeNumberValue, NUMBER_VALUE_BYTES_MAX, numberValueCodec } from '../codec/number-value.ts';
import { printKey } from '../codec/print-key.ts';
import type { TaskOutput } from '../commit/task-output.ts';
import type { ValueFold } from '../fold/fold.ts';
import { createFold } from '../fold/value-fold.ts';
import type { Sink } from '../formats/sink.ts';
import type { TaskEnvironment } from '../plan/task.ts';
import { type RecordConsumer, RecordCopier } from '../shuffle/consume-merge.ts';
import { GroupFolder } from '../shuffle/group-folder.ts';
import { GroupKey } from '../shuffle/group-key.ts';
import type { KWayMerge } from '../shuffle/merge.ts';
import { GroupValues } from './group-values.ts';

export interface GroupReducer extends RecordConsumer {
  /** Counts and closes the spills. Present only if reduce is a function, because other reducers do not spill. */
  readonly values?: Pick<GroupValues, 'spills' | 'bytesSpilled' | 'close'>;
}

/** The codec of the values that the reducer appends to the TaskOutput. */
export function resultValueCodec(shuffle: JobShuffle): Codec<unknown> {
  // The cast: the reducer 'count' appends only numbers.
  return shuffle.reduce === 'count' ? (numberValueCodec as Codec<unknown>) : shuffle.value;
}

export function createGroupReducer(
  environment: TaskEnvironment,
  output: TaskOutput,
  count: (counter: string, amount?: number) => void,
): GroupReducer {
  const shuffle = environment.job.shuffle!;
  const reduce = shuffle.reduce;
  if (typeof reduce === 'function') return new FunctionReducer(environment, reduce, output, count);
  switch (reduce) {
    case 'each':
      return new RecordCopier(output);
    case 'count':
      return new GroupFolder({ fold: new CountFold(), key: shuffle.key }, output);
    case 'combined':
      return folderBy(shuffle, environment, output);
    case 'sum':
    case 'min':
    case 'max':
      return folderBy({ ...shuffle, combine: reduce }, environment, output);
  }
}

function folderBy(shuffle: JobShuffle, { progress }: TaskEnvironment, output: TaskOutput): GroupFolder {
  return new GroupFolder({ fold: createFold(shuffle, progress)!, key: shuffle.key }, output);
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

type AnySink = Sink<unknown, unknown>;

/** Fraction of the attempt's memory that the values of a group may take before they are spilled. */
const GROUP_MEMORY_FRACTION = 0.1;

class FunctionReducer implements GroupReducer {
  recordsRead = 0;
  readonly #reduce: ReduceFunction<unknown, unknown, AnySink, ParameterValues, unknown>;
  readonly #context: ReduceContext<AnySink, ParameterValues, unknown>;
  readonly #output: TaskOutput;
  readonly #shuffle: JobShuffle;
  readonly #key = new GroupKey();
  readonly values: GroupValues;
  #open = false;
  #isReducing = false;
  #failure: unknown;

  constructor(
    environment: TaskEnvironment,
    reduce: ReduceFunction<unknown, unknown, AnySink, ParameterValues, unknown>,
    output: TaskOutput,
    count: (counter: string, amount?: number) => void,
  ) {
    const { job, settings, memoryBytes, scratchFolder, progress } = environment;
    this.#reduce = reduce;
    this.#output = output;
    this.#shuffle = job.shuffle!;
    this.values = new GroupValues({
      codec: this.#shuffle.value,
      memoryBytes: Math.floor(memoryBytes * GROUP_MEMORY_FRACTION),
      path: `${scratchFolder}/group`,
      progress,
    });
    this.#context = {
      params: settings.params,
      state: setUp(job, settings.params),
      count,
      emit: emitterOf(job, (key, value, to) => {
        if (!this.#isReducing) refuseLateEmit('reduce');
        progress.steps++;
        try {
          output.write(key, value, to, this.#key);
        } catch (error) {
          // User code may swallow the error, and the record would be missing.
          this.#failure ??= error;
          throw error;
        }
      }),
    };
  }

  takeStretch(merge: KWayMerge): boolean {
    const key = this.#key;
    const values = this.values;
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
      const returned: unknown = this.#reduce(key, this.values.current(), this.#context);
      this.#isReducing = false;
      if (returned !== undefined) refuseReturned('reduce', returned);
      if (this.#failure !== undefined) throw this.#failure;
    } catch (error) {
      throw userCodeError('reduce', error, { groupKey: printKey(this.#shuffle.key, bytes, 0, end) });
    }
    this.values.clear();
  }
}
