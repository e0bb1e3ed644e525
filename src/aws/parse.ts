/** Validation at the edges: whatever comes from outside is parsed once, and what is wrong with it is said in one line. */
import * as v from 'valibot';
import { parseJson } from '../codec/parse-json.ts';
import { MapReduceError } from '../errors.ts';
import { shortened } from '../shortened.ts';

/** @param what  for the message: "the request requests/daily.json" */
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

/** Deeper JSON overflows the stack of whatever walks it, JSON.stringify included. */
const NESTING_MAX = 64;

export function parseJsonFrom(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new MapReduceError('UsageError', `${what} is not JSON: ${shortened((error as Error).message)}`, {
      cause: error,
    });
  }
  assertShallow(value, what);
  return value;
}

/** @throws UsageError for a value with more than 64 levels of arrays and objects */
export function assertShallow(value: unknown, what: string): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > NESTING_MAX) {
      throw new MapReduceError(
        'UsageError',
        `${what} is nested more than ${NESTING_MAX} levels deep. Write it without the extra arrays and objects`,
      );
    }
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return path === null ? issue.message : `${path}: ${issue.message}`;
}
