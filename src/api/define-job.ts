import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import { taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { nearestName } from '../base/nearest-name.ts';
import { unsuitableKind } from '../base/user-returns.ts';
import type { KeyType, ValueType } from '../codec/codec.ts';
import { resolveKeyCodec, resolveValueCodec } from '../codec/resolve.ts';
import type { Sink } from '../formats/sink.ts';
import type { Source } from '../formats/source.ts';
import { isPartName, partName } from '../report/result-names.ts';
import { reducersBeside, whyPairIsRefused } from './combine-rules.ts';
import type {
  Job,
  JobInput,
  JobOutput,
  JobShuffle,
  MapOnlyJobDefinition,
  NamedCombiner,
  NamedReducer,
  Outputs,
  ParameterSpecs,
  RecordsByName,
  ShuffleJobDefinition,
} from './job.ts';

const NAMED_COMBINERS = ['sum', 'min', 'max'] as const satisfies readonly NamedCombiner[];
const NAMED_REDUCERS = [
  ...NAMED_COMBINERS,
  'count',
  'combined',
  'each',
] as const satisfies readonly NamedReducer[];
const JOB_NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
const PARAMETER_NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_-]*$/;

/**
 * Checks a job's definition and returns the job that the engine runs. A job module exports it as its default export.
 *
 * With `reduce` the job has a shuffle and needs `key` and `value`; without it the job is map-only. The types of `emit`,
 * `combine`, `reduce` and `state` follow from `key`, `value`, `params`, `setup` and `output`.
 *
 * @throws JobDefinitionError that names the job, the field, the value received and what is allowed
 *
 * @example
 * export default defineJob({
 *   name: 'word-count',
 *   description: 'How often each word occurs',
 *   input: textLines(),
 *   key: 'string',
 *   value: 'number',
 *   map(line, { emit }) {
 *     for (const word of line.split(/\s+/)) if (word !== '') emit(word, 1);
 *   },
 *   reduce: 'sum',
 *   output: tsv(),
 * });
 */
// The compiler explains a mistake by the last overload only, so the most frequent kind of job stands last.
export function defineJob<
  R,
  N extends RecordsByName,
  U extends Outputs,
  const P extends ParameterSpecs = Record<never, never>,
  S = undefined,
>(definition: MapOnlyJobDefinition<R, N, U, P, S>): Job;
export function defineJob<
  R,
  N extends RecordsByName,
  const KT extends KeyType,
  const VT extends ValueType,
  U extends Outputs,
  const P extends ParameterSpecs = Record<never, never>,
  S = undefined,
  C extends NamedCombiner = never,
>(definition: ShuffleJobDefinition<R, N, KT, VT, U, P, S, C>): Job;
export function defineJob(definition: AnyDefinition): Job {
  assertCommon(definition);
  const { name, params = {}, setup, onBadRecord } = definition;
  for (const field of ['setup', 'combine', 'partition', 'reduce'] as const) {
    assertSynchronous(name, field, definition[field]);
  }
  assertParameters(name, params);
  const description = definition.description ?? '';
  const inputs = inputsOf(name, definition);
  return {
    name,
    description,
    inputs,
    onBadRecord,
    params,
    setup,
    output: outputOf(name, definition),
    shuffle: shuffleOf(name, definition),
  };
}

/** A definition before it is checked: callers from JavaScript can pass anything. */
type AnyDefinition = { readonly [F in Field]?: unknown };

const FIELDS = [
  'name',
  'description',
  'input',
  'onBadRecord',
  'params',
  'setup',
  'map',
  'output',
  'key',
  'value',
  'combine',
  'partition',
  'reduce',
  'reducers',
] as const;

type Field = (typeof FIELDS)[number];

/** A definition whose common fields are checked. Here the user's own types are replaced by `unknown`. */
type CommonFields = AnyDefinition &
  Pick<Job, 'name'> &
  Partial<Pick<Job, 'description' | 'params' | 'setup' | 'onBadRecord'>>;

/** A definition whose fields of the shuffle are checked, except for `key` and `value`. */
type ShuffleFields = AnyDefinition &
  Pick<JobShuffle, 'reduce'> &
  Partial<Pick<JobShuffle, 'combine' | 'partition' | 'reducers'>>;

/** One check of one field. `rule` completes the message "job 'x': <field> <rule>; received <value>". */
interface Check {
  readonly field: Field;
  readonly holds: (value: unknown) => boolean;
  readonly rule: string;
}

