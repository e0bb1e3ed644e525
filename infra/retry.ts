/**
 * Retry policies of the state machine, generated from the engine's errors, so that what is retried is decided in one
 * place. Step Functions takes the first retrier that names the error, and counts each on its own.
 */
import { FUNCTION_DEATHS } from '../src/aws/function-death.ts';
import { RETRYABLE_BY_ERROR_NAME } from '../src/errors.ts';
import { LIMITS } from '../src/limits.ts';

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts: number;
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL';
}

/** Lambda did not run the function, or nobody knows whether it did: no fault of the task, so patience costs little. */
const LAMBDA_SERVICE_ERRORS = [
  'Lambda.AWSLambdaException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.SdkClientException',
  'Lambda.ServiceException',
  'Lambda.TooManyRequestsException',
];

/** A reducer that finds a shuffle object damaged looks a second time, then its map task must run again. */
export const REPAIR_ERROR = 'CorruptShuffleError';

/** Errors that reach the state machine after they have been told: by a note of the attempt, or not a task's at all. */
export const TOLD_ERRORS = [...Object.keys(RETRYABLE_BY_ERROR_NAME), ...LAMBDA_SERVICE_ERRORS];

export function retriers(): Retrier[] {
  return [
    ...toldRetriers(),
    { ErrorEquals: FUNCTION_DEATHS, ...ANOTHER_ATTEMPT },
    // What nobody has thought of is a defect or a passing fault: worth the same attempts.
    { ErrorEquals: ['States.ALL'], ...ANOTHER_ATTEMPT },
  ];
}

/** Of what is no function's death. */
export function toldRetriers(): Retrier[] {
  return [
    { ErrorEquals: errorNames(false), MaxAttempts: 0 },
    {
      ErrorEquals: LAMBDA_SERVICE_ERRORS,
      IntervalSeconds: 1,
      MaxAttempts: 10,
      BackoffRate: 2,
      MaxDelaySeconds: 60,
      JitterStrategy: 'FULL',
    },
    { ErrorEquals: [REPAIR_ERROR], IntervalSeconds: 1, MaxAttempts: 1 },
    { ErrorEquals: errorNames(true).filter((name) => name !== REPAIR_ERROR), ...ANOTHER_ATTEMPT },
  ];
}

const ANOTHER_ATTEMPT = {
  IntervalSeconds: 1,
  MaxAttempts: LIMITS.attemptsMaxDefault - 1,
  BackoffRate: 2,
  MaxDelaySeconds: 30,
  JitterStrategy: 'FULL',
} as const;

function errorNames(retryable: boolean): string[] {
  return Object.entries(RETRYABLE_BY_ERROR_NAME)
    .filter(([, isRetryable]) => isRetryable === retryable)
    .map(([name]) => name);
}
