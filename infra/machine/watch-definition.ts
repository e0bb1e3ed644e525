/**
 * The watch machine, which runs in parallel with a stage: it waits, looks for stragglers, and starts backup attempts without
 * waiting for them. It is a separate machine and not a branch of the job machine, so that no stage waits for its last
 * check, and a failed watch does not fail the job.
 *
 *     Wait --> Look --> Done?
 *      ^        |
 *      |        v
 *      +----- Backups (each an asynchronous invocation)
 */

import type { StageTitle } from '../../src/aws/protocol/state-names.ts';
import { WATCH_SECONDS_MIN } from '../../src/aws/protocol/watch-state.ts';
import type { Stage } from '../../src/base/ids.ts';
import type { FunctionName } from '../functions/function-names.ts';
import { type ChoiceState, type InlineMapState, integration, type Machine, type Template } from './asl.ts';
import { retriers, WATCH_PATIENCE } from './retry.ts';
import { type MachineStage, ofEachStage, STAGES } from './stages.ts';

export interface WatchParts {
  /** The ARN of each function. */
  readonly functions: Readonly<Record<FunctionName, string>>;
  /** The AWS partition, such as `aws` or `aws-cn`. */
  readonly partition: string;
}

type BackupsName = `${StageTitle}Backups`;
type WatchStateName = 'Wait' | 'Look' | 'WhatNow' | BackupsName | 'Done';

/** The first input of a watch. */
export function watchInput(stage: Stage): Template {
  return {
    'jobId.$': '$.jobId',
    stage,
    'startedAt.$': '$$.State.EnteredTime',
    waitSeconds: WATCH_SECONDS_MIN,
    looks: 0,
    committed: 0,
    lastProgressMs: 0,
    mostCommittedMs: 0,
    // The console of Step Functions uses it to link the two executions.
    'AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$': '$$.Execution.Id',
  };
}

export function watchDefinition(parts: WatchParts): Machine<WatchStateName> {
  return {
    Comment: 'MapReduce: backup attempts for stragglers of one stage',
    StartAt: 'Wait',
    States: {
      Wait: { Type: 'Wait', SecondsPath: '$.waitSeconds', Next: 'Look' },
      Look: {
        Type: 'Task',
        Resource: integration(parts.partition, 'lambda:invoke'),
        Parameters: { FunctionName: parts.functions.watch, 'Payload.$': '$' },
        OutputPath: '$.Payload',
        TimeoutSeconds: 120,
        Retry: retriers(WATCH_PATIENCE),
        Next: 'WhatNow',
      },
      WhatNow: whatNow(),
      ...ofEachStage<BackupsName, InlineMapState<WatchStateName>>((stage) => ({
        [backupsOf(stage)]: backups(parts, stage),
      })),
      Done: { Type: 'Succeed' },
    },
  };
}

function backupsOf({ title }: MachineStage): BackupsName {
  return `${title}Backups`;
}

/** Ends, or starts the backup attempts of its stage. */
function whatNow(): ChoiceState<WatchStateName> {
  const last = STAGES.length - 1;
  return {
    Type: 'Choice',
    Choices: [
      { Variable: '$.done', BooleanEquals: true, Next: 'Done' },
      ...STAGES.slice(0, last).map((stage) => ({
        Variable: '$.stage' as const,
        StringEquals: stage.name,
        Next: backupsOf(stage),
      })),
    ],
    // There is at least one stage.
    Default: backupsOf(STAGES[last]!),
  };
}

/** Invokes the stage's function for each straggler, as an event: nothing waits for the attempt. */
function backups(
  { functions, partition }: WatchParts,
  { title, taskFunction }: MachineStage,
): InlineMapState<WatchStateName> {
  const task = `BackUp${title}`;
  return {
    Type: 'Map',
    ItemsPath: '$.backups',
    ItemSelector: { 'jobId.$': '$.jobId', 'item.$': '$$.Map.Item.Value' },
    MaxConcurrency: 20,
    ItemProcessor: {
      ProcessorConfig: { Mode: 'INLINE' },
      StartAt: task,
      States: {
        [task]: {
          Type: 'Task',
          Resource: integration(partition, 'lambda:invoke'),
          Parameters: {
            FunctionName: functions[taskFunction],
            InvocationType: 'Event',
            Payload: { 'jobId.$': '$.jobId', 'item.$': '$.item', backup: true },
          },
          ResultSelector: {},
          Retry: retriers(WATCH_PATIENCE),
          End: true,
        },
      },
    },
    ResultPath: null,
    Next: 'Wait',
  };
}
