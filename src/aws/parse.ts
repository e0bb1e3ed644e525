/** Validation at the edges: whatever comes from outside is parsed once, and what is wrong with it is said in one line. */
import * as v from 'valibot';
import { parseJson } from '../codec/parse-json.ts';
import { MapReduceError } from '../errors.ts';

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

export function parseJsonFrom(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new MapReduceError('UsageError', `${what} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return path === null ? issue.message : `${path}: ${issue.message}`;
}
