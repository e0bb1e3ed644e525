/**
 * What a user writes: a job, as one typed value. `combine` and `reduce` receive the types that `map` emits; a wrong type
 * does not compile.
 *
 * @example
 * export default defineJob({
 *   name: 'word-count',
 *   description: 'How often each word occurs',
 *   input: textLines(),
 *   key: 'string',
 *   value: 'number',
 *   map(line, { emit }) {
 *     for (const word of line.toLowerCase().match(/\p{L}+/gu) ?? []) emit(word, 1);
 *   },
 *   combine: 'sum',
 *   reduce: 'sum',
 *   output: tsv(),
 * });
 */
import type { Codec, EmittedOf, KeyCodec, KeyType, TypeOf, ValueType } from '../codec/codec.ts';
import type { Sink } from '../formats/sink.ts';
import type { Source } from '../formats/source.ts';

/**
 * One parameter of a job, set with `--set name=value`. It is required unless it has a default.
 *
 * - 'string': any text, or one of `choices`
 * - 'number': a finite number
 * - 'boolean': `true` or `false`
 *
 * @example
 * { type: 'string', choices: ['keep', 'lower'], default: 'keep', description: 'letter case of the words' }
 */
export type ParameterSpec =
  | {
      readonly type: 'string';
      /** The value of a run that does not set the parameter; one of `choices`, if there are any. */
      readonly default?: string;
      /** The values allowed; any text is, without them. */
      readonly choices?: readonly string[];
      /** Shown in help texts, and in the message about a missing value. */
      readonly description: string;
    }
  | {
      readonly type: 'number';
      /** The value of a run that does not set the parameter; finite. */
      readonly default?: number;
      readonly description: string;
    }
  | {
      readonly type: 'boolean';
      /** The value of a run that does not set the parameter. */
      readonly default?: boolean;
      readonly description: string;
    };

/** A job's parameters by name. A name is letters, digits, dashes and underscores, and starts with a letter. */
export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

/**
 * The values of a job's parameters, as its functions receive them in `params`.
 *
 * @example
 * // { case: { type: 'string', choices: ['lower', 'keep'], ... }, least: { type: 'number', ... } } gives
 * { readonly case: 'lower' | 'keep'; readonly least: number }
 */
export type ParametersOf<P extends ParameterSpecs> = {
  readonly [N in keyof P]: P[N] extends { readonly choices: readonly (infer C)[] }
    ? C
    : P[N] extends { readonly type: 'number' }
      ? number
      : P[N] extends { readonly type: 'boolean' }
        ? boolean
        : string;
};

/** Where a record came from. */
export interface RecordPosition {
  /** The input file: an absolute path, or an object key. */
  readonly file: string;
  /** The byte at which the record starts, in the uncompressed file; 0 for an input that counts records. */
  readonly offsetBytes: number;
  /** The number of the record, from 0, for an input that counts records: generated input, typed parts of another job. */
  readonly record?: number;
}

/** What both `map` and `reduce` receive as their last argument. Its members may be destructured. */
export interface TaskContext<P, S> {
  /** The values of the job's parameters, defaults filled in. */
  readonly params: P;
  /** What `setup` returned for this attempt; undefined for a job without `setup`. */
  readonly state: S;
  /**
   * Adds `amount` (default 1; any finite number) to one of the job's counters, which the report and the manifest show.
   * Only the counts of committed attempts are added up, so a retry never counts twice.
   *
   * @throws JobDefinitionError for an amount or a sum that is not finite, and for more than 1,000 names of counters
   *
   * @example
   * if (fields.length !== 3) count('bad lines');
   */
  readonly count: (counter: string, amount?: number) => void;
}

/** What `map` receives beside the record. `E` is the type of `emit`. */
export interface MapContextOf<E, P, S> extends TaskContext<P, S> {
  /**
   * Emits one key and its value. Call it any number of times for a record, but only while `map` runs. The key and the value
   * are encoded immediately, so both may be changed afterwards.
   *
   * @throws UnencodableValueError for what the job's `key` or `value` type cannot hold
   * @throws RecordTooLargeError for a key and value of more than 256 MiB, or a quarter of the worker's memory
   * @throws JobDefinitionError if it is called after `map` has returned
   */
  readonly emit: E;
  /** The file that the current record came from: an absolute path, or an object key. */
  readonly file: string;
  /** The file and byte offset of the current record. Slow: call it for messages, not for every record. */
  readonly position: () => RecordPosition;
}

