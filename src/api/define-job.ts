import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import { taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { unsuitableKind } from '../base/user-returns.ts';
import type { KeyType, ValueType } from '../codec/codec.ts';
import { resolveKeyCodec, resolveValueCodec } from '../codec/resolve.ts';
import { isPartName, partName } from '../report/result-names.ts';
import { reducersBeside, whyPairIsRefused } from './combine-rules.ts';
import type {
  Job,
  MapOnlyJobDefinition,
  NamedCombiner,
  NamedReducer,
  ParameterSpecs,
  ShuffleJobDefinition,
} from './job.ts';

const NAMED_COMBINERS: readonly string[] = ['sum', 'min', 'max'] satisfies NamedCombiner[];
const NAMED_REDUCERS: readonly string[] = [
  'sum',
  'min',
  'max',
  'count',
  'combined',
  'each',
] satisfies NamedReducer[];
const JOB_NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
const PARAMETER_NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_-]*$/;

/**
 * Checks a job's definition and makes it runnable.
 *
 * Throws JobDefinitionError, naming the field, what was found and what is allowed.
 */
// Jobs with a shuffle come last: of several overloads, the compiler explains a mistake by the last one only.
export function defineJob<R, OK, OV, const P extends ParameterSpecs = Record<never, never>, S = undefined>(
  definition: MapOnlyJobDefinition<R, OK, OV, P, S>,
): Job;
export function defineJob<
  R,
  const KT extends KeyType,
  const VT extends ValueType,
  OK,
  OV,
  const P extends ParameterSpecs = Record<never, never>,
  S = undefined,
  C extends NamedCombiner = never,
>(definition: ShuffleJobDefinition<R, KT, VT, OK, OV, P, S, C>): Job;
export function defineJob(definition: AnyDefinition): Job {
  const name = definition.name;
  if (typeof name !== 'string' || !JOB_NAME_PATTERN.test(name)) {
    throw invalid(String(name), 'name', 'is 1 to 63 lower-case letters, digits and dashes', name);
  }
  if (typeof definition.map !== 'function')
    throw invalid(name, 'map', 'is a function (record, context)', definition.map);
  if (typeof definition.input?.createParser !== 'function') {
    throw invalid(name, 'input', 'is an input format, for example textLines()', definition.input);
  }
  if (typeof definition.output?.write !== 'function') {
    throw invalid(name, 'output', 'is an output format, for example tsv()', definition.output);
  }
  if (definition.setup !== undefined && typeof definition.setup !== 'function') {
    throw invalid(name, 'setup', 'is a function (params)', definition.setup);
  }
  for (const field of ['map', 'setup', 'combine', 'partition', 'reduce'] as const) {
    checkKind(name, field, definition[field]);
  }
  checkKind(name, 'input.createParser', definition.input.createParser);
  checkKind(name, 'output.write', definition.output.write);
  checkExtension(name, definition.output as { readonly extension?: unknown });
  checkParameters(name, definition.params ?? {});
  return {
    name,
    description: definition.description ?? '',
    input: definition.input as Job['input'],
    params: definition.params ?? {},
    setup: definition.setup as Job['setup'],
    map: definition.map as Job['map'],
    output: definition.output as Job['output'],
    shuffle: checkShuffle(name, definition),
  };
}

/** The loosest reading of what may be passed in: callers from JavaScript can pass anything. */
interface AnyDefinition {
  readonly name: string;
  readonly description?: string;
  readonly input: unknown & { createParser?: unknown };
  readonly output: unknown & { write?: unknown };
  readonly map: unknown;
  readonly setup?: unknown;
  readonly params?: ParameterSpecs;
  readonly key?: KeyType | undefined;
  readonly value?: ValueType | undefined;
  readonly combine?: unknown;
  readonly partition?: unknown;
  readonly reduce?: unknown;
  readonly reducers?: number | undefined;
}

/** It becomes part of the names of files: a path in it would lead out of the output. */
function checkExtension(name: string, { extension }: { readonly extension?: unknown }): void {
  if (typeof extension === 'string' && isPartName(partName(taskId('map', 0), extension))) return;
  throw invalid(
    name,
    'output.extension',
    "is letters, digits, '.', '_' and '-', for example 'tsv'",
    extension,
  );
}

