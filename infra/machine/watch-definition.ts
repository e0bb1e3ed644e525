/**
 * A small machine beside a stage: waits, looks, starts backup attempts without waiting for them. A machine of its own
 * and not a branch of the job's, so that no stage waits for the last look, and no failure of it is one of the job.
 *
 *     Wait --> Look --> Done?
 *      ^        |
 *      |        v
 *      +----- Backups (each an asynchronous invocation)
 */
import { WATCH_SECONDS_MIN } from '../../src/aws/protocol/watch-state.ts';
import { retriers, WATCH_PATIENCE } from './retry.ts';

export interface WatchParts {
  readonly watchFunction: string;
  readonly mapFunction: string;
  readonly reduceFunction: string;
  readonly partition: string;
}

type State = Readonly<Record<string, unknown>>;

/** What a watch begins with. */
export function watchInput(stage: 'map' | 'reduce'): State {
  return {
    'jobId.$': '$.jobId',
    stage,
    'startedAt.$': '$$.State.EnteredTime',
    waitSeconds: WATCH_SECONDS_MIN,
    looks: 0,
    committed: 0,
    lastProgressMs: 0,
    mostCommittedMs: 0,
    'AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$': '$$.Execution.Id',
  };
}

export function watchDefinition({
  watchFunction,
  mapFunction,
  reduceFunction,
  partition,
}: WatchParts): State {
  const backups = (task: string, functionArn: string): State => ({
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
          Resource: `arn:${partition}:states:::lambda:invoke`,
          Parameters: {
            FunctionName: functionArn,
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
  });
  return {
    Comment: 'MapReduce: backup attempts for stragglers of one stage',
    StartAt: 'Wait',
    States: {
      Wait: { Type: 'Wait', SecondsPath: '$.waitSeconds', Next: 'Look' },
      Look: {
        Type: 'Task',
        Resource: `arn:${partition}:states:::lambda:invoke`,
        Parameters: { FunctionName: watchFunction, 'Payload.$': '$' },
        OutputPath: '$.Payload',
        TimeoutSeconds: 120,
        Retry: retriers(WATCH_PATIENCE),
        Next: 'WhatNow',
      },
      WhatNow: {
        Type: 'Choice',
        Choices: [
          { Variable: '$.done', BooleanEquals: true, Next: 'Done' },
          { Variable: '$.stage', StringEquals: 'map', Next: 'MapBackups' },
        ],
        Default: 'ReduceBackups',
      },
      MapBackups: backups('BackUpMap', mapFunction),
      ReduceBackups: backups('BackUpReduce', reduceFunction),
      Done: { Type: 'Succeed' },
    },
  };
}