/** What `map` receives beside the record, if it emits keys and values. */
export interface MapContext<K, V, P, S> extends MapContextOf<(key: K, value: V) => void, P, S> {
  /**
   * Emits each of the keys with the same value. The words of a line (`wordsOf`, `line.words()`) are emitted about twice as fast as
   * one by one.
   *
   * @throws what `emit` throws
   *
   * @example
   * map: (line, { emitAll }) => emitAll(line.words(), 1), // of bytesLines()
   */
  readonly emitAll: (keys: Iterable<K>, value: V) => void;
}

/** What a job may have as `output`: one output format, or several by name. */
export type Outputs = NamedOutputs | Sink<never, never>;
/** Output formats by name. */
export interface NamedOutputs {
  readonly [name: string]: Sink<never, never>;
}

/** The `emit` of a job with this `output`: a function, or one for each named output: `emit.starts(key, value)`. */
export type EmitTo<U> = [U] extends [Sink<infer K, infer V>]
  ? (key: K, value: V) => void
  : { readonly [N in keyof U]: U[N] extends Sink<infer K, infer V> ? (key: K, value: V) => void : never };

/** What `reduce` receives beside the key and its values. `U` is the type of the job's `output`. */
export interface ReduceContext<U, P, S> extends TaskContext<P, S> {
  /**
   * Writes one record of the result. Call it any number of times for a key, but only while `reduce` runs. With several outputs
   * it is an object with one function for each: `emit.starts(key, value)`.
   *
   * @throws UnencodableValueError for what the job's `output` format cannot hold
   * @throws JobDefinitionError if it is called after `reduce` has returned
   */
  readonly emit: EmitTo<U>;
}

/** Combiners by name, for values that are numbers or tuples of numbers. Tuples are combined part by part. */
export type NamedCombiner = 'sum' | 'min' | 'max';
/**
 * Folds two values of one key into one, and returns it. It must be associative, since values are combined in the order in
 * which they were emitted, but grouped in any way. It must return a value of the same type, without changing its arguments.
 *
 * @example
 * // The longest word of each key:
 * combine: (a, b) => (b.length > a.length ? b : a),
 */
export type PairwiseCombiner<V> = (accumulated: V, value: V) => V;
/** What a job with this `value` may have as `combine`: a function, or a name if its values are numbers. */
export type Combiner<VT extends ValueType, Named extends NamedCombiner = NamedCombiner> =
  | ((accumulated: TypeOf<VT>, value: TypeOf<VT>) => TypeOf<VT> | TupleHint)
  | NumericOnly<VT, Named>;

/**
 * No value has this type. In a return type, it makes the compiler infer `[a[0] + b[0], a[1] + b[1]]` as a tuple and not as
 * `number[]`, which would not be assignable to the job's value.
 */
type TupleHint = readonly [never];

// Decided by the declared type, as the engine does: it does not add up json<number>(), which it treats as JSON.
type NumericOnly<VT extends ValueType, Names> = VT extends 'number' | readonly 'number'[] ? Names : never;

/**
 * Reducers by name:
 * - 'sum', 'min', 'max': one record per key, for values that are numbers or tuples of numbers. Without `combine`, the
 *   job also combines its map output this way;
 * - 'count': one record per key, the number of its values, of any type;
 * - 'combined': one record per key, its values folded by the job's `combine`;
 * - 'each': one record per value, unchanged, sorted by key, values of one key in the order of the input.
 */
export type NamedReducer = NamedCombiner | 'count' | 'combined' | 'each';

/** The named reducers that fit the job's value, combiner and output. */
type NamedReducerFor<KT extends KeyType, VT extends ValueType, U, C> = [U] extends [Sink<infer OK, infer OV>]
  ? NamedReducerInto<KT, VT, OK, OV, C>
  : 'a function, since a job with several outputs must say which of them a record goes to';
type NamedReducerInto<KT extends KeyType, VT extends ValueType, OK, OV, C> =
  TypeOf<KT> extends OK
    ?
        | (TypeOf<VT> extends OV
            ? Extract<'combined' | 'each' | NumericOnly<VT, NamedCombiner>, ReducerBeside<C>>
            : OutputMismatch<'value'>)
        | (number extends OV ? Extract<'count', ReducerBeside<C>> : never)
    : OutputMismatch<'key'>;