function checkShuffle(name: string, definition: AnyDefinition): Job['shuffle'] {
  const { key, value, combine, partition, reduce, reducers } = definition;
  if (reduce === undefined) {
    for (const field of ['key', 'value', 'combine', 'partition', 'reducers'] as const) {
      if (definition[field] !== undefined) {
        throw invalid(
          name,
          field,
          "needs a reduce beside it; without reduce the job is map-only. Add reduce (for example 'each') or drop this field",
          definition[field],
        );
      }
    }
    return undefined;
  }
  if (key === undefined)
    throw invalid(name, 'key', "is the type of the keys that map emits, for example 'string'", key);
  if (value === undefined)
    throw invalid(name, 'value', "is the type of the values that map emits, for example 'number'", value);
  if (typeof reduce !== 'function' && !NAMED_REDUCERS.includes(reduce as string)) {
    throw invalid(
      name,
      'reduce',
      `is a function (key, values, context) or one of ${list(NAMED_REDUCERS)}`,
      reduce,
    );
  }
  if (
    combine !== undefined &&
    typeof combine !== 'function' &&
    !NAMED_COMBINERS.includes(combine as string)
  ) {
    throw invalid(
      name,
      'combine',
      `is a function (accumulated, value) or one of ${list(NAMED_COMBINERS)}`,
      combine,
    );
  }
  const keyCodec = ofJob(name, () => resolveKeyCodec(key));
  const valueCodec = ofJob(name, () => resolveValueCodec(value));
  const numeric = isNumeric(value);
  for (const [field, aggregation] of [
    ['combine', combine],
    ['reduce', reduce],
  ] as const) {
    if (NAMED_COMBINERS.includes(aggregation as string) && !numeric) {
      throw invalid(
        name,
        field,
        "by name works on value: 'number' or a tuple of numbers",
        `'${aggregation}' beside a value of type ${valueCodec.name}`,
      );
    }
  }
  checkPair(name, combine, reduce);
  if (
    partition !== undefined &&
    typeof partition !== 'function' &&
    (partition as { kind?: unknown }).kind !== 'range'
  ) {
    throw invalid(name, 'partition', 'is a function (key, partitions, params) or byRange()', partition);
  }
  if (
    reducers !== undefined &&
    !(Number.isInteger(reducers) && reducers >= 1 && reducers <= LIMITS.reducersMax)
  ) {
    throw invalid(name, 'reducers', `is a whole number from 1 to ${LIMITS.reducersMax}`, reducers);
  }
  type Shuffle = NonNullable<Job['shuffle']>;
  return {
    key: keyCodec,
    value: valueCodec,
    // A named reducer that is associative is its own combiner.
    combine: (combine ??
      (NAMED_COMBINERS.includes(reduce as string) ? reduce : undefined)) as Shuffle['combine'],
    partition: partition as Shuffle['partition'],
    reduce: reduce as Shuffle['reduce'],
    reducers,
  };
}

/** Calling an async function or a generator runs nothing of it, or drops what comes of it. */
function checkKind(name: string, field: string, candidate: unknown): void {
  const kind = unsuitableKind(candidate);
  if (kind === undefined) return;
  throw new MapReduceError(
    'JobDefinitionError',
    `job '${name}': ${field} is ${kind}; it must be an ordinary, synchronous function. ${kind.includes('generator') ? "Drop '*', and call emit() instead of yield" : "Drop 'async', and fetch what it needs at the top level of the job module (await works there)"}`,
    { details: { jobName: name } },
  );
}

function checkPair(name: string, combine: unknown, reduce: unknown): void {
  const why = whyPairIsRefused(combine, reduce);
  if (why === undefined) return;
  if (combine === undefined) throw invalid(name, 'reduce', why, reduce);
  throw invalid(
    name,
    'combine',
    `${why}. Drop combine, or let reduce be ${list(reducersBeside(combine))}, or a function that takes what combine returns for values, in the place of '${String(reduce)}'`,
    combine,
  );
}

function isNumeric(type: ValueType): boolean {
  return (
    type === 'number' || (Array.isArray(type) && type.length > 0 && type.every((part) => part === 'number'))
  );
}

function checkParameters(jobName: string, specs: ParameterSpecs): void {
  for (const [parameter, spec] of Object.entries(specs)) {
    if (!PARAMETER_NAME_PATTERN.test(parameter)) {
      throw invalid(
        jobName,
        `params.${parameter}`,
        'is named by letters, digits, dashes and underscores',
        parameter,
      );
    }
    if (!['string', 'number', 'boolean'].includes(spec?.type)) {
      throw invalid(
        jobName,
        `params.${parameter}.type`,
        `is 'string', 'number' or 'boolean', as in params: { ${parameter}: { type: 'string', default: 'x', description: '...' } }`,
        spec?.type,
      );
    }
    if (spec.default !== undefined && typeof spec.default !== spec.type) {
      throw invalid(jobName, `params.${parameter}.default`, `is a ${spec.type}`, spec.default);
    }
    if (spec.type === 'number' && spec.default !== undefined && !Number.isFinite(spec.default)) {
      throw invalid(jobName, `params.${parameter}.default`, 'is a finite number', spec.default);
    }
    if (
      spec.type === 'string' &&
      spec.choices &&
      spec.default !== undefined &&
      !spec.choices.includes(spec.default)
    ) {
      throw invalid(jobName, `params.${parameter}.default`, `is one of ${list(spec.choices)}`, spec.default);
    }
  }
}

/** Puts the job's name before what a codec has to say. */
function ofJob<T>(name: string, resolve: () => T): T {
  try {
    return resolve();
  } catch (error) {
    if (!isMapReduceError(error)) throw error;
    throw new MapReduceError(error.name, `job '${name}': ${error.message}`, { details: { jobName: name } });
  }
}

function invalid(job: string, field: string, rule: string, received: unknown): MapReduceError {
  return new MapReduceError(
    'JobDefinitionError',
    `job '${job}': ${field} ${rule}; received ${describe(received)}`,
    {
      details: { jobName: job },
    },
  );
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return 'a function';
  if (value === null || typeof value !== 'object') return String(value);
  return `an object with ${Object.keys(value).join(', ') || 'no fields'}`;
}

function list(choices: readonly string[]): string {
  return choices.map((choice) => `'${choice}'`).join(', ');
}