const COMMON_CHECKS: readonly Check[] = [
  {
    field: 'name',
    holds: (name) => typeof name === 'string' && JOB_NAME_PATTERN.test(name),
    rule: 'must be 1 to 63 lower-case letters, digits and dashes, and must not start with a dash',
  },
  { field: 'setup', holds: optional(isFunction), rule: 'must be a function (params)' },
  {
    field: 'onBadRecord',
    holds: optional(isBadRecordPolicy),
    rule: 'must be { skip: n } with a whole number n of at least 0, and may have thrown: true',
  },
];

const SHUFFLE_CHECKS: readonly Check[] = [
  { field: 'key', holds: isGiven, rule: "must be the type of the keys that map emits, for example 'string'" },
  {
    field: 'value',
    holds: isGiven,
    rule: "must be the type of the values that map emits, for example 'number'",
  },
  {
    field: 'reduce',
    holds: (reduce) => isFunction(reduce) || isOneOf(NAMED_REDUCERS, reduce),
    rule: `must be a function (key, values, context) or one of ${list(NAMED_REDUCERS)}`,
  },
  {
    field: 'combine',
    holds: optional((combine) => isFunction(combine) || isOneOf(NAMED_COMBINERS, combine)),
    rule: `must be a function (accumulated, value) or one of ${list(NAMED_COMBINERS)}`,
  },
  {
    field: 'partition',
    holds: optional((partition) => isFunction(partition) || memberOf(partition, 'kind') === 'range'),
    rule: 'must be a function (key, partitions, params) or byRange()',
  },
  {
    field: 'reducers',
    holds: optional(
      (count) =>
        typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= LIMITS.reducersMax,
    ),
    rule: `must be a whole number from 1 to ${LIMITS.reducersMax}`,
  },
];

const MAP_ONLY_CHECKS: readonly Check[] = (['key', 'value', 'combine', 'partition', 'reducers'] as const).map(
  (field) => ({
    field,
    holds: (value) => !isGiven(value),
    rule: "needs a reduce; without reduce the job is map-only. Add reduce (for example 'each') or remove this field",
  }),
);

function assertCommon(definition: AnyDefinition): asserts definition is CommonFields {
  const name = String(definition.name);
  assertKnown(name, definition);
  assertAll(name, definition, COMMON_CHECKS);
}

/** A mistyped field would be ignored. The compiler reports it, but a job may run without having been compiled. */
function assertKnown(name: string, definition: AnyDefinition): void {
  const unknown = Object.keys(definition).find((field) => !isOneOf(FIELDS, field));
  if (unknown === undefined) return;
  const nearest = nearestName(unknown, FIELDS);
  const hint =
    nearest === undefined ? `A job has the fields ${FIELDS.join(', ')}` : `Did you mean '${nearest}'?`;
  throw new MapReduceError('JobDefinitionError', `job '${name}': unknown field '${unknown}'. ${hint}`, {
    details: { jobName: name },
  });
}

function assertShuffle(name: string, definition: AnyDefinition): asserts definition is ShuffleFields {
  assertAll(name, definition, SHUFFLE_CHECKS);
}

function assertAll(name: string, definition: AnyDefinition, checks: readonly Check[]): void {
  const broken = checks.find(({ field, holds }) => !holds(definition[field]));
  if (broken !== undefined) throw invalid(name, broken.field, broken.rule, definition[broken.field]);
}

/** The inputs of the job: one, or several by name. */
function inputsOf(name: string, { input, map }: AnyDefinition): readonly JobInput[] {
  if (isSource(input)) return [inputOf(name, { name: undefined, source: input, map })];
  const names = typeof input === 'object' && input !== null ? Object.keys(input) : [];
  if (names.length === 0) throw invalid(name, 'input', `${AN_INPUT}, or an object of them by name`, input);
  const extra =
    typeof map === 'object' && map !== null
      ? Object.keys(map).find((key) => !names.includes(key))
      : undefined;
  if (extra !== undefined) {
    const nearest = nearestName(extra, names) ?? names[0]!;
    throw invalid(
      name,
      `map.${extra}`,
      `belongs to no input; did you mean '${nearest}'?`,
      memberOf(map, extra),
    );
  }
  return names.map((key) => {
    if (!INPUT_NAME_PATTERN.test(key)) {
      throw invalid(
        name,
        `input.${key}`,
        'must have a name of letters, digits, dashes and underscores that starts with a letter',
        key,
      );
    }
    const source = memberOf(input, key);
    if (!isSource(source)) throw invalid(name, `input.${key}`, AN_INPUT, source);
    return inputOf(name, { name: key, source, map: memberOf(map, key) });
  });
}