/** The rule of combine-rules.ts for combiners that have a name. defineJob() checks the rest. */
type ReducerBeside<C> = [C] extends [never] ? NamedReducer : C | 'combined';
/** Never a real value: the compiler shows it in its message. */
type OutputMismatch<Field extends string> =
  `a function, since output cannot hold the job's ${Field} as it is`;

/**
 * What map and reduce return. `void` alone would let a function return anything: a generator, a promise or an array of
 * pairs, all of which would be lost.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: what emit() returns is void, as in (line, { emit }) => emit(line, 1).
export type Nothing = void | undefined;

/**
 * A reducer of the user's. It is called once per key, keys in ascending order, and is synchronous. `values` holds the values
 * of the key (or what `combine` made of them) in the order of the input. It is read lazily and only once, so a group may be
 * larger than memory.
 *
 * @example
 * reduce(word, counts, { emit }) {
 *   let total = 0;
 *   for (const count of counts) total += count;
 *   if (total >= 10) emit(word, total);
 * }
 */
export type ReduceFunction<K, V, U, P, S> = (
  key: K,
  values: Iterable<V>,
  context: ReduceContext<U, P, S>,
) => Nothing;

/**
 * Returns the partition of a key: a whole number in [0, partitions); anything else is a PartitionOutOfRangeError. It must
 * depend on its arguments only, so that all values of a key go to the same reduce task.
 *
 * @example
 * // All keys of one year in one part:
 * partition: ([year], partitions) => year % partitions,
 */
export type PartitionFunction<K, P> = (key: K, partitions: number, params: P) => number;

/** Partitions of ascending, disjoint ranges of keys, whose boundaries come from a sample of the input. Made by `byRange()`. */
export interface RangePartitioner {
  /** Distinguishes it from a function. */
  readonly kind: 'range';
  /** How many keys to sample at most. */
  readonly samplesMax: number;
}

/**
 * How many records of the input may be bad before the job fails. The count is for the whole job.
 *
 * @example
 * onBadRecord: { skip: 100 },
 */
export interface BadRecordPolicy {
  /** A whole number of at least 0. One more bad record fails the job with the first of them. */
  readonly skip: number;
  /**
   * Whether a record on which `map` throws is bad too. Such a record contributes nothing: what it emitted and counted before
   * is dropped. Default: false; then the error fails the attempt.
   */
  readonly thrown?: boolean;
}

interface CommonDefinition<P extends ParameterSpecs, S> {
  /** 1 to 63 lower-case letters, digits and dashes. Part of job ids and reports. */
  readonly name: string;
  /** One line for lists of jobs and help texts. */
  readonly description: string;
  /**
   * What happens to malformed records: those that the input format or its schema refuses. Those skipped are counted, and the
   * first thousand are listed in `_bad.jsonl` beside the result. Default: the first one fails the job.
   */
  readonly onBadRecord?: BadRecordPolicy;
  /**
   * The job's parameters, which every run may set anew with `--set name=value`. The job's functions receive their values
   * as `params`. Default: none.
   *
   * @example
   * params: { least: { type: 'number', default: 1, description: 'least length of a word' } },
   */
  readonly params?: P;
  /**
   * Runs once per attempt, before its first record, and once when the job is planned: compile a regular expression, build a
   * table. `map` and `reduce` receive what it returns as `state`. It is synchronous. Write it above `map`: the
   * compiler reads from top to bottom, and takes the type of `state` from here.
   *
   * @example
   * setup: ({ pattern }) => new RegExp(pattern, 'u'),
   */
  readonly setup?: (params: ParametersOf<P>) => S;
}

/** The record types of several inputs by name. */
export type RecordsByName = Readonly<Record<string, unknown>>;

/**
 * The part of a definition that depends on its input: one format and one `map`, or several of both by name. `R` is the type
 * of the only input's records, `N` the object of the types of several.
 */
