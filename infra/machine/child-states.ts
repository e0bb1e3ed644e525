/**
 * The machine that each item of a stage runs: in an iteration of the inline Map, or in a child execution of the Distributed
 * Map. State names are unique in a whole machine, so they differ (`MapInlineTask`, `MapTask`).
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
 *
 * A child of the inline Map whose function could not be started ends without failing the stage. The barrier finds its task
 * missing, and the Distributed Map runs it, with more patience.
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
  type Template,
} from './asl.ts';
import { catchAll, GRACE_SECONDS, type StateMachineParts } from './job-step.ts';
import {
  inlineRetriers,
  NOT_STARTED_ERRORS,
  REPAIR_ERRORS,
  REPORTED_ERRORS,
  reportedErrorRetriers,
} from './retry.ts';
import type { MachineStage } from './stages.ts';

export type MapKind = 'inline' | 'distributed';
export type TaskStateName = `${StageTitle}${'' | 'Inline'}Task`;

type ChildName =
  | TaskStateName
  | 'AwaitRepair'
  | `${TaskStateName}Deferred`
  | `${TaskStateName}Died`
  | `${TaskStateName}MayGoOn`
  | `${TaskStateName}Again`
  | `${TaskStateName}Failed`;

type ChildState = State<ChildName>;

export function taskStateOf({ title }: MachineStage, kind: MapKind): TaskStateName {
  return kind === 'inline' ? `${title}InlineTask` : `${title}Task`;
}

/** The input of each child. What an item has depends on the Map. */
export const ITEM_SELECTOR: Template = {
  'jobId.$': '$.jobId',
  'item.$': '$$.Map.Item.Value',
  deaths: 0,
  death: { Error: '', Cause: '' },
};

export function childMachine(parts: StateMachineParts, stage: MachineStage, kind: MapKind): Machine {
  const task = taskStateOf(stage, kind);
  const catchers = withoutFailing(stage, kind);
  const states: States<string, ChildName> = {
    [task]: taskState(parts, stage, { task, kind, catchers }),
    ...Object.fromEntries(catchers.map(({ Next }) => [Next, END_WELL])),
    ...afterDeath(task),
    [`${task}Failed`]: { Type: 'Fail', ErrorPath: '$.death.Error', CausePath: '$.death.Cause' },
  };
  return { StartAt: task, States: states };
}

const END_WELL: PassState<ChildName> = { Type: 'Pass', Result: {}, End: true };

/** Errors that end the child without failing the stage, because the barrier has the task repeated. */
function withoutFailing(stage: MachineStage, kind: MapKind): Catcher<ChildName>[] {
  // The reducer has noted which map task to repeat before it.
  const repair = stage.awaitsRepair ? REPAIR_ERRORS : [];
  const deferred = kind === 'inline' ? NOT_STARTED_ERRORS : [];
  const errors = [...repair, ...deferred];
  const next = kind === 'inline' ? (`${taskStateOf(stage, kind)}Deferred` as const) : 'AwaitRepair';
  return errors.length === 0 ? [] : [{ ErrorEquals: errors, ResultPath: null, Next: next }];
}

function taskState(
  { functions, partition, taskTimeoutSeconds }: StateMachineParts,
  stage: MachineStage,
  { task, kind, catchers }: { task: TaskStateName; kind: MapKind; catchers: readonly Catcher<ChildName>[] },
): TaskState<ChildName> {
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
    Retry: kind === 'inline' ? inlineRetriers() : reportedErrorRetriers(),
    Catch: [
      ...catchers,
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
