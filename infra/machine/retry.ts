/**
 * Retry policies of the state machine, generated from the engine's errors, so that what is retried is decided in one
 * place. Step Functions takes the first retrier that names the error, and counts each on its own.
 */
import { FUNCTION_DEATHS } from '../../src/aws/protocol/function-death.ts';
import { ERROR_NAMES, ERROR_TABLE, type RetryClass } from '../../src/base/error-table.ts';
import { LIMITS } from '../../src/base/limits.ts';

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
];

/** The account runs as many functions as it may: a start waits for another function's end, however long that takes. */
export const THROTTLED = 'Lambda.TooManyRequestsException';

/** How long a throttled start is tried again. Each time leaves three events in a history, which may hold 25,000. */
export type ThrottlePatience = Pick<Retrier, 'MaxAttempts' | 'MaxDelaySeconds'>;

/**
 * Half a minute on average, so about 8 hours: tasks wait for the tasks before them. A child's history has room for it
 * after each of its function's deaths.
 */
export const TASK_PATIENCE: ThrottlePatience = { MaxAttempts: 1_000, MaxDelaySeconds: 60 };

/**
 * About 4 hours. Steps wait for the tasks of other jobs only, and share one history with all rounds of theirs: hence
 * fewer attempts with more time between them.
 */
export const STEP_PATIENCE: ThrottlePatience = { MaxAttempts: 250, MaxDelaySeconds: 120 };

/** Some minutes: a stage can do without backup attempts, above all where there is no room for its first ones. */
export const WATCH_PATIENCE: ThrottlePatience = { MaxAttempts: 10, MaxDelaySeconds: 60 };

/** A reducer that finds a shuffle object damaged looks a second time, then its map task must run again. */
export const REPAIR_ERRORS = errorNames('repair');

/** Errors that reach the state machine after they have been told: by a note of the attempt, or not a task's at all. */
export const TOLD_ERRORS = [...ERROR_NAMES, THROTTLED, ...LAMBDA_SERVICE_ERRORS];

export function retriers(patience: ThrottlePatience = STEP_PATIENCE): Retrier[] {
  return [
    ...toldRetriers(patience),
    { ErrorEquals: FUNCTION_DEATHS, ...ANOTHER_ATTEMPT },
    // What nobody has thought of is a defect or a passing fault: worth the same attempts.
    { ErrorEquals: ['States.ALL'], ...ANOTHER_ATTEMPT },
  ];
}

/** Of what is no function's death. */
export function toldRetriers(patience: ThrottlePatience = TASK_PATIENCE): Retrier[] {
  return [
    { ErrorEquals: errorNames('never'), MaxAttempts: 0 },
    // Counted apart: a start that has waited long has all its attempts yet.
    {
      ErrorEquals: [THROTTLED],
      IntervalSeconds: 1,
      BackoffRate: 2,
      ...patience,
      JitterStrategy: 'FULL',
    },
    {
      ErrorEquals: LAMBDA_SERVICE_ERRORS,
      IntervalSeconds: 1,
      MaxAttempts: 10,
      BackoffRate: 2,
      MaxDelaySeconds: 60,
      JitterStrategy: 'FULL',
    },
    { ErrorEquals: REPAIR_ERRORS, IntervalSeconds: 1, MaxAttempts: 1 },
    { ErrorEquals: errorNames('attempts'), ...ANOTHER_ATTEMPT },
  ];
}

const ANOTHER_ATTEMPT = {
  IntervalSeconds: 1,
  MaxAttempts: LIMITS.attemptsMaxDefault - 1,
  BackoffRate: 2,
  MaxDelaySeconds: 30,
  JitterStrategy: 'FULL',
} as const;

function errorNames(retry: RetryClass): string[] {
  return ERROR_NAMES.filter((name) => ERROR_TABLE[name].retry === retry);
}
