/**
 * What a user writes: a job, as one typed value. What `map` emits is what `combine` and `reduce` receive; a wrong type
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
import type { Codec, KeyCodec, KeyType, TypeOf, ValueType } from '../codec/codec.ts';
import type { InputFormat } from '../formats/input-format.ts';
import type { OutputFormat } from '../formats/output-format.ts';

/** A parameter of the job, set with `--set name=value`. Without a default it is required. */
export type ParameterSpec =
  | {
      readonly type: 'string';
      readonly default?: string;
      readonly choices?: readonly string[];
      readonly description: string;
    }
  | { readonly type: 'number'; readonly default?: number; readonly description: string }
  | { readonly type: 'boolean'; readonly default?: boolean; readonly description: string };

export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

/** `{ case: { type: 'string', choices: ['lower', 'keep'], ... } }` gives `{ case: 'lower' | 'keep' }`. */
export type ParametersOf<P extends ParameterSpecs> = {
  readonly [N in keyof P]: P[N] extends { readonly choices: readonly (infer C)[] }
    ? C
    : P[N] extends { readonly type: 'number' }
      ? number
      : P[N] extends { readonly type: 'boolean' }
        ? boolean
        : string;
};

/** Where a record came from: the input file (path or object key) and the byte at which the record starts. */
export interface RecordPosition {
  readonly file: string;
  readonly offsetBytes: number;
}

export interface TaskContext<P, S> {
  readonly params: P;
  /** What `setup` returned for this attempt. */
  readonly state: S;
  /** Adds to one of the job's counters. Only committed attempts count. */
  readonly count: (counter: string, amount?: number) => void;
}

export interface MapContext<K, V, P, S> extends TaskContext<P, S> {
  /** Hands on one key and its value. Safe to take apart: `map(line, { emit }) {...}`. */
  readonly emit: (key: K, value: V) => void;
  /** The file that the current record came from. */
  readonly file: string;
  readonly position: () => RecordPosition;
}

export interface ReduceContext<K, V, P, S> extends TaskContext<P, S> {
  /** Writes one record of the result. */
  readonly emit: (key: K, value: V) => void;
}

/** Combiners by name, for values that are numbers or tuples of numbers (which are taken part by part). */
export type NamedCombiner = 'sum' | 'min' | 'max';
/**
 * Folds two values of one key into one, and returns it. Must be associative: values are combined in the order in which they
 * were emitted, but grouped in any way.
 */
export type PairwiseCombiner<V> = (accumulated: V, value: V) => V;
/** What a job with this `value` may write for `combine`. */
export type Combiner<VT extends ValueType, Named extends NamedCombiner = NamedCombiner> =
  | PairwiseCombiner<TypeOf<VT>>
  | NumericOnly<VT, Named>;

// By the declared type, as the engine does: json<number>() is JSON to it, which it does not add up.
type NumericOnly<VT extends ValueType, Names> = VT extends 'number' | readonly 'number'[] ? Names : never;

/**
 * Reducers by name:
 * - 'sum', 'min', 'max': one record a key; the same is applied on the map side too, where no combiner is given;
 * - 'count': one record a key, the number of its values (numbers only in name: any value type is counted);
 * - 'combined': one record a key, its values folded by the job's `combine`;
 * - 'each': every key and value as they come, in order.
 */
export type NamedReducer = NamedCombiner | 'count' | 'combined' | 'each';

/** The named reducers that suit the job's value and combiner, where its output can hold what they emit. */
type NamedReducerFor<KT extends KeyType, VT extends ValueType, OK, OV, C> =
  TypeOf<KT> extends OK
    ?
        | (TypeOf<VT> extends OV
            ? Extract<'combined' | 'each' | NumericOnly<VT, NamedCombiner>, ReducerBeside<C>>
            : OutputMismatch<'value'>)
        | (number extends OV ? Extract<'count', ReducerBeside<C>> : never)
    : OutputMismatch<'key'>;
/** By the name of the combiner, if it has one, as combine-rules.ts has it. The rest is checked by defineJob(). */
type ReducerBeside<C> = [C] extends [never] ? NamedReducer : C | 'combined';
/** Never written by anyone: it stands in the compiler's message. */
type OutputMismatch<Field extends string> =
  `a function, since output cannot hold the job's ${Field} as it is`;

