/**
 * Checks records with a schema of zod, valibot, arktype or any other library that implements Standard Schema v1
 * (standardschema.dev). The types are copied from its specification, which asks libraries to do so.
 */
import { MapReduceError } from '../base/errors.ts';
import { cut, preview } from '../base/show-value.ts';
import { isInstance, thrownFields } from '../base/thrown.ts';

/** A schema of a library that implements Standard Schema v1, such as zod, valibot or arktype. `T` is what it returns. */
export interface StandardSchema<T = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
}

/** What a schema returns for one value. */
export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One reason why a schema refuses a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Says why a schema refuses a record. */
export class SchemaRefusal {
  /** The message of a BadRecord. */
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Checks and converts one record. The result is a SchemaRefusal if the schema refuses the record. */
export type SchemaCheck<T> = (record: unknown) => T | SchemaRefusal;

/**
 * Makes a function that checks and converts records.
 *
 * @param format  names the function that received the schema, for messages
 * @throws JobDefinitionError for what is not such a schema, and for one that is known to be asynchronous. The returned
 *   function throws JobDefinitionError if the schema turns out to be asynchronous, and UserCodeError if the schema throws.
 *
 * @example
 * const check = schemaCheck(schema, 'csv()');
 * const record = check(row);
 * if (record instanceof SchemaRefusal) piece.bad({ message: record.message, offset });
 * else deliver(record);
 */
export function schemaCheck<T>(schema: StandardSchema<T>, format: string): SchemaCheck<T> {
  const standard = standardOf(schema);
  if (standard === undefined) {
    throw new MapReduceError(
      'JobDefinitionError',
      `${format} received ${preview(schema)} as its schema. Pass a schema of a library that implements Standard Schema version 1, such as zod, valibot or arktype.`,
    );
  }
  const { vendor } = standard;
  // valibot marks asynchronous schemas. Those of other libraries show it only in their first result.
  if ('async' in schema && schema.async === true) throw asynchronous(vendor, format);
  return (record) => {
    let result: SchemaResult<T> | Promise<SchemaResult<T>>;
    try {
      result = standard.validate(record);
    } catch (error) {
      throw schemaThrew(vendor, record, error);
    }
    if (result instanceof Promise || isThenable(result)) {
      // Its failure would otherwise end the process.
      Promise.resolve(result).catch(() => {});
      throw asynchronous(vendor, format);
    }
    if (typeof result !== 'object' || result === null) {
      throw new MapReduceError(
        'UserCodeError',
        `the schema (${vendor}) returned ${preview(result)} for the record ${preview(record)}; Standard Schema asks for { value } or { issues }`,
      );
    }
    return result.issues === undefined
      ? result.value
      : new SchemaRefusal(refusalOf(vendor, record, result.issues));
  };
}

function standardOf<T>(schema: StandardSchema<T>): StandardSchema<T>['~standard'] | undefined {
  // arktype's schemas are functions.
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return undefined;
  const standard: Partial<StandardSchema<T>['~standard']> | undefined = schema['~standard'];
  return standard?.version === 1 && typeof standard.validate === 'function'
    ? (standard as StandardSchema<T>['~standard'])
    : undefined;
}

function isThenable(result: unknown): boolean {
  return (
    typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function'
  );
}

function asynchronous(vendor: string, format: string): MapReduceError {
  return new MapReduceError(
    'JobDefinitionError',
    `the schema (${vendor}) of ${format} is asynchronous; records are checked synchronously. Remove its asynchronous checks and transforms, and look things up in map or in setup instead.`,
  );
}

function schemaThrew(vendor: string, record: unknown, thrown: unknown): unknown {
  if (isInstance(thrown, MapReduceError)) return thrown;
  const { name, message, stack, isError } = thrownFields(thrown);
  return new MapReduceError(
    'UserCodeError',
    `the schema (${vendor}) threw ${isError ? `${name}: ${message}` : message} for the record ${preview(record)}`,
    { details: stack === undefined ? {} : { userStack: stack }, cause: thrown },
  );
}

const ISSUES_SHOWN_MAX = 3;
const MESSAGE_CHARACTERS_MAX = 200;

function refusalOf(vendor: string, record: unknown, issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, ISSUES_SHOWN_MAX).map((issue) => describe(record, issue));
  const more = issues.length - shown.length;
  if (more > 0) shown.push(`and ${more} more`);
  if (shown.length === 0) shown.push(preview(record));
  return `the schema (${vendor}) refuses the record: ${shown.join('; ')}. Correct the record or the schema`;
}

/** For example: `user.age is "x": expected a number`. */
function describe(record: unknown, { message, path = [] }: SchemaIssue): string {
  // Not path.map(): arktype's paths are of a class whose map() returns wrong names.
  const names = Array.from(path, (part) => (typeof part === 'object' ? part.key : part));
  let value = record;
  for (const name of names) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  }
  const what = cut(String(message), MESSAGE_CHARACTERS_MAX);
  const where = names.length === 0 ? 'it' : names.map(step).join('').replace(/^\./, '');
  return `${where} is ${value === undefined ? 'missing' : preview(value)}: ${what}`;
}

function step(name: PropertyKey): string {
  if (typeof name === 'number') return `[${name}]`;
  const text = String(name);
  return /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(text) ? `.${text}` : `[${preview(text)}]`;
}
