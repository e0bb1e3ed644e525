/**
 * Parses what Lambda and Step Functions report about a failed function. Only this module reads their texts; errors that
 * a handler throws arrive as data (error-answer.ts).
 *
 * If a process ends before its handler returns or throws, the report has one of these forms, seen on AWS and on both
 * emulators. The request id identifies the attempt and its log:
 *
 *     Error                Cause                                                                            here
 *     Runtime.OutOfMemory  {"errorMessage": "RequestId: <id> Error: Runtime exited with error: signal: killed"}  out of memory
 *     Runtime.ExitError    the same, from older runtimes: SIGKILL, usually because memory ran out           died
 *     Runtime.ExitError    "... signal: aborted": Node aborts when its heap is full                         out of memory
 *     Runtime.ExitError    "... exit status 1", "Runtime exited without providing a reason"                 died
 *     Sandbox.Timedout     {"errorMessage": "RequestId: <id> Error: Task timed out after 3.00 seconds"}     timed out
 *     Lambda.Unknown       "The cause could not be determined ... <id> Task timed out after 3.00 seconds"   timed out
 *     States.Timeout       the state received no response in time                                           timed out
 *     anything else        an unhandled rejection, or a handler that does not load                          died
 *
 * Sources: "Handling errors in Step Functions workflows" and "Handle Lambda service exceptions" of AWS' guide.
 */
import * as v from 'valibot';
import type { ErrorName, SerializedError } from '../../base/errors.ts';
import { textFieldOf } from '../../base/field-of.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { carriedError } from './error-answer.ts';

/** What a Catch passes on. Before the first death, both are empty. */
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

/** The error of a Distributed Map whose children failed. It does not include their errors. */
const CHILDREN_FAILED = 'States.ExceedToleratedFailureThreshold';

export interface FunctionDeath {
  readonly name: ErrorName;
  readonly message: string;
  /** The request id of the invocation that died, if the cause names it. */
  readonly requestId: string | undefined;
}

export type ReportedFailure =
  /** A handler threw this error. */
  | { readonly kind: 'thrown'; readonly error: SerializedError }
  /** The function's process ended or was killed before its handler returned or threw. */
  | { readonly kind: 'death'; readonly death: FunctionDeath }
  /** Tasks of a stage failed. The notes of their attempts report which tasks, and why. */
  | { readonly kind: 'tasks-failed' }
  /** Any other error of Lambda or Step Functions. */
  | { readonly kind: 'other'; readonly name: string; readonly message: string };

export function reportedFailure({ Error: name, Cause: cause }: Death): ReportedFailure {
  if (name === CHILDREN_FAILED) return { kind: 'tasks-failed' };
  if (isFunctionDeath(name)) return { kind: 'death', death: functionDeath(name, cause) };
  const answer = errorMessageIn(cause);
  const error = answer === undefined ? undefined : carriedError(answer);
  // An error of a handler keeps its name on the way. If the names differ, the handler did not write this line.
  if (error !== undefined && error.name === name) return { kind: 'thrown', error };
  return { kind: 'other', name, message: answer ?? cause };
}

/**
 * Parses the failure of a function that was invoked directly, without Step Functions.
 *
 * @param payload  the response of the function, as JSON
 */
export function invokedFailure(functionError: string, payload: string): ReportedFailure {
  return reportedFailure({ Error: textIn(payload, 'errorType') ?? functionError, Cause: payload });
}

/** The figures in the last line that Lambda writes to the log of an invocation. */
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
 * Whether Lambda, and not the function, wrote this line of a log. An `Invoke Error` repeats the error that the handler
 * threw, which the step has already logged.
 */
export function isLambdaLine(line: string): boolean {
  return /^(START|END|REPORT|INIT_START|XRAY) |^(\S+\t\S+\tERROR\t)?Invoke Error\s/.test(line);
}

/** @param reported  the error of an attempt. Unless a handler threw it, it is treated as the end of its process. */
export function deathOf(reported: Death): FunctionDeath {
  return functionDeath(reported.Error, reported.Cause);
}

function isFunctionDeath(errorName: string): boolean {
  return FUNCTION_DEATHS.some((death) => death === errorName);
}

function functionDeath(name: string, cause: string): FunctionDeath {
  const said = errorMessageIn(cause) ?? cause;
  const report = `${name}${said === '' ? '' : `: ${said}`}`;
  const requestId = isFunctionDeath(name) ? requestIdIn(said) : undefined;
  switch (endOf(name, said)) {
    case 'time limit':
      return {
        name: 'TaskTimedOutError',
        message: `the function reached its time limit and was killed (${report}). The engine checks the time between chunks and groups, so most likely one call of the job's own code never returned. Check it for an infinite loop, use smaller splits, or give the function more time`,
        requestId,
      };
    case 'memory':
      return {
        name: 'WorkerOutOfMemoryError',
        message: `the function ran out of memory (${report}). Buffers stay within their budget, so the job's own code keeps too much data. Keep less data, or give the functions more memory`,
        requestId,
      };
    case 'killed':
      return {
        name: 'WorkerDiedError',
        message: `the function's process was killed before it returned a result (${report}). Lambda kills a process that exceeds its memory: compare Max Memory Used with Memory Size in its log`,
        requestId,
      };
    case 'unknown':
      return {
        name: 'WorkerDiedError',
        message: `the function's process ended before it returned a result (${report}). Check its log`,
        requestId,
      };
  }
}

/** The text is Lambda's own only for these names. For any other name, the job's code may have written it. */
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

/** Returns a field of a JSON answer; undefined for any other text, such as a truncated answer. */
function textIn(json: string, field: 'errorType' | 'errorMessage'): string | undefined {
  try {
    return textFieldOf(parseJson(json), field);
  } catch {
    return undefined;
  }
}