function inputOf(
  job: string,
  { name, source, map }: { name: string | undefined; source: Source<unknown>; map: unknown },
): JobInput {
  const suffix = name === undefined ? '' : `.${name}`;
  if (typeof map !== 'function') {
    throw invalid(job, `map${suffix}`, 'must be a function (record, context)', map);
  }
  assertSynchronous(job, `map${suffix}`, map);
  assertSynchronous(job, `input${suffix}.read`, source.read);
  assertCuts(job, suffix, source);
  // The cast: what the function takes and returns is checked when it runs.
  return { name, source, map: map as JobInput['map'] };
}

function assertCuts(job: string, suffix: string, source: object): void {
  const [counts, cuts] = [memberOf(source, 'counts'), memberOf(source, 'cuts')];
  if (counts !== 'bytes' && counts !== 'records') {
    throw invalid(job, `input${suffix}.counts`, "must be 'bytes' or 'records'", counts);
  }
  const makesPieces = isFunction(memberOf(cuts, 'files')) || isFunction(memberOf(cuts, 'generate'));
  if (!makesPieces && cuts !== 'anywhere' && cuts !== 'between files') {
    const rule =
      "must be 'anywhere', 'between files', { files: (file) => ... } or { generate: (params) => ... }";
    throw invalid(job, `input${suffix}.cuts`, rule, cuts);
  }
  if (makesPieces || counts === 'bytes') return;
  throw invalid(job, `input${suffix}.counts`, "must be 'bytes', unless `cuts` makes the pieces", counts);
}

const AN_INPUT = 'must be an input format, for example textLines()';
const INPUT_NAME_PATTERN = PARAMETER_NAME_PATTERN;

/** An object of inputs has formats as its members, so none of its members named like this is a function. */
function isSource(value: unknown): value is Source<unknown> {
  return isFunction(memberOf(value, 'read'));
}

function isBadRecordPolicy(value: unknown): boolean {
  const [skip, thrown] = [memberOf(value, 'skip'), memberOf(value, 'thrown')];
  const known = ['skip', 'thrown'];
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).every((key) => known.includes(key)) &&
    typeof skip === 'number' &&
    Number.isSafeInteger(skip) &&
    skip >= 0 &&
    (thrown === undefined || typeof thrown === 'boolean')
  );
}

/** Undefined for a map-only job. */
function shuffleOf(name: string, definition: AnyDefinition): JobShuffle | undefined {
  if (!isGiven(definition.reduce)) {
    assertAll(name, definition, MAP_ONLY_CHECKS);
    return undefined;
  }
  assertShuffle(name, definition);
  const { combine, partition, reduce, reducers } = definition;
  const key = namingJob(name, () => resolveKeyCodec(definition.key));
  const value = namingJob(name, () => resolveValueCodec(definition.value));
  assertNumeric(name, definition, value.name);
  assertPair(name, combine, reduce);
  return {
    key,
    value,
    // A named reducer that is associative is its own combiner.
    combine: combine ?? (isOneOf(NAMED_COMBINERS, reduce) ? reduce : undefined),
    partition,
    reduce,
    reducers,
  };
}

/** 'sum', 'min' and 'max' need numbers. */
function assertNumeric(name: string, definition: ShuffleFields, valueType: string): void {
  if (isNumeric(definition.value)) return;
  for (const field of ['combine', 'reduce'] as const) {
    const aggregation = definition[field];
    if (!isOneOf(NAMED_COMBINERS, aggregation)) continue;
    throw invalid(name, field, `'${aggregation}' needs value: 'number' or a tuple of numbers`, valueType);
  }
}

function isNumeric(type: unknown): boolean {
  return (
    type === 'number' || (Array.isArray(type) && type.length > 0 && type.every((part) => part === 'number'))
  );
}

function assertPair(name: string, combine: unknown, reduce: unknown): void {
  const why = whyPairIsRefused(combine, reduce);
  if (why === undefined) return;
  if (combine === undefined) throw invalid(name, 'reduce', why, reduce);
  throw invalid(
    name,
    'combine',
    `${why}. Remove combine, or replace reduce: '${String(reduce)}' with ${list(reducersBeside(combine))}, or with a function that accepts combined values`,
    combine,
  );
}

