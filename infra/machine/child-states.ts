/**
 * The machine that each item of a stage's Distributed Map runs in a child execution of its own.
 *
 *     MapTask --> end
 *      ^    |
 *      |    +-- a reported error, once its retries are used up --> MapTaskFailed
 *      |    +-- the function died --> MapTaskDied --> MapTaskMayGoOn --> MapTaskFailed
 *      |                                                    |
 *      +---------------- MapTaskAgain <---------------------+
 *
 * A retrier cannot tell the next attempt what ended the one before, and a process that was killed cannot report it. A
 * Catch can. So a death does not use a retrier but returns to the task by way of a Catch, and the next attempt writes
 * the note about it.
 */

import type { StageTitle } from '../../src/aws/protocol/state-names.ts';
import { LIMITS } from '../../src/base/limits.ts';
import {
  type Catcher,
  integration,
  type Machine,
  type PassState,
  type State,
  type States,
  type TaskState,
} from './asl.ts';
import { catchAll, GRACE_SECONDS, type StateMachineParts } from './job-step.ts';
import { REPAIR_ERRORS, REPORTED_ERRORS, reportedErrorRetriers } from './retry.ts';
import type { MachineStage } from './stages.ts';

export type TaskStateName = `${StageTitle}Task`;

type ChildName =
  | TaskStateName
  | 'AwaitRepair'
  | `${TaskStateName}Died`
  | `${TaskStateName}MayGoOn`
  | `${TaskStateName}Again`
  | `${TaskStateName}Failed`;

type ChildState = State<ChildName>;

export function taskStateOf({ title }: MachineStage): TaskStateName {
  return `${title}Task`;
}

export function childMachine(parts: StateMachineParts, stage: MachineStage): Machine {
  const task = taskStateOf(stage);
  const states: States<string, ChildName> = {
    [task]: taskState(parts, stage),
    ...(stage.awaitsRepair ? { AwaitRepair } : {}),
    ...afterDeath(task),
    [`${task}Failed`]: { Type: 'Fail', ErrorPath: '$.death.Error', CausePath: '$.death.Cause' },
  };
  return { StartAt: task, States: states };
}

/**
 * Ends the child without failing the stage: the reducer has noted which map task to repeat, and the barrier repeats it.
 */
const AwaitRepair: PassState<ChildName> = { Type: 'Pass', Result: {}, End: true };

function taskState(
  { functions, partition, taskTimeoutSeconds }: StateMachineParts,
  stage: MachineStage,
): TaskState<ChildName> {
  const task = taskStateOf(stage);
  const awaitRepair: readonly Catcher<ChildName>[] = stage.awaitsRepair
    ? [{ ErrorEquals: REPAIR_ERRORS, ResultPath: null, Next: 'AwaitRepair' }]
    : [];
  return {
    Type: 'Task',
    Resource: integration(partition, 'lambda:invoke'),
    Parameters: {
      FunctionName: functions[stage.taskFunction],
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
    Retry: reportedErrorRetriers(),
    Catch: [
      ...awaitRepair,
      { ErrorEquals: REPORTED_ERRORS, ResultPath: '$.death', Next: `${task}Failed` },
      ...catchAll('$.death', `${task}Died` as const),
    ],
    End: true,
  };
}

function afterDeath(task: TaskStateName): Readonly<Record<string, ChildState>> {
  return {
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
        // One attempt more than are allowed: it only writes the note, and reports that the attempts are used up.
        {
          Variable: '$.deaths',
          NumericLessThanEquals: LIMITS.attemptsMaxDefault,
          Next: `${task}Again`,
        },
      ],
      Default: `${task}Failed`,
    },
    [`${task}Again`]: { Type: 'Wait', Seconds: 1, Next: task },
  };
}
