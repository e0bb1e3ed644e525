/**
 * The watch machine, which runs in parallel with a stage: it waits, looks for stragglers, and starts backup attempts without
 * waiting for them. It is a separate machine and not a branch of the job machine, so that no stage waits for its last
 * check, and a failed watch does not fail the job.
 *
 * The job passes on which versions of the functions to invoke. A watch that starts after a deployment therefore still
 * runs the code of its job.
 *
 *     Wait --> Look --> Done?
 *      ^        |
 *      |        v
 *      +----- Backups (each an asynchronous invocation)
 */
import { WATCH_SECONDS_MIN } from '../../src/aws/protocol/watch-state.ts';
import type { FunctionName } from '../functions/function-names.ts';
import { type InlineMapState, integration, type Machine, type Template } from './asl.ts';
import { retriers, WATCH_PATIENCE } from './retry.ts';
import type { MachineStage } from './stages.ts';

export interface WatchParts {
  /** The AWS partition, such as `aws` or `aws-cn`. */
  readonly partition: string;
}

type WatchStateName = 'Wait' | 'Look' | 'WhatNow' | 'Backups' | 'Done';

/**
 * The first input of a watch.
 *
 * @param functions  ARNs of the versions that the job runs
 */
export function watchInput(
  { name, taskFunction }: MachineStage,
  functions: Readonly<Record<FunctionName, string>>,
): Template {
  return {
    'jobId.$': '$.jobId',
    stage: name,
    functions: { watch: functions.watch, task: functions[taskFunction] },
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
        Parameters: { 'FunctionName.$': '$.functions.watch', 'Payload.$': '$' },
        OutputPath: '$.Payload',
        TimeoutSeconds: 120,
        Retry: retriers(WATCH_PATIENCE),
        Next: 'WhatNow',
      },
      WhatNow: {
        Type: 'Choice',
        Choices: [{ Variable: '$.done', BooleanEquals: true, Next: 'Done' }],
        Default: 'Backups',
      },
      Backups: backups(parts),
      Done: { Type: 'Succeed' },
    },
  };
}

/** Invokes the stage's function for each straggler, as an event: nothing waits for the attempt. */
function backups({ partition }: WatchParts): InlineMapState<WatchStateName> {
  return {
    Type: 'Map',
    ItemsPath: '$.backups',
    ItemSelector: {
      'jobId.$': '$.jobId',
      'item.$': '$$.Map.Item.Value',
      'function.$': '$.functions.task',
    },
    MaxConcurrency: 20,
    ItemProcessor: {
      ProcessorConfig: { Mode: 'INLINE' },
      StartAt: 'BackUp',
      States: {
        BackUp: {
          Type: 'Task',
          Resource: integration(partition, 'lambda:invoke'),
          Parameters: {
            'FunctionName.$': '$.function',
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
