/**
 * The retry policies of the machines, generated from the engine's table of errors, so that one place decides what is
 * retried. Step Functions applies the first retrier that names the error, and counts the attempts of each retrier
 * separately.
 */
import { FUNCTION_DEATHS } from '../../src/aws/protocol/lambda-reports.ts';
import { ERROR_NAMES, ERROR_TABLE, type RetryClass } from '../../src/base/error-table.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { Retrier } from './asl.ts';

/** Lambda did not run the function, or it is unknown whether it did. The task is not at fault, so patience is cheap. */
const LAMBDA_SERVICE_ERRORS = [
  'Lambda.AWSLambdaException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.SdkClientException',
  'Lambda.ServiceException',
];

/**
 * The account runs as many functions as it may. A start has to wait until another function ends, however long that
 * takes.
 */
export const THROTTLED = 'Lambda.TooManyRequestsException';

/** After this, the task has not failed, and may run in another Map. */
export const NOT_STARTED_ERRORS = [THROTTLED, ...LAMBDA_SERVICE_ERRORS];

/** How long a throttled start is retried. Each retry adds three events to a history, which may hold 25,000. */
export type ThrottlePatience = Pick<Retrier, 'MaxAttempts' | 'MaxDelaySeconds'>;

/**
 * The average delay is half a minute, so about 8 hours: tasks wait for the tasks before them. The history of a child
 * has room for as many retries after each death of its function.
 */
export const TASK_PATIENCE: ThrottlePatience = { MaxAttempts: 1_000, MaxDelaySeconds: 60 };

/**
 * About 4 hours. Steps wait only for the tasks of other jobs. All steps and rounds of a job, and the tasks of its inline Maps,
 * share one history: hence fewer attempts with longer delays.
 */
export const STEP_PATIENCE: ThrottlePatience = { MaxAttempts: 90, MaxDelaySeconds: 360 };

/** Some seconds. What an inline Map leaves goes to a Distributed Map, whose tasks have more patience. */
const INLINE_PATIENCE: ThrottlePatience = { MaxAttempts: 5, MaxDelaySeconds: 60 };

/** Some minutes. A stage does not need backup attempts, especially while its first attempts still wait to start. */
export const WATCH_PATIENCE: ThrottlePatience = { MaxAttempts: 10, MaxDelaySeconds: 60 };

/** A reducer that finds a damaged shuffle object reads it once more; after that its map task must run again. */
export const REPAIR_ERRORS = errorNames('repair');

/** Errors that need no further note: the attempt has written one, or Lambda never ran the function. */
export const REPORTED_ERRORS = [...ERROR_NAMES, ...NOT_STARTED_ERRORS];

/** For a step: retries the deaths of its function as well. */
export function retriers(patience: ThrottlePatience = STEP_PATIENCE): Retrier[] {
  return [
    ...reportedErrorRetriers(patience),
    { ErrorEquals: FUNCTION_DEATHS, ...ANOTHER_ATTEMPT },
    // An error that is not in the table is a defect or a passing fault, and gets the same attempts.
    { ErrorEquals: ['States.ALL'], ...ANOTHER_ATTEMPT },
  ];
}

/** For a task: its deaths return to it by way of a Catch (child-states.ts). */
export function reportedErrorRetriers(patience: ThrottlePatience = TASK_PATIENCE): Retrier[] {
  return [
    NEVER,
    // Counted separately: a task that waited long for its start still has all its attempts.
    notStarted([THROTTLED], patience),
    notStarted(LAMBDA_SERVICE_ERRORS, { MaxAttempts: 10, MaxDelaySeconds: 60 }),
    ...OWN_ERRORS,
  ];
}

/** For a task of an inline Map, whose retries are part of the history of the whole job. */
export function inlineRetriers(): Retrier[] {
  return [NEVER, notStarted(NOT_STARTED_ERRORS, INLINE_PATIENCE), ...OWN_ERRORS];
}

function notStarted(errors: readonly string[], patience: ThrottlePatience): Retrier {
  return { ErrorEquals: errors, IntervalSeconds: 1, BackoffRate: 2, ...patience, JitterStrategy: 'FULL' };
}

const ANOTHER_ATTEMPT = {
  IntervalSeconds: 1,
  MaxAttempts: LIMITS.attemptsMaxDefault - 1,
  BackoffRate: 2,
  MaxDelaySeconds: 30,
  JitterStrategy: 'FULL',
} as const;

const NEVER: Retrier = { ErrorEquals: errorNames('never'), MaxAttempts: 0 };

/** Errors of the task itself that another attempt may not have. */
const OWN_ERRORS: readonly Retrier[] = [
  { ErrorEquals: REPAIR_ERRORS, IntervalSeconds: 1, MaxAttempts: 1 },
  { ErrorEquals: errorNames('attempts'), ...ANOTHER_ATTEMPT },
];

function errorNames(retry: RetryClass): string[] {
  return ERROR_NAMES.filter((name) => ERROR_TABLE[name].retry === retry);
}
