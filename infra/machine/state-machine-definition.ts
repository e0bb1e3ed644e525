/**
 * The state machine as Amazon States Language. The handlers decide what comes next (src/aws/protocol/job-state.ts); the machine
 * waits, retries, fans out and fails.
 *
 *     Plan --> MapStage <--> MapBarrier --> ReduceStage <--> ReduceBarrier <--> Commit --> Done
 *      |                        ^   |_____________________________|________________^
 *      |                        |         map-only jobs           |
 *      +--> NothingToDo         +---------------------------------+ the shuffle is damaged
 *
 * Commit goes back to the barrier before when it finds a part damaged that it is to merge.
 *
 * Before a stage of more than a few tasks WatchMap or WatchReduce starts the watch machine (watch-definition.ts).
 *
 *     any failure --> RecordFailure --> PublishFailure --> Failed
 *
 * The rendered machine is test/infra/state-machine.asl.json, reviewed as a diff.
 */
import { FUNCTION_DEATHS } from '../../src/aws/protocol/function-death.ts';
import type { NextStep } from '../../src/aws/protocol/job-state.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { FunctionName } from '../functions/function-names.ts';
import { REPAIR_ERRORS, retriers, TOLD_ERRORS, toldRetriers } from './retry.ts';
import { watchInput } from './watch-definition.ts';

export interface StateMachineParts {
  /** Of app-catalog.ts. */
  readonly comment: string;
  /** ARN by function. */
  readonly functions: Readonly<Record<FunctionName, string>>;
  /** ARN of the machine that looks for stragglers. */
  readonly watchMachine: string;
  readonly bucket: string;
  readonly partition: string;
  readonly maxConcurrency: number;
  readonly childExecutions: 'STANDARD' | 'EXPRESS';
  readonly taskTimeoutSeconds: number;
  readonly stepTimeoutSeconds: number;
}

export const EVENT_SOURCE = 'mapreduce';
export const FAILURE_DETAIL_TYPE = 'MapReduce Job Failed';

/** Beyond the function's own limit, which is for one attempt as this is: for the way there and back. */
const GRACE_SECONDS = 60;

type State = Readonly<Record<string, unknown>>;

export function stateMachineDefinition(parts: StateMachineParts): State {
  return {
    Comment: parts.comment,
    StartAt: 'Plan',
    States: {
      Plan: step(parts, 'plan', {
        payload: { 'input.$': '$', execution: EXECUTION },
        next: 'AfterPlan',
        // Before there is a state with a job id in it.
        catch: catchAll('$', 'PlanFailed'),
      }),
      AfterPlan: choice(['end', 'map', 'map-watched', 'map-barrier']),
      NothingToDo: { Type: 'Succeed', Comment: 'A duplicate of an event, or no event for us' },
      WatchMap: watch(parts, 'map', 'MapStage'),
      MapStage: stage(parts, 'map', 'MapBarrier'),
      MapBarrier: step(parts, 'map-barrier', { payload: STEP_PAYLOAD, next: 'AfterMapBarrier' }),
      AfterMapBarrier: choice(['map', 'reduce', 'reduce-watched', 'reduce-barrier', 'commit']),
      WatchReduce: watch(parts, 'reduce', 'ReduceStage'),
      ReduceStage: stage(parts, 'reduce', 'ReduceBarrier'),
      ReduceBarrier: step(parts, 'reduce-barrier', { payload: STEP_PAYLOAD, next: 'AfterReduceBarrier' }),
      AfterReduceBarrier: choice(['reduce', 'map-barrier', 'commit']),
      Commit: step(parts, 'commit', { payload: STEP_PAYLOAD, next: 'AfterCommit' }),
      AfterCommit: {
        Type: 'Choice',
        Choices: ['map-barrier' as const, 'reduce-barrier' as const].map((next) => ({
          And: [
            { Variable: '$.next', IsPresent: true },
            { Variable: '$.next', StringEquals: next },
          ],
          Next: STATE_OF_STEP[next],
        })),
        Default: 'Done',
      },
      Done: { Type: 'Succeed' },

      PlanFailed: { Type: 'Pass', Parameters: { jobId: '', 'failure.$': '$' }, Next: 'RecordFailure' },
      RecordFailure: step(parts, 'failure', {
        payload: {
          'jobId.$': '$.jobId',
          'error.$': '$.failure',
          execution: { ...EXECUTION, 'input.$': '$$.Execution.Input' },
        },
        next: 'PublishFailure',
        catch: catchAll('$.recording', 'FailedUnrecorded'),
      }),
      PublishFailure: {
        Type: 'Task',
        Resource: `arn:${parts.partition}:states:::events:putEvents`,
        Parameters: {
          Entries: [
            {
              Source: EVENT_SOURCE,
              DetailType: FAILURE_DETAIL_TYPE,
              Detail: {
                'jobId.$': '$.jobId',
                'error.$': '$.error',
                'message.$': '$.cause',
                bucket: parts.bucket,
                'execution.$': '$$.Execution.Id',
              },
            },
          ],
        },
        ResultPath: null,
        Retry: retriers(),
        Catch: catchAll('$.publishing', 'Failed'),
        Next: 'Failed',
      },
      Failed: { Type: 'Fail', ErrorPath: '$.error', CausePath: '$.cause' },
      FailedUnrecorded: { Type: 'Fail', ErrorPath: '$.failure.Error', CausePath: '$.failure.Cause' },
    },
  };
}

