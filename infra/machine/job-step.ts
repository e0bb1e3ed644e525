/**
 * What the states of the job machine have in common: the functions that take the job one step on, and how they fail.
 */

import { type NextStep, stepEventSchema } from '../../src/aws/protocol/job-state.ts';
import { FUNCTION_DEATHS } from '../../src/aws/protocol/lambda-reports.ts';
import type { FunctionName } from '../functions/function-names.ts';
import {
  type Catcher,
  type ChoiceState,
  type ExecutionType,
  integration,
  type Path,
  type TaskState,
  type Template,
} from './asl.ts';
import { retriers } from './retry.ts';
import { STATE_OF_STEP, type StateName } from './state-names.ts';

/** What the definition needs to know about the deployment. */
export interface StateMachineParts {
  /** Made by `commentOf` in src/aws/protocol/app-catalog.ts. */
  readonly comment: string;
  /** The ARN of a version of each function. */
  readonly functions: Readonly<Record<FunctionName, string>>;
  /** ARN of the machine that looks for stragglers. */
  readonly watchMachine: string;
  /** Name of the bucket. */
  readonly bucket: string;
  /** The AWS partition, such as `aws` or `aws-cn`. */
  readonly partition: string;
  readonly childExecutions: ExecutionType;
  readonly taskTimeoutSeconds: number;
  readonly stepTimeoutSeconds: number;
}

/**
 * Added to the time limit of a function. Both limits are for one attempt; this gives Lambda time to start the function
 * and to return its answer, so that the function's own limit ends it first.
 */
export const GRACE_SECONDS = 60;

export const EXECUTION: Template = {
  'id.$': '$$.Execution.Id',
  'startTime.$': '$$.Execution.StartTime',
};

/**
 * The event of the barriers and of commit: every field of `stepEventSchema`, taken from the state that the step before
 * returned. A field that is added there is passed on here.
 */
export const STEP_PAYLOAD: Template = {
  ...fromState(Object.keys(stepEventSchema.entries).filter((field) => field !== 'execution')),
  execution: EXECUTION,
};

function fromState(fields: readonly string[]): Template {
  return Object.fromEntries(fields.map((field): [`${string}.$`, Path] => [`${field}.$`, `$.${field}`]));
}

/** A state that calls a function. What the function returns is the whole new state of the job. */
export function step(
  { functions, partition, stepTimeoutSeconds }: StateMachineParts,
  name: FunctionName,
  {
    payload,
    next,
    catch: catchers = CATCH_FAILURE,
  }: { payload: Template; next: StateName; catch?: readonly Catcher<StateName>[] },
): TaskState<StateName> {
  return {
    Type: 'Task',
    Resource: integration(partition, 'lambda:invoke'),
    Parameters: { FunctionName: functions[name], Payload: payload },
    OutputPath: '$.Payload',
    TimeoutSeconds: stepTimeoutSeconds + GRACE_SECONDS,
    Retry: retriers(),
    Catch: catchers,
    Next: next,
  };
}

/**
 * Names the errors of dead functions as well, because `States.ALL` does not match errors that start with `Runtime.`.
 */
export function catchAll<const Name extends string>(resultPath: Path, next: Name): readonly Catcher<Name>[] {
  return [FUNCTION_DEATHS, ['States.ALL']].map((errors) => ({
    ErrorEquals: errors,
    ResultPath: resultPath,
    Next: next,
  }));
}

export const CATCH_FAILURE = catchAll('$.failure', 'RecordFailure');

/**
 * Goes to the step that the previous function chose, which is one of these.
 *
 * @param stateOf  the states of steps that have already begun
 */
export function choice(
  steps: readonly NextStep[],
  stateOf: Partial<Readonly<Record<NextStep, StateName>>> = {},
): ChoiceState<StateName> {
  const nextOf = { ...STATE_OF_STEP, ...stateOf };
  return {
    Type: 'Choice',
    Choices: steps.map((next) => ({ Variable: '$.next', StringEquals: next, Next: nextOf[next] })),
  };
}
