/**
 * The state machine of a job, as Amazon States Language. The handlers decide what comes next
 * (src/aws/protocol/job-state.ts); the machine waits, retries, fans out and fails.
 *
 *     Plan --> MapStage <--> MapBarrier --> ReduceStage <--> ReduceBarrier <--> Commit --> Done
 *      |                        ^   |_____________________________|________________^
 *      |                        |         map-only jobs           |
 *      +--> NothingToDo         +---------------------------------+ the shuffle is damaged
 *
 * A small stage runs in MapInline or ReduceInline first, in the history of this execution. MapStage and ReduceStage run each
 * task in an execution of its own. Both Maps have the same children (child-states.ts).
 *
 * Commit returns to the last barrier when it finds that a part which it has to merge is damaged. A redrive goes from Plan to
 * MapBarrier, or to Commit if the job has committed its result.
 *
 * Before a stage of more than a few tasks, WatchMap or WatchReduce starts the watch machine (watch-definition.ts).
 *
 *     any failure --> RecordFailure --> PublishFailure --> Failed
 *
 * The rendered machine is test/infra/state-machine.asl.json, reviewed as a diff.
 */
import { type ChoiceState, integration, type Machine, type States, type TaskState } from './asl.ts';
import { catchAll, choice, EXECUTION, STEP_PAYLOAD, type StateMachineParts, step } from './job-step.ts';
import { retriers } from './retry.ts';
import { stagesStates } from './stage-states.ts';
import { startOf } from './stages.ts';
import { STATE_OF_STEP, type StateName } from './state-names.ts';

export const EVENT_SOURCE = 'mapreduce';
export const FAILURE_DETAIL_TYPE = 'MapReduce Job Failed';

export function stateMachineDefinition(parts: StateMachineParts): Machine<StateName> {
  return {
    Comment: parts.comment,
    StartAt: 'Plan',
    States: {
      ...planStates(parts),
      ...stagesStates(parts),
      ...commitStates(parts),
      ...failureStates(parts),
    },
  };
}

function planStates(parts: StateMachineParts) {
  return {
    Plan: step(parts, 'plan', {
      payload: { 'input.$': '$', execution: EXECUTION },
      next: 'AfterPlan',
      // Until Plan has returned, the state holds no job id.
      catch: catchAll('$', 'PlanFailed'),
    }),
    // A redrive of a job that has committed its result goes to Commit.
    AfterPlan: choice(['end', ...startOf('map'), 'map-barrier', 'commit']),
    NothingToDo: { Type: 'Succeed', Comment: 'A duplicate of an event, or no event for us' },
  } satisfies States<string, StateName>;
}

function commitStates(parts: StateMachineParts) {
  return {
    Commit: step(parts, 'commit', { payload: STEP_PAYLOAD, next: 'AfterCommit' }),
    AfterCommit: afterCommit(),
    Done: { Type: 'Succeed' },
  } satisfies States<string, StateName>;
}

/** Commit returns a next step only if a part must be recreated; otherwise it returns the outcome of the job. */
function afterCommit(): ChoiceState<StateName> {
  return {
    Type: 'Choice',
    Choices: (['map-barrier', 'reduce-barrier'] as const).map((next) => ({
      And: [
        { Variable: '$.next', IsPresent: true },
        { Variable: '$.next', StringEquals: next },
      ],
      Next: STATE_OF_STEP[next],
    })),
    Default: 'Done',
  };
}

function failureStates(parts: StateMachineParts) {
  return {
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
    PublishFailure: publishFailure(parts),
    Failed: { Type: 'Fail', ErrorPath: '$.error', CausePath: '$.cause' },
    FailedUnrecorded: { Type: 'Fail', ErrorPath: '$.failure.Error', CausePath: '$.failure.Cause' },
  } satisfies States<string, StateName>;
}

/** Sends the failure to EventBridge, where rules of the account may match it. */
function publishFailure({ partition, bucket }: StateMachineParts): TaskState<StateName> {
  return {
    Type: 'Task',
    Resource: integration(partition, 'events:putEvents'),
    Parameters: {
      Entries: [
        {
          Source: EVENT_SOURCE,
          DetailType: FAILURE_DETAIL_TYPE,
          Detail: {
            'jobId.$': '$.jobId',
            'error.$': '$.error',
            'message.$': '$.cause',
            bucket,
            'execution.$': '$$.Execution.Id',
          },
        },
      ],
    },
    ResultPath: null,
    Retry: retriers(),
    Catch: catchAll('$.publishing', 'Failed'),
    Next: 'Failed',
  };
}
