/** The states of one stage: start the watch, run the tasks, verify them at the barrier, choose what comes next. */
import {
  type DistributedMapState,
  type InlineMapState,
  integration,
  type State,
  type States,
  type TaskState,
} from './asl.ts';
import { childMachine, ITEM_SELECTOR, taskStateOf } from './child-states.ts';
import { CATCH_FAILURE, choice, STEP_PAYLOAD, type StateMachineParts, step } from './job-step.ts';
import { type MachineStage, ofEachStage } from './stages.ts';
import type { StageStateName, StateName } from './state-names.ts';
import { watchInput } from './watch-definition.ts';

export function stagesStates(parts: StateMachineParts): States<StageStateName, StateName> {
  return ofEachStage<StageStateName, State<StateName>>((stage) => stageStates(parts, stage));
}

function stageStates(
  parts: StateMachineParts,
  stage: MachineStage,
): Readonly<Record<string, State<StateName>>> {
  const { title, barrierFunction, nextSteps } = stage;
  return {
    [`Watch${title}`]: watch(parts, stage),
    [`AfterWatch${title}`]: choice([`${stage.name}-watched`, `${stage.name}-inline-watched`], {
      [`${stage.name}-watched`]: `${title}Stage`,
      [`${stage.name}-inline-watched`]: `${title}Inline`,
    }),
    [`${title}Inline`]: inlineTasks(parts, stage),
    [`${title}Stage`]: tasks(parts, stage),
    [`${title}Barrier`]: step(parts, barrierFunction, {
      payload: STEP_PAYLOAD,
      next: `After${title}Barrier`,
    }),
    [`After${title}Barrier`]: choice(nextSteps),
  };
}

/** Starts the watch and does not wait for it. If the watch cannot start, the stage runs without backup attempts. */
function watch(
  { watchMachine, functions, partition }: StateMachineParts,
  stage: MachineStage,
): TaskState<StateName> {
  const { title } = stage;
  return {
    Type: 'Task',
    Resource: integration(partition, 'states:startExecution'),
    Parameters: { StateMachineArn: watchMachine, Input: watchInput(stage, functions) },
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
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: `AfterWatch${title}` }],
    Next: `AfterWatch${title}`,
  };
}

/** Runs a small stage, whose items are part of the state. Its events are part of the history of the job. */
function inlineTasks(parts: StateMachineParts, stage: MachineStage): InlineMapState<StateName> {
  return {
    Type: 'Map',
    ItemsPath: '$.tasks',
    ItemSelector: ITEM_SELECTOR,
    MaxConcurrencyPath: '$.maxConcurrency',
    ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' }, ...childMachine(parts, stage, 'inline') },
    ResultPath: null,
    Catch: CATCH_FAILURE,
    Next: `${stage.title}Barrier`,
  };
}

/** Runs one child execution for each item of the plan. Children return nothing: the state leaves as it came. */
function tasks(parts: StateMachineParts, stage: MachineStage): DistributedMapState<StateName> {
  const { partition, bucket, childExecutions } = parts;
  return {
    Type: 'Map',
    Label: taskStateOf(stage, 'distributed'),
    ItemReader: {
      Resource: integration(partition, 's3:getObject'),
      ReaderConfig: { InputType: 'JSON' },
      Parameters: { Bucket: bucket, 'Key.$': '$.items' },
    },
    ItemSelector: ITEM_SELECTOR,
    MaxConcurrencyPath: '$.maxConcurrency',
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: childExecutions },
      ...childMachine(parts, stage, 'distributed'),
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
    Catch: CATCH_FAILURE,
    Next: `${stage.title}Barrier`,
  };
}