/** The outputs of the job: one, or several by name. */
function outputOf(name: string, { output, reduce }: AnyDefinition): JobOutput {
  if (isSink(output)) {
    assertSink(name, 'output', output);
    const severalFiles = output.folderOf !== undefined || output.targetFileBytes !== undefined;
    return { extension: output.extension, sinks: [{ name: undefined, sink: output }], severalFiles };
  }
  const names = typeof output === 'object' && output !== null ? Object.keys(output) : [];
  if (names.length === 0) throw invalid(name, 'output', `${AN_OUTPUT}, or an object of them by name`, output);
  if (names.length > OUTPUTS_MAX) {
    throw invalid(name, 'output', `must have at most ${OUTPUTS_MAX} names`, `${names.length} names`);
  }
  if (typeof reduce === 'string') {
    throw invalid(
      name,
      'reduce',
      'must be a function, since it says which of several outputs a record goes to',
      reduce,
    );
  }
  const sinks = names.map((key) => {
    if (!OUTPUT_NAME_PATTERN.test(key)) {
      const rule = 'must have a name of letters, digits, dashes and underscores that starts with a letter';
      throw invalid(name, `output.${key}`, rule, key);
    }
    const sink = memberOf(output, key);
    if (!isSink(sink)) throw invalid(name, `output.${key}`, AN_OUTPUT, sink);
    assertSink(name, `output.${key}`, sink);
    return { name: key, sink };
  });
  return { extension: sinks[0]!.sink.extension, sinks, severalFiles: true };
}

const AN_OUTPUT =
  'must be an output format, for example tsv(), or recordWise() with a write function of your own';
const OUTPUT_NAME_PATTERN = PARAMETER_NAME_PATTERN;
const OUTPUTS_MAX = 60;

function isSink(value: unknown): value is Sink<unknown, unknown> {
  return isFunction(memberOf(value, 'createWriter'));
}

function assertSink(name: string, field: string, sink: Sink<unknown, unknown>): void {
  assertSynchronous(name, `${field}.createWriter`, sink.createWriter);
  const writer = sink.createWriter();
  if (!isFunction(memberOf(writer, 'write'))) {
    throw invalid(name, `${field}.createWriter`, 'must return an object with a function write', writer);
  }
  for (const method of ['begin', 'write', 'end'] as const) {
    assertSynchronous(name, `${field}.${method}`, writer[method]);
  }
  assertExtension(name, `${field}.extension`, sink.extension);
}

/** The extension becomes part of file names: with a path in it, a part would be written outside of the output folder. */
function assertExtension(name: string, field: string, extension: unknown): void {
  if (typeof extension === 'string' && isPartName(partName(taskId('map', 0), extension))) return;
  throw invalid(
    name,
    field,
    "must consist of letters, digits, '.', '_' and '-', for example 'tsv'",
    extension,
  );
}

/** Refuses async functions and generators: calling one runs none of its code, or its result would be dropped. */
function assertSynchronous(name: string, field: string, candidate: unknown): void {
  const kind = unsuitableKind(candidate);
  if (kind === undefined) return;
  const remedy = kind.includes('generator')
    ? "Remove '*', and call emit() instead of yield"
    : "Remove 'async', and fetch what the function needs at the top level of the job module (await works there)";
  throw new MapReduceError(
    'JobDefinitionError',
    `job '${name}': ${field} is ${kind}; it must be an ordinary, synchronous function. ${remedy}`,
    { details: { jobName: name } },
  );
}

function assertParameters(jobName: string, specs: ParameterSpecs): void {
  for (const [parameter, spec] of Object.entries(specs)) {
    const field = `params.${parameter}`;
    if (!PARAMETER_NAME_PATTERN.test(parameter)) {
      throw invalid(
        jobName,
        field,
        'must have a name of letters, digits, dashes and underscores that starts with a letter',
        parameter,
      );
    }
    const type: unknown = spec?.type;
    if (!isOneOf(['string', 'number', 'boolean'], type)) {
      throw invalid(
        jobName,
        `${field}.type`,
        `must be 'string', 'number' or 'boolean', as in params: { ${parameter}: { type: 'string', default: 'x', description: '...' } }`,
        type,
      );
    }
    const rule = spec.default === undefined ? undefined : ruleBrokenByDefault(spec);
    if (rule !== undefined) throw invalid(jobName, `${field}.default`, rule, spec.default);
  }
}

function ruleBrokenByDefault(spec: ParameterSpecs[string]): string | undefined {
  if (typeof spec.default !== spec.type) return `must be a ${spec.type}`;
  if (spec.type === 'number' && !Number.isFinite(spec.default)) return 'must be a finite number';
  if (spec.type === 'string' && spec.choices && !isOneOf(spec.choices, spec.default)) {
    return `must be one of ${list(spec.choices)}`;
  }
  return undefined;
}

/** Puts the job's name in front of a codec's message. */
function namingJob<T>(name: string, resolve: () => T): T {
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
    { details: { jobName: job } },
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

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isGiven(value: unknown): boolean {
  return value !== undefined;
}

function optional(holds: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => !isGiven(value) || holds(value);
}

function isOneOf<T>(choices: readonly T[], value: unknown): value is T {
  return choices.some((choice) => choice === value);
}

function memberOf(value: unknown, name: string): unknown {
  return value === undefined || value === null ? undefined : Reflect.get(Object(value), name);
}