/**
 * What map and reduce return. As `void` alone it would let a function return anything: a generator, a promise, an array
 * of pairs, all of which would be lost.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: what emit() returns is void, as in (line, { emit }) => emit(line, 1).
export type Nothing = void | undefined;

/**
 * Called once a key, keys in ascending order. `values` is read lazily, once, in the order of the input; a group may be
 * larger than memory. Synchronous.
 */
export type ReduceFunction<K, V, OK, OV, P, S> = (
  key: K,
  values: Iterable<V>,
  context: ReduceContext<OK, OV, P, S>,
) => Nothing;

/** Answers a whole number in [0, partitions). Must depend on nothing but its arguments. */
export type PartitionFunction<K, P> = (key: K, partitions: number, params: P) => number;

/** Parts hold ascending, disjoint ranges of keys; the boundaries come from a sample of the input. Made by `byRange()`. */
export interface RangePartitioner {
  readonly kind: 'range';
  /** How many keys to sample. */
  readonly samplesMax: number;
}

interface CommonDefinition<R, P extends ParameterSpecs, S> {
  /** Lower-case letters, digits and dashes. */
  readonly name: string;
  readonly description: string;
  readonly input: InputFormat<R>;
  readonly params?: P;
  /**
   * Runs once an attempt, before its first record: compile a regular expression, build a table. Write it above `map`:
   * the compiler reads from top to bottom, and takes the type of `state` from here.
   */
  readonly setup?: (params: ParametersOf<P>) => S;
}

/** A job with a shuffle: map -> combine -> partition -> reduce. */
export interface ShuffleJobDefinition<
  R,
  KT extends KeyType,
  VT extends ValueType,
  OK,
  OV,
  P extends ParameterSpecs,
  S,
  C extends NamedCombiner = NamedCombiner,
> extends CommonDefinition<R, P, S> {
  readonly key: KT;
  readonly value: VT;
  readonly map: (record: R, context: MapContext<TypeOf<KT>, TypeOf<VT>, ParametersOf<P>, S>) => Nothing;
  /** combine-rules.ts says which reduce may stand beside it. */
  readonly combine?: Combiner<VT, C>;
  /** Default: by a hash of the encoded key. */
  readonly partition?: PartitionFunction<TypeOf<KT>, ParametersOf<P>> | RangePartitioner;
  readonly reduce:
    | NamedReducerFor<KT, VT, OK, OV, NoInfer<C>>
    | ReduceFunction<TypeOf<KT>, TypeOf<VT>, OK, OV, ParametersOf<P>, S>;
  readonly output: OutputFormat<OK, OV>;
  /** How many reduce tasks, so how many parts. Default: by the size of the input. */
  readonly reducers?: number;
}

/** A job without a shuffle: what map emits goes straight to `part-m-00000` and so on, in the order of the input. */
export interface MapOnlyJobDefinition<R, OK, OV, P extends ParameterSpecs, S>
  extends CommonDefinition<R, P, S> {
  readonly map: (record: R, context: MapContext<OK, OV, ParametersOf<P>, S>) => Nothing;
  readonly output: OutputFormat<OK, OV>;
  readonly reduce?: undefined;
  readonly key?: undefined;
  readonly value?: undefined;
  readonly combine?: undefined;
  readonly partition?: undefined;
  readonly reducers?: undefined;
}

/** A job as the engine holds it: checked, its types erased. Made by `defineJob` only. */
export interface Job {
  readonly name: string;
  readonly description: string;
  readonly input: InputFormat<unknown>;
  readonly params: ParameterSpecs;
  readonly setup: ((params: ParameterValues) => unknown) | undefined;
  readonly map: (record: unknown, context: MapContext<unknown, unknown, ParameterValues, unknown>) => unknown;
  readonly output: OutputFormat<unknown, unknown>;
  /** Undefined for a map-only job. */
  readonly shuffle: JobShuffle | undefined;
}

export interface JobShuffle {
  readonly key: KeyCodec<unknown>;
  readonly value: Codec<unknown>;
  readonly combine: NamedCombiner | PairwiseCombiner<unknown> | undefined;
  readonly partition: PartitionFunction<unknown, ParameterValues> | RangePartitioner | undefined;
  readonly reduce:
    | NamedReducer
    | ReduceFunction<unknown, unknown, unknown, unknown, ParameterValues, unknown>;
  readonly reducers: number | undefined;
}

/** The values of a job's parameters, checked against its specs. */
export type ParameterValue = string | number | boolean;
export type ParameterValues = Readonly<Record<string, ParameterValue>>;
