/**
 * The errors of Step Functions, and which `ErrorEquals` match them.
 *
 * Source: "Handling errors in Step Functions workflows", Developer Guide, read in November 2026.
 */

/** An error that a Retry or a Catch may handle, or that the execution ends with. */
export class StateError extends Error {
  override readonly name = 'StateError';
  /** For ErrorEquals. */
  readonly error: string;
  /** `$.Cause` of a Catch. */
  readonly reason: string;

  constructor(error: string, reason: string) {
    super(`${error}: ${reason}`);
    this.error = error;
    this.reason = reason;
  }
}

/** The definition contains something that the simulation does not support, or that Step Functions refuses. */
export class UnsupportedDefinitionError extends Error {
  override readonly name = 'UnsupportedDefinitionError';
}

type RefusalName =
  | 'StateMachineDoesNotExist'
  | 'ExecutionDoesNotExist'
  | 'ExecutionAlreadyExists'
  | 'ThrottlingException';

/** An API call was refused, such as the start of an execution of a machine that does not exist. */
export class StepFunctionsRefusal extends Error {
  override readonly name: RefusalName;

  constructor(name: RefusalName, message: string) {
    super(message);
    this.name = name;
  }
}

/**
 * Whether a name of `ErrorEquals` matches an error.
 *
 * `States.ALL` matches neither `States.DataLimitExceeded` nor the Runtime errors: those of Step Functions
 * (`States.Runtime`) and those that Lambda reports about a dead function (`Runtime.ExitError` and so on).
 */
export function matchesError(name: string, error: string): boolean {
  if (name === error) return !isTerminal(error);
  if (name === 'States.TaskFailed') return error !== 'States.Timeout' && !isBeyondAll(error);
  return name === 'States.ALL' && !isBeyondAll(error);
}

/** No Retry and no Catch handles it, not even one that names it. */
function isTerminal(error: string): boolean {
  return error === 'States.Runtime';
}

function isBeyondAll(error: string): boolean {
  return error === 'States.DataLimitExceeded' || error === 'States.Runtime' || error.startsWith('Runtime.');
}