const EXECUTION = { 'id.$': '$$.Execution.Id', 'startTime.$': '$$.Execution.StartTime' };

const STEP_PAYLOAD = {
  'jobId.$': '$.jobId',
  'mapRound.$': '$.mapRound',
  'reduceRound.$': '$.reduceRound',
  'resumed.$': '$.resumed',
  execution: EXECUTION,
};

/** The ends of functions by name as well: States.ALL does not stand for everything whose name starts with Runtime. */
function catchAll(resultPath: string, next: string): readonly State[] {
  return [FUNCTION_DEATHS, ['States.ALL']].map((errors) => ({
    ErrorEquals: errors,
    ResultPath: resultPath,
    Next: next,
  }));
}

const CATCH = catchAll('$.failure', 'RecordFailure');

/** A function that takes the job one step on; its answer is the whole new state. */
function step(
  { functions, partition, stepTimeoutSeconds }: StateMachineParts,
  name: FunctionName,
  { payload, next, catch: catchers = CATCH }: { payload: State; next: string; catch?: readonly State[] },
): State {
  return {
    Type: 'Task',
    Resource: `arn:${partition}:states:::lambda:invoke`,
    Parameters: { FunctionName: functions[name], Payload: payload },
    OutputPath: '$.Payload',
    TimeoutSeconds: stepTimeoutSeconds + GRACE_SECONDS,
    Retry: retriers(),
    Catch: catchers,
    Next: next,
  };
}

const STATE_OF_STEP: Readonly<Record<NextStep, string>> = {
  end: 'NothingToDo',
  map: 'MapStage',
  'map-watched': 'WatchMap',
  'map-barrier': 'MapBarrier',
  reduce: 'ReduceStage',
  'reduce-watched': 'WatchReduce',
  'reduce-barrier': 'ReduceBarrier',
  commit: 'Commit',
};

function choice(steps: readonly NextStep[]): State {
  return {
    Type: 'Choice',
    Choices: steps.map((next) => ({ Variable: '$.next', StringEquals: next, Next: STATE_OF_STEP[next] })),
  };
}

/** Starts the watch and goes on. A stage can do without it. */
function watch({ watchMachine, partition }: StateMachineParts, stage: 'map' | 'reduce', next: string): State {
  return {
    Type: 'Task',
    Resource: `arn:${partition}:states:::states:startExecution`,
    Parameters: { StateMachineArn: watchMachine, Input: watchInput(stage) },
    ResultPath: null,
    Retry: [
      {
        ErrorEquals: ['States.ALL'],
        IntervalSeconds: 1,
        MaxAttempts: 2,
        BackoffRate: 2,
        JitterStrategy: 'FULL',
      },
    ],
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: next }],
    Next: next,
  };
}

