/**
 * What Lambda and Step Functions report of a function that failed, as data. Their texts are read here and nowhere else; an
 * error of our own arrives as data (error-answer.ts).
 *
 * A process that ended without an answer of ours takes one of these forms, seen on AWS and on both emulators; the request's
 * id leads to the attempt and its log:
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
import type { ErrorName, SerializedError } from '../../base/errors.ts';
import { textFieldOf } from '../../base/field-of.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { carriedError } from './error-answer.ts';

/** What a Catch hands on. Before the first death both are empty. */
export const deathSchema = v.object({
  Error: v.optional(v.string(), ''),
  Cause: v.optional(v.string(), ''),
});

export type Death = v.InferOutput<typeof deathSchema>;

/** Named by Lambda or Step Functions, never by a handler. */
export const FUNCTION_DEATHS = [
  'Lambda.Unknown',
  'Runtime.ExitError',
  'Runtime.OutOfMemory',
  'Runtime.NodeJsExit',
  'Runtime.UnhandledPromiseRejection',
  'Sandbox.Timedout',
  'States.Timeout',
] as const;

/** What a Distributed Map fails with when children failed; of their errors it says nothing. */
const CHILDREN_FAILED = 'States.ExceedToleratedFailureThreshold';

export interface FunctionDeath {
  readonly name: ErrorName;
  readonly message: string;
  /** Of the invocation that died, where the cause names it. */
  readonly requestId: string | undefined;
}

export type ReportedFailure =
  /** A handler threw it. */
  | { readonly kind: 'thrown'; readonly error: SerializedError }
  /** The function's process ended, or was ended, without an answer. */
  | { readonly kind: 'death'; readonly death: FunctionDeath }
  /** Tasks of a stage failed; the notes of their attempts say which and why. */
  | { readonly kind: 'tasks-failed' }
  /** Anything else that Lambda or Step Functions refuses or fails with. */
  | { readonly kind: 'other'; readonly name: string; readonly message: string };

export function reportedFailure({ Error: name, Cause: cause }: Death): ReportedFailure {
  if (name === CHILDREN_FAILED) return { kind: 'tasks-failed' };
  if (isFunctionDeath(name)) return { kind: 'death', death: functionDeath(name, cause) };
  const answer = errorMessageIn(cause);
  const error = answer === undefined ? undefined : carriedError(answer);
  // A handler's own error keeps its name on the way; a line that says otherwise was not written by the handler.
  if (error !== undefined && error.name === name) return { kind: 'thrown', error };
  return { kind: 'other', name, message: answer ?? cause };
}

/**
 * Of a function that was invoked directly, without Step Functions in between.
 *
 * @param payload  what it answered, as JSON
 */
export function invokedFailure(functionError: string, payload: string): ReportedFailure {
  return reportedFailure({ Error: textIn(payload, 'errorType') ?? functionError, Cause: payload });
}

/** What Lambda's own last line of a log says of an invocation. */
export interface InvocationReport {
  readonly billedMs: number | undefined;
  readonly memory: { readonly sizeMb: number; readonly usedMb: number } | undefined;
}

/** @param log  with a line `REPORT RequestId: ... Billed Duration: 87 ms Memory Size: 1769 MB Max Memory Used: 210 MB` */
export function invocationReport(log: string): InvocationReport {
  const report = /^REPORT .*$/m.exec(log)?.[0] ?? '';
  const billed = /Billed Duration: ([\d.]+) ms/.exec(report)?.[1];
  const memory = /Memory Size: (\d+) MB\s+Max Memory Used: (\d+) MB/.exec(report);
  return {
    billedMs: billed === undefined ? undefined : Number(billed),
    memory: memory === null ? undefined : { sizeMb: Number(memory[1]), usedMb: Number(memory[2]) },
  };
}

/**
 * Whether Lambda wrote this line of a log, and not the function. An `Invoke Error` repeats what the handler threw, which the
 * step has logged as a record of its own.
 */
export function isLambdaLine(line: string): boolean {
  return /^(START|END|REPORT|INIT_START|XRAY) |^(\S+\t\S+\tERROR\t)?Invoke Error\s/.test(line);
}

/** @param reported  of an attempt; anything that is not a handler's own error is taken for the end of its process */
export function deathOf(reported: Death): FunctionDeath {
  return functionDeath(reported.Error, reported.Cause);
}

function isFunctionDeath(errorName: string): boolean {
  return FUNCTION_DEATHS.some((death) => death === errorName);
}

function functionDeath(name: string, cause: string): FunctionDeath {
  const said = errorMessageIn(cause) ?? cause;
  const told = `${name}${said === '' ? '' : `: ${said}`}`;
  const requestId = isFunctionDeath(name) ? requestIdIn(said) : undefined;
  switch (endOf(name, said)) {
    case 'time limit':
      return {
        name: 'TaskTimedOutError',
        message: `the function was ended at its time limit (${told}). It checks the clock between chunks and groups and stops in time, so most likely one call of the job's own code never returned. Use smaller splits, or give the function more time`,
        requestId,
      };
    case 'memory':
      return {
        name: 'WorkerOutOfMemoryError',
        message: `the function ran out of memory (${told}). Buffers stay within their budget, so the job's own code keeps too much. Keep less, or give the functions more memory`,
        requestId,
      };
    case 'killed':
      return {
        name: 'WorkerDiedError',
        message: `the function's process ended without an answer (${told}). Lambda kills a process that outgrows its memory: compare Max Memory Used with Memory Size in its log.`,
        requestId,
      };
    case 'unknown':
      return {
        name: 'WorkerDiedError',
        message: `the function's process ended without an answer (${told}). Its log says more.`,
        requestId,
      };
  }
}

/** Only under these names is the text Lambda's; under any other it may be that of the job's code. */
function endOf(name: string, said: string): 'time limit' | 'memory' | 'killed' | 'unknown' {
  switch (name) {
    case 'Sandbox.Timedout':
    case 'States.Timeout':
      return 'time limit';
    case 'Runtime.OutOfMemory':
      return 'memory';
    case 'Lambda.Unknown':
      return /Task timed out after/.test(said) ? 'time limit' : 'unknown';
    case 'Runtime.ExitError':
      if (/signal: aborted/.test(said)) return 'memory';
      return /signal: killed/.test(said) ? 'killed' : 'unknown';
    default:
      return 'unknown';
  }
}

function requestIdIn(said: string): string | undefined {
  return /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/.exec(said)?.[0];
}

function errorMessageIn(cause: string): string | undefined {
  return textIn(cause, 'errorMessage');
}

/** A field of an answer that is handed on as JSON; undefined for any other text, such as an answer that was cut. */
function textIn(json: string, field: 'errorType' | 'errorMessage'): string | undefined {
  try {
    return textFieldOf(parseJson(json), field);
  } catch {
    return undefined;
  }
}
