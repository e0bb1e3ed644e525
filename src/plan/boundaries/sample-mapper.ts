/** Runs the job's map on sampled records, and collects the encoded keys that it emits. */
import type { Job, MapContext, ParameterValues } from '../../api/job.ts';
import { createCounter, emitEach, setUp, userCodeError } from '../../api/user-code.ts';
import { isMapReduceError } from '../../base/errors.ts';
import { refuseReturned } from '../../base/user-returns.ts';
import { GrowableSink } from '../../codec/growable-sink.ts';
import { ThinnedSample } from './thinned-sample.ts';

export interface SampledRecord {
  readonly record: unknown;
  /** The index of the job's input. */
  readonly input: number;
  readonly file: string;
  readonly offset: () => number;
}

/** Keys of one record. Each stands for `weight` of the keys that the record emitted. */
export interface RecordKeys {
  readonly keys: readonly Buffer[];
  readonly weight: number;
}

const NO_KEYS: RecordKeys = { keys: [], weight: 1 };

export class SampleMapper {
  readonly #job: Job;
  readonly #context: MapContext<unknown, unknown, ParameterValues, unknown>;
  #current: SampledRecord | undefined;
  #keys = new ThinnedSample<Buffer>(1, 0);

  constructor(job: Job, params: ParameterValues) {
    this.#job = job;
    const codec = job.shuffle!.key;
    const sink = new GrowableSink(256);
    const file = () => this.#current?.file ?? '';
    const emit = (key: unknown): void => {
      const hash = this.#keys.next();
      if (hash === undefined) return;
      sink.reset();
      codec.encode(key, sink);
      this.#keys.keep(hash, Buffer.from(sink.bytes.subarray(0, sink.end)));
    };
    this.#context = {
      params,
      state: setUp(job, params),
      count: createCounter().count,
      emit,
      emitAll: emitEach(emit),
      get file() {
        return file();
      },
      position: () => this.#position(),
    };
  }

  /** Returns at most `keysMax` keys, and none if map throws: the map task will report what is wrong with the record. */
  map(sampled: SampledRecord, keysMax: number): RecordKeys {
    this.#current = sampled;
    this.#keys = new ThinnedSample(keysMax, 0);
    let returned: unknown;
    try {
      returned = this.#job.inputs[sampled.input]!.map(sampled.record, this.#context);
    } catch (thrown) {
      const error = userCodeError('map', thrown, this.#position());
      if (isMapReduceError(error, 'UserCodeError')) return NO_KEYS;
      throw error;
    }
    if (returned !== undefined) refuseReturned('map', returned);
    return { keys: this.#keys.items, weight: this.#keys.weight };
  }

  #position(): { file: string; offsetBytes: number } {
    return { file: this.#current?.file ?? '', offsetBytes: this.#current?.offset() ?? 0 };
  }
}