/**
 * One child execution for each item of the plan. Children answer nothing, and the state goes on as it came.
 *
 *     MapTask --> end
 *      ^    |
 *      |    +-- an error that was told, when its retries are used up --> MapTaskFailed
 *      |    +-- the function died --> MapTaskDied --> MapTaskMayGoOn --> MapTaskFailed
 *      |                                                    |
 *      +---------------- MapTaskAgain <---------------------+
 *
 * A retrier tells the next attempt nothing of what ended the one before, and a process that was killed cannot tell it
 * either. So deaths go round by a Catch, which does: the next attempt leaves the note.
 */
function stage(parts: StateMachineParts, name: 'map' | 'reduce', next: string): State {
  const { functions, partition, bucket, maxConcurrency, childExecutions, taskTimeoutSeconds } = parts;
  const task = name === 'map' ? 'MapTask' : 'ReduceTask';
  return {
    Type: 'Map',
    Label: task,
    ItemReader: {
      Resource: `arn:${partition}:states:::s3:getObject`,
      ReaderConfig: { InputType: 'JSON' },
      Parameters: { Bucket: bucket, 'Key.$': '$.items' },
    },
    ItemSelector: {
      'jobId.$': '$.jobId',
      'item.$': '$$.Map.Item.Value',
      deaths: 0,
      death: { Error: '', Cause: '' },
    },
    MaxConcurrency: maxConcurrency,
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: childExecutions },
      StartAt: task,
      States: {
        [task]: {
          Type: 'Task',
          Resource: `arn:${partition}:states:::lambda:invoke`,
          Parameters: {
            FunctionName: functions[name],
            Payload: {
              'jobId.$': '$.jobId',
              'item.$': '$.item',
              'retry.$': '$$.State.RetryCount',
              'deaths.$': '$.deaths',
              'death.$': '$.death',
            },
          },
          ResultSelector: {},
          TimeoutSeconds: taskTimeoutSeconds + GRACE_SECONDS,
          Retry: toldRetriers(),
          Catch: [
            // The reducer has left word of which map task; the barrier sees to it.
            ...(name === 'map'
              ? []
              : [{ ErrorEquals: REPAIR_ERRORS, ResultPath: null, Next: 'AwaitRepair' }]),
            { ErrorEquals: TOLD_ERRORS, ResultPath: '$.death', Next: `${task}Failed` },
            ...catchAll('$.death', `${task}Died`),
          ],
          End: true,
        },
        ...(name === 'map' ? {} : { AwaitRepair: { Type: 'Pass', Result: {}, End: true } }),
        [`${task}Died`]: {
          Type: 'Pass',
          Parameters: {
            'jobId.$': '$.jobId',
            'item.$': '$.item',
            'death.$': '$.death',
            'deaths.$': 'States.MathAdd($.deaths, 1)',
          },
          Next: `${task}MayGoOn`,
        },
        [`${task}MayGoOn`]: {
          Type: 'Choice',
          Choices: [
            // The last time only to leave the note, and to say that the attempts are used up.
            {
              Variable: '$.deaths',
              NumericLessThanEquals: LIMITS.attemptsMaxDefault,
              Next: `${task}Again`,
            },
          ],
          Default: `${task}Failed`,
        },
        [`${task}Again`]: { Type: 'Wait', Seconds: 1, Next: task },
        [`${task}Failed`]: { Type: 'Fail', ErrorPath: '$.death.Error', CausePath: '$.death.Cause' },
      },
    },
    ResultPath: null,
    Retry: [
      {
        ErrorEquals: ['States.ItemReaderFailed'],
        IntervalSeconds: 2,
        MaxAttempts: 3,
        BackoffRate: 2,
        JitterStrategy: 'FULL',
      },
    ],
    Catch: CATCH,
    Next: next,
  };
}
