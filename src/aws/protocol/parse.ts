/** Validates data from outside. It is parsed once, and one line reports everything that is wrong with it. */
import * as v from 'valibot';
import { MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { shortened } from '../../base/show-value.ts';
import { thrownFields } from '../../base/thrown.ts';
import { duplicateName } from '../../codec/duplicate-names.ts';
import { parseJson } from '../../codec/parse-json.ts';

/** @param what  names the value in messages: "the request requests/daily.json" */
export function parseWith<const S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  what: string,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  throw new MapReduceError(
    'UsageError',
    `${what} is not valid: ${parsed.issues.map((issue) => describeIssue(issue)).join('; ')}`,
  );
}

/** An object with exactly these fields. An unknown field is reported by its name. */
export function strictFields<const E extends v.ObjectEntries>(entries: E) {
  const names = Object.keys(entries);
  return v.pipe(
    v.unknown(),
    v.check(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      ({ input }) =>
        `must be an object with ${listed(names)}; received ${shortened(JSON.stringify(input) ?? '')}`,
    ),
    v.strictObject(entries, (issue) => fieldMessage(issue, names)),
  );
}

function fieldMessage({ expected, path }: v.StrictObjectIssue, names: readonly string[]): string {
  if (expected !== 'never') return 'is missing';
  const nearest = nearestName(String(path?.at(-1)?.key), names);
  return `unknown field.${nearest === undefined ? '' : ` Did you mean "${nearest}"?`} The fields are ${listed(names)}`;
}

function listed(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export const yesOrNo = v.boolean(({ received }) => `must be true or false; received ${shortened(received)}`);

/** Deeper JSON can overflow the stack of functions that walk it, such as JSON.stringify. */
const NESTING_MAX = 64;

export function parseJsonFrom(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new MapReduceError('UsageError', `${what} is not JSON: ${shortened(thrownFields(error).message)}`, {
      cause: error,
    });
  }
  assertShallow(value, what);
  const path = duplicateName(text);
  if (path !== undefined) {
    throw new MapReduceError(
      'UsageError',
      `${what} is not valid: ${shortened(path.join('.'))}: occurs twice. Remove one of the two`,
    );
  }
  return value;
}

/** @throws UsageError for a value with more than 64 levels of arrays and objects */
export function assertShallow(value: unknown, what: string): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > NESTING_MAX) {
      throw new MapReduceError(
        'UsageError',
        `${what} is nested more than ${NESTING_MAX} levels deep. Remove the extra arrays and objects`,
      );
    }
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return path === null ? issue.message : `${path}: ${issue.message}`;
}