interface InputDefinition<R, N, C> {
  /**
   * The input format. It turns the bytes of the input files into the records that `map` receives. A job with several
   * inputs has an object of formats by name, and the run names the files of each: `--input users=u.jsonl
   * --input events=logs/`.
   *
   * @example
   * input: textLines(),
   * @example
   * input: { users: jsonLines<User>(), events: csv(['user', 'url']) },
   */
  readonly input: Source<R> | { readonly [K in keyof N]: Source<N[K]> };
  /**
   * Called once per input record: emits any number of keys and values, and returns nothing. It is synchronous, and the same
   * record must always give the same output, since an attempt may be repeated. A job with several inputs has one function
   * for each.
   *
   * What it throws fails the attempt with a UserCodeError that names the file and the byte offset of the record. The task is
   * retried, by default up to 4 attempts in all, and then the job fails.
   *
   * @example
   * map(line, { emit, count }) {
   *   const [user, bytes] = line.split(' ');
   *   if (bytes === undefined) return count('bad lines');
   *   emit(user, Number(bytes));
   * }
   * @example
   * map: {
   *   users: (user, { emit }) => emit(user.id, ['name', user.name]),
   *   events: (event, { emit }) => emit(event.user, ['url', event.url]),
   * },
   */
  readonly map:
    | ((record: R, context: C) => Nothing)
    | { readonly [K in keyof N]: (record: N[K], context: C) => Nothing };
}

/** What `map` of a job with a shuffle receives beside the record. */
export type ShuffleMapContext<
  KT extends KeyType,
  VT extends ValueType,
  P extends ParameterSpecs,
  S,
> = MapContext<EmittedOf<KT>, EmittedOf<VT>, ParametersOf<P>, S>;

/** What `map` of a map-only job receives beside the record. */
export type MapOnlyContext<U, P extends ParameterSpecs, S> = MapContextOf<EmitTo<U>, ParametersOf<P>, S>;

/** The definition of a job with a shuffle: map -> combine -> partition -> reduce. */
export interface ShuffleJobDefinition<
  R,
  N,
  KT extends KeyType,
  VT extends ValueType,
  U extends Outputs,
  P extends ParameterSpecs,
  S,
  C extends NamedCombiner = NamedCombiner,
> extends CommonDefinition<P, S>,
    InputDefinition<R, N, ShuffleMapContext<KT, VT, P, S>> {
  /**
   * The type of the keys that `map` emits: `'string'`, `'number'`, `'bytes'`, a tuple of types, `json<T>()`, or a KeyCodec
   * of your own. `reduce` receives keys in ascending order: numbers as numbers, text by code point, tuples part by part.
   *
   * @example
   * key: ['string', 'number'],   // emit(['be', 1603], 1)
   */
  readonly key: KT;
  /**
   * The type of the values that `map` emits: `'string'`, `'number'`, `'bytes'`, a tuple of types, `json<T>()`, or a Codec of
   * your own.
   *
   * @example
   * value: json<{ readonly user: string; readonly bytes: number }>(),
   */
  readonly value: VT;
  /**
   * Folds values of one key before the shuffle, which then moves less data: `'sum'`, `'min'`, `'max'`, a ready-made combiner
   * such as `topN()` or `distinct()`, or an associative function. It runs any number of times, also not at all, so
   * `reduce` must give the same result from combined values as from single ones: a function, or `'combined'`, or the name
   * of the combiner. Default: none, except that `reduce: 'sum'`, `'min'` and `'max'` combine by themselves.
   *
   * @example
   * combine: (a, b) => (b.length > a.length ? b : a),
   * reduce: 'combined',
   */
  readonly combine?: Combiner<VT, C>;
  /**
   * Which reduce task receives a key: `byRange()` for parts in ascending order of keys, or a function (key, partitions,
   * params). Default: a hash of the encoded key.
   */
  readonly partition?: PartitionFunction<TypeOf<KT>, ParametersOf<P>> | RangePartitioner;
  /**
   * Makes the result of each key from its values: `'sum'`, `'min'`, `'max'`, `'count'`, `'combined'`, `'each'` (see
   * NamedReducer), or a function (key, values, context) that emits any number of records and returns nothing. What the
   * function throws fails the attempt with a UserCodeError that names the key.
   *
   * @example
   * reduce(user, sizes, { emit }) {
   *   let total = 0;
   *   for (const size of sizes) total += size;
   *   emit(user, total);
   * }
   */
  readonly reduce:
    | NamedReducerFor<KT, VT, U, NoInfer<C>>
    | ReduceFunction<TypeOf<KT>, TypeOf<VT>, U, ParametersOf<P>, S>;
  /**
   * The output format. It writes the records that `reduce` emits to `part-r-00000.<extension>` and so on, one part per
   * reduce task, sorted by key within each part.
   *
   * Several outputs are an object of formats; `emit` is then an object of functions with the same names, and each output has a
   * folder of its name: `<output>/starts/part-r-00000.<attempt>.csv`. `inFolders()` and `inFiles()` also write several files.
   *
   * @example
   * output: tsv(),
   *
   * @example
   * output: { starts: csv(['user', 'ts']), strangers: jsonLines<Stranger>() },   // emit.starts(null, { user, ts })
   */
  readonly output: U;
  /**
   * How many reduce tasks, and so how many parts: a whole number from 1 to 10,000. A run may override it with
   * `--reducers`. Default: a number that fits the size of the input: 1 below 8 MiB, then one per
   * 64 MiB, from 4 to 40, about 250 for a terabyte, and one per 8 GiB above 4 TiB.
   */
  readonly reducers?: number;
}

