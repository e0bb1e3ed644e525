/**
 * How a function's process ends without an answer of ours, as Lambda and Step Functions tell it, and what the report
 * calls it. Forms seen on AWS, and on both emulators, where the request's id leads to the attempt and its log:
 *
 *     Error                Cause                                                                            here
 *     Runtime.OutOfMemory  {"errorMessage": "RequestId: <id> Error: Runtime exited with error: signal: killed"}  out of memory
 *     Runtime.ExitError    the same: SIGKILL, mostly by the kernel for want of memory, before there was the name above
 *     Runtime.ExitError    "... signal: aborted": Node's own end when its heap is full                      out of memory
 *     Runtime.ExitError    "... exit status 1", "Runtime exited without providing a reason"                 died
 *     Sandbox.Timedout     {"errorMessage": "RequestId: <id> Error: Task timed out after 3.00 seconds"}     timed out
 *     Lambda.Unknown       "The cause could not be determined ... <id> Task timed out after 3.00 seconds"   timed out
 *     States.Timeout       of the state, when no answer came at all                                         timed out
 *     anything else        a stray rejection, a handler that does not load                                  died
 *
 * Sources: "Handling errors in Step Functions workflows" and "Handle Lambda service exceptions" of AWS' guide.
 */
import * as v from 'valibot';
import type { ErrorName } from '../../base/errors.ts';
import { parseJson } from '../../codec/parse-json.ts';

/** What a Catch makes of it. Before the first death both are empty. */
export const deathSchema = v.object({
  Error: v.optional(v.string(), ''),
  Cause: v.optional(v.string(), ''),
});

export type Death = v.InferOutput<typeof deathSchema>;

/** Told by Lambda or Step Functions, never by a handler. */
export const FUNCTION_DEATHS = [
  'Lambda.Unknown',
  'Runtime.ExitError',
  'Runtime.OutOfMemory',
  'Runtime.NodeJsExit',
  'Runtime.UnhandledPromiseRejection',
  'Sandbox.Timedout',
  'States.Timeout',
] as const;

export interface ToldDeath {
  readonly name: ErrorName;
  readonly message: string;
  /** Of the invocation that died, where the cause names it. */
  readonly requestId: string | undefined;
}

export function isFunctionDeath(errorName: string): boolean {
  return (FUNCTION_DEATHS as readonly string[]).includes(errorName);
}

export function tellDeath({ Error: name, Cause: cause }: Death): ToldDeath {
  const said = answerOf(cause) ?? cause;
  const told = `${name}${said === '' ? '' : `: ${said}`}`;
  const requestId = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/.exec(said)?.[0];
  if (/Timedout$|Timeout$/.test(name) || /Task timed out after/.test(said)) {
    return {
      name: 'TaskTimedOutError',
      message: `the function was ended at its time limit (${told}). It looks at the clock between chunks and groups and stops in time, so most likely one call of the job's own code did not come back. Let it do less, or give the function more time`,
      requestId,
    };
  }
  if (name === 'Runtime.OutOfMemory' || /signal: aborted/.test(said)) {
    return {
      name: 'WorkerOutOfMemoryError',
      message: `the function ran out of memory (${told}). Buffers stay within their budget, so it is what the job's own code keeps. Keep less, or give the functions more memory`,
      requestId,
    };
  }
  const hint = /signal: killed/.test(said)
    ? ' Lambda kills a process that outgrows its memory: compare Max Memory Used with Memory Size in its log.'
    : ' Its log says more.';
  return {
    name: 'WorkerDiedError',
    message: `the function's process ended without an answer (${told}).${hint}`,
    requestId,
  };
}

/** `errorMessage` of an answer that is handed on as JSON. */
export function answerOf(cause: string): string | undefined {
  try {
    const { errorMessage } = parseJson(cause) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : undefined;
  } catch {
    return undefined;
  }
}