/** The definition of a job without a shuffle: what `map` emits is the result, in the order of the input. */
export interface MapOnlyJobDefinition<R, N, U extends Outputs, P extends ParameterSpecs, S>
  extends CommonDefinition<P, S>,
    InputDefinition<R, N, MapOnlyContext<U, P, S>> {
  /**
   * The output format. It writes the records that `map` emits to `part-m-00000.<extension>` and so on, one part per map task.
   * Several outputs are an object of formats, as for a job with a reduce.
   *
   * @example
   * output: lines(),
   */
  readonly output: U;
  /** Makes the job map-only by its absence. With a `reduce`, the job is a ShuffleJobDefinition. */
  readonly reduce?: undefined;
  /** Needs a `reduce`. */
  readonly key?: undefined;
  /** Needs a `reduce`. */
  readonly value?: undefined;
  /** Needs a `reduce`. */
  readonly combine?: undefined;
  /** Needs a `reduce`. */
  readonly partition?: undefined;
  /** Needs a `reduce`. */
  readonly reducers?: undefined;
}

/** A checked job, as the engine runs it: the types of the user's keys and values are erased. Made by `defineJob` only. */
export interface Job {
  /** The name that the definition gives. */
  readonly name: string;
  /** One line; empty if the definition has none. */
  readonly description: string;
  /** The inputs; a piece of the plan names its input by the index in this list. */
  readonly inputs: readonly JobInput[];
  /** Undefined if the definition has none: the first bad record fails the job. */
  readonly onBadRecord: BadRecordPolicy | undefined;
  /** The parameters by name; empty if the definition has none. */
  readonly params: ParameterSpecs;
  /** Undefined if the definition has none. */
  readonly setup: ((params: ParameterValues) => unknown) | undefined;
  /** The output formats. */
  readonly output: JobOutput;
  /** Undefined for a map-only job. */
  readonly shuffle: JobShuffle | undefined;
}

export interface JobOutput {
  /** Ends the names of parts. If there are several outputs, that of the first. */
  readonly extension: string;
  readonly sinks: readonly NamedSink[];
  /** Whether a task may write several files: the outputs have names, or are in folders or in files of a target size. */
  readonly severalFiles: boolean;
}

export interface NamedSink {
  /** Undefined for the only output of a job. */
  readonly name: string | undefined;
  readonly sink: Sink<unknown, unknown>;
}

export interface JobInput {
  /** Undefined for the input of a job that has only one, without a name. */
  readonly name: string | undefined;
  readonly source: Source<unknown>;
  /** The user's function. What it returns must be undefined, which the engine checks. */
  readonly map: (record: unknown, context: MapContext<unknown, unknown, ParameterValues, unknown>) => unknown;
}

export interface JobShuffle {
  readonly key: KeyCodec<unknown>;
  readonly value: Codec<unknown>;
  readonly combine: NamedCombiner | PairwiseCombiner<unknown> | undefined;
  readonly partition: PartitionFunction<unknown, ParameterValues> | RangePartitioner | undefined;
  readonly reduce:
    | NamedReducer
    | ReduceFunction<unknown, unknown, Sink<unknown, unknown>, ParameterValues, unknown>;
  readonly reducers: number | undefined;
}

export type ParameterValue = string | number | boolean;
/** The values of a job's parameters, checked against its specs. */
export type ParameterValues = Readonly<Record<string, ParameterValue>>;
