/**
 * Small machines with what must come of them. The simulated Step Functions and both emulators run all of them, so that the
 * simulation cannot drift away from what machines do.
 */
import { stripTypeScriptTypes } from 'node:module';
import { byFunction } from '../../../infra/functions/function-names.ts';
import { stateMachineDefinition } from '../../../infra/machine/state-machine-definition.ts';
import { watchDefinition } from '../../../infra/machine/watch-definition.ts';

/** What exists besides the machine. */
export interface CaseParts {
  /** Runs a script, see `scripted()`. */
  readonly functionArn: string;
  readonly bucket: string;
  /** A machine that succeeds at once. */
  readonly otherMachine: string;
}

export interface Expected {
  readonly status: 'SUCCEEDED' | 'FAILED';
  readonly output?: unknown;
  readonly error?: string | undefined;
  /** The `errorType` of a cause that a function reports. */
  readonly causeType?: string;
  /** The states in the order in which they are entered, without those of children. */
  readonly entered: readonly string[];
}

export interface MachineCase {
  readonly name: string;
  readonly definition: (parts: CaseParts) => unknown;
  /** A function of the parts if it names one of them. */
  readonly input: unknown;
  /** Objects of the bucket by key. */
  readonly objects?: Readonly<Record<string, unknown>>;
  readonly expected: Expected;
  /** What an emulator does instead. */
  readonly differs?: Readonly<Record<string, { readonly why: string } & Partial<Expected>>>;
}

export function inputOf({ input }: MachineCase, parts: CaseParts): unknown {
  return typeof input === 'function' ? input(parts) : input;
}

/** What the function does in one attempt. */
export type Act = 'ok' | 'exit' | 'sleep' | `throw ${string}`;

/** What the function is called with: by the cases, and by the machine of a job. */
export interface ScriptedEvent {
  readonly script?: readonly Act[];
  readonly retry?: number;
  readonly deaths?: number;
  readonly returns?: unknown;
  /** Of a task. */
  readonly item?: { readonly script?: readonly Act[] };
  /** Of the plan step. */
  readonly input?: { readonly returns?: unknown };
  /** Of a barrier or of commit: what it returns travels in the progress. */
  readonly progress?: { readonly returns?: unknown };
  /** Of the failure step. */
  readonly execution?: { readonly input?: { readonly failure?: unknown } };
}

/** The act of one attempt, and what it returns if it succeeds. The last act of a script repeats. */
export function scripted(event: ScriptedEvent): { act: Act; result: unknown } {
  const { script = event.item?.script ?? ['ok'], retry = 0, deaths = 0, returns } = event;
  const act = script[Math.min(retry + deaths, script.length - 1)]!;
  const ofStep = event.input?.returns ?? event.progress?.returns ?? event.execution?.input?.failure;
  return { act, result: returns ?? ofStep ?? { retry } };
}

/** The source of the function on an emulator. */
export const HANDLER = `
${stripTypeScriptTypes(scripted.toString())}
export async function handler(event) {
  const { act, result } = scripted(event);
  if (act === 'exit') process.exit(1);
  if (act === 'sleep') await new Promise((resolve) => setTimeout(resolve, 4_000));
  if (act.startsWith('throw ')) throw Object.assign(new Error('on purpose'), { name: act.slice(6) });
  return result;
}
`;

export const LAMBDA = 'arn:aws:states:::lambda:invoke';

/** A Task that runs a script, in a machine that ends after it. */
function task(
  { functionArn }: CaseParts,
  script: readonly Act[],
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    Type: 'Task',
    Resource: LAMBDA,
    Parameters: { FunctionName: functionArn, Payload: { script, 'retry.$': '$$.State.RetryCount' } },
    OutputPath: '$.Payload',
    End: true,
    ...more,
  };
}

function machine(states: Readonly<Record<string, unknown>>): unknown {
  return { StartAt: Object.keys(states)[0], States: states };
}

const SOON = { IntervalSeconds: 1, BackoffRate: 1, JitterStrategy: 'FULL', MaxDelaySeconds: 1 };
const CAUGHT = { Type: 'Succeed' };
/** Leaves of an error what is the same everywhere. */
const NAMED = { Type: 'Pass', Parameters: { 'name.$': '$.error.Error', 'kept.$': '$.kept' }, End: true };

const LARGE = 'x'.repeat(200_000);
const ITERATIONS_HIDDEN = 'the history leaves out the iterations';
const CATCHES_DEAD_FUNCTIONS = {
  why: 'it matches them',
  status: 'SUCCEEDED',
  error: undefined,
  output: {},
  entered: ['Work', 'Caught'],
} as const;

export const MACHINE_CASES: readonly MachineCase[] = [
  {
    name: 'templates take values from the input, the context and States.MathAdd',
    definition: () =>
      machine({
        Fill: {
          Type: 'Pass',
          Parameters: {
            'copied.$': '$.a.b',
            'all.$': '$',
            'item.$': '$.list[1]',
            'sum.$': 'States.MathAdd($.n, 1)',
            'state.$': '$$.State.Name',
            'input.$': '$$.Execution.Input.n',
            fixed: [1, { deep: true }],
          },
          Next: 'Constant',
        },
        Constant: { Type: 'Pass', Result: { x: 1 }, ResultPath: '$.constant', End: true },
      }),
    input: { a: { b: 'value' }, list: [1, 2], n: 41 },
    expected: {
      status: 'SUCCEEDED',
      output: {
        copied: 'value',
        all: { a: { b: 'value' }, list: [1, 2], n: 41 },
        item: 2,
        sum: 42,
        state: 'Fill',
        input: 41,
        fixed: [1, { deep: true }],
        constant: { x: 1 },
      },
      entered: ['Fill', 'Constant'],
    },
  },
  {
    name: 'a Choice takes the first rule that holds, and its Default otherwise',
    definition: () =>
      machine({
        First: {
          Type: 'Choice',
          Choices: [
            {
              And: [
                { Variable: '$.next', IsPresent: true },
                { Variable: '$.next', StringEquals: 'x' },
              ],
              Next: 'Wrong',
            },
            { Variable: '$.deaths', NumericLessThanEquals: 4, Next: 'Second' },
          ],
          Default: 'Wrong',
        },
        Second: {
          Type: 'Choice',
          Choices: [{ Variable: '$.done', BooleanEquals: true, Next: 'Wrong' }],
          Default: 'Waits',
        },
        Waits: { Type: 'Wait', SecondsPath: '$.seconds', Next: 'Done' },
        Done: { Type: 'Succeed' },
        Wrong: { Type: 'Fail' },
      }),
    input: { deaths: 4, done: false, seconds: 1 },
    expected: {
      status: 'SUCCEEDED',
      output: { deaths: 4, done: false, seconds: 1 },
      entered: ['First', 'Second', 'Waits', 'Done'],
    },
  },
  {
    name: 'a Choice without a rule that holds fails the execution',
    definition: () =>
      machine({
        Choose: { Type: 'Choice', Choices: [{ Variable: '$.next', StringEquals: 'x', Next: 'Done' }] },
        Done: { Type: 'Succeed' },
      }),
    input: { next: 'y' },
    expected: { status: 'FAILED', error: 'States.NoChoiceMatched', entered: ['Choose'] },
    differs: { LocalStack: { why: 'the error is States.Runtime', error: 'States.Runtime' } },
  },
  {
    name: 'a Fail takes error and cause from the state',
    definition: () => machine({ Failed: { Type: 'Fail', ErrorPath: '$.error', CausePath: '$.cause' } }),
    input: { error: 'TaskFailedError', cause: 'because' },
    expected: { status: 'FAILED', error: 'TaskFailedError', entered: ['Failed'] },
  },
  {
    name: 'a Retry for the name of an error starts further attempts, which see their number',
    definition: (parts) =>
      machine({
        Work: task(parts, ['throw TaskStalledError', 'throw TaskStalledError', 'ok'], {
          Retry: [{ ErrorEquals: ['TaskStalledError'], ...SOON, MaxAttempts: 2 }],
        }),
      }),
    input: {},
    expected: { status: 'SUCCEEDED', output: { retry: 2 }, entered: ['Work'] },
  },
  {
    name: 'each Retry counts its own attempts, and the number is that of all',
    definition: (parts) =>
      machine({
        Work: task(parts, ['throw FirstError', 'throw SecondError', 'throw FirstError', 'ok'], {
          Retry: [
            { ErrorEquals: ['SecondError'], ...SOON, MaxAttempts: 1 },
            { ErrorEquals: ['FirstError'], ...SOON, MaxAttempts: 2 },
          ],
        }),
      }),
    input: {},
    expected: { status: 'SUCCEEDED', output: { retry: 3 }, entered: ['Work'] },
  },
  {
    name: 'the first Retry that names an error decides, even if it allows no attempt',
    definition: (parts) =>
      machine({
        Work: task(parts, ['throw UsageError', 'ok'], {
          Retry: [
            { ErrorEquals: ['UsageError'], MaxAttempts: 0 },
            { ErrorEquals: ['States.ALL'], ...SOON, MaxAttempts: 3 },
          ],
        }),
      }),
    input: {},
    expected: { status: 'FAILED', error: 'UsageError', causeType: 'UsageError', entered: ['Work'] },
  },
  {
    name: 'a Catch puts the error next to the input',
    definition: (parts) =>
      machine({
        Work: task(parts, ['throw UsageError'], {
          Retry: [{ ErrorEquals: ['OtherError'], ...SOON, MaxAttempts: 3 }],
          Catch: [{ ErrorEquals: ['UsageError'], ResultPath: '$.error', Next: 'Caught' }],
        }),
        Caught: NAMED,
      }),
    input: { kept: 1 },
    expected: { status: 'SUCCEEDED', output: { name: 'UsageError', kept: 1 }, entered: ['Work', 'Caught'] },
  },
  {
    name: 'a Catch with ResultPath null drops the error',
    definition: (parts) =>
      machine({
        Work: task(parts, ['throw UsageError'], {
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Caught' }],
        }),
        Caught: CAUGHT,
      }),
    input: { kept: 1 },
    expected: { status: 'SUCCEEDED', output: { kept: 1 }, entered: ['Work', 'Caught'] },
  },
  {
    name: 'a dead function is caught by its name',
    definition: (parts) =>
      machine({
        Work: task(parts, ['exit'], {
          Catch: [
            { ErrorEquals: ['Runtime.ExitError'], ResultPath: '$.error', Next: 'Caught' },
            { ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Wrong' },
          ],
        }),
        Caught: NAMED,
        Wrong: { Type: 'Fail' },
      }),
    input: { kept: 1 },
    expected: {
      status: 'SUCCEEDED',
      output: { name: 'Runtime.ExitError', kept: 1 },
      entered: ['Work', 'Caught'],
    },
  },
  {
    name: 'States.ALL matches no dead function',
    definition: (parts) =>
      machine({
        Work: task(parts, ['exit'], {
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Caught' }],
        }),
        Caught: CAUGHT,
      }),
    input: {},
    expected: { status: 'FAILED', error: 'Runtime.ExitError', entered: ['Work'] },
    differs: { LocalStack: CATCHES_DEAD_FUNCTIONS, MiniStack: CATCHES_DEAD_FUNCTIONS },
  },
  {
    name: 'a Task that takes too long ends with States.Timeout',
    definition: (parts) =>
      machine({
        Work: task(parts, ['sleep'], {
          TimeoutSeconds: 1,
          Catch: [{ ErrorEquals: ['States.Timeout'], ResultPath: '$.error', Next: 'Caught' }],
        }),
        Caught: NAMED,
      }),
    input: { kept: 1 },
    expected: {
      status: 'SUCCEEDED',
      output: { name: 'States.Timeout', kept: 1 },
      entered: ['Work', 'Caught'],
    },
  },
  {
    name: 'ResultSelector and ResultPath shape the output',
    definition: (parts) =>
      machine({
        Select: {
          ...task(parts, ['ok'], {
            ResultSelector: { 'retry.$': '$.Payload.retry' },
            ResultPath: '$.result',
            OutputPath: '$',
          }),
          End: undefined,
          Next: 'Drop',
        },
        Drop: task(parts, ['ok'], { ResultPath: null, OutputPath: '$' }),
      }),
    input: { kept: 1 },
    expected: { status: 'SUCCEEDED', output: { kept: 1, result: { retry: 0 } }, entered: ['Select', 'Drop'] },
  },
  {
    name: 'a function that does not exist is an error that States.ALL matches',
    definition: (parts) =>
      machine({
        Work: task({ ...parts, functionArn: `${parts.functionArn}-none` }, ['ok'], {
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Caught' }],
        }),
        Caught: NAMED,
      }),
    input: { kept: 1 },
    expected: {
      status: 'SUCCEEDED',
      output: { name: 'Lambda.ResourceNotFoundException', kept: 1 },
      entered: ['Work', 'Caught'],
    },
  },
  {
    name: 'an inline Map runs its items here and keeps their order',
    definition: (parts) =>
      machine({
        Each: {
          Type: 'Map',
          ItemsPath: '$.items',
          ItemSelector: { 'kept.$': '$.kept', 'item.$': '$$.Map.Item.Value', 'index.$': '$$.Map.Item.Index' },
          MaxConcurrency: 2,
          ItemProcessor: {
            ProcessorConfig: { Mode: 'INLINE' },
            ...(machine({
              One: task(parts, ['ok'], {
                Parameters: { FunctionName: parts.functionArn, Payload: { 'returns.$': '$' } },
              }),
            }) as object),
          },
          ResultPath: '$.results',
          End: true,
        },
      }),
    input: { kept: 1, items: ['a', 'b'] },
    expected: {
      status: 'SUCCEEDED',
      output: {
        kept: 1,
        items: ['a', 'b'],
        results: [
          { kept: 1, item: 'a', index: 0 },
          { kept: 1, item: 'b', index: 1 },
        ],
      },
      entered: ['Each', 'One', 'One'],
    },
    differs: { MiniStack: { why: ITERATIONS_HIDDEN, entered: ['Each'] } },
  },
  {
    name: 'a Map takes its concurrency from the state',
    definition: (parts) =>
      machine({
        Each: {
          Type: 'Map',
          ItemsPath: '$.items',
          MaxConcurrencyPath: '$.atOnce',
          ItemProcessor: {
            ProcessorConfig: { Mode: 'INLINE' },
            ...(machine({ One: task(parts, ['ok']) }) as object),
          },
          ResultPath: null,
          End: true,
        },
      }),
    input: { atOnce: 1, items: [0, 1] },
    expected: {
      status: 'SUCCEEDED',
      output: { atOnce: 1, items: [0, 1] },
      entered: ['Each', 'One', 'One'],
    },
    differs: { MiniStack: { why: ITERATIONS_HIDDEN, entered: ['Each'] } },
  },
  {
    name: 'an inline Map fails with the error of its iteration',
    definition: (parts) =>
      machine({
        Each: {
          Type: 'Map',
          ItemsPath: '$.items',
          MaxConcurrency: 1,
          ItemProcessor: {
            ProcessorConfig: { Mode: 'INLINE' },
            ...(machine({ One: task(parts, ['throw UsageError']) }) as object),
          },
          ResultPath: null,
          Catch: [{ ErrorEquals: ['UsageError'], ResultPath: '$.error', Next: 'Caught' }],
          End: true,
        },
        Caught: NAMED,
      }),
    input: { kept: 1, items: [0] },
    expected: {
      status: 'SUCCEEDED',
      output: { name: 'UsageError', kept: 1 },
      entered: ['Each', 'One', 'Caught'],
    },
    differs: { MiniStack: { why: ITERATIONS_HIDDEN, entered: ['Each', 'Caught'] } },
  },
  {
    name: 'a Distributed Map runs the items of an object in children',
    definition: (parts) => distributed(parts, ['ok']),
    input: { kept: 1, items: 'cases/three.json' },
    objects: { 'cases/three.json': [{ n: 0 }, { n: 1 }, { n: 2 }] },
    expected: {
      status: 'SUCCEEDED',
      output: [{ item: { n: 0 } }, { item: { n: 1 } }, { item: { n: 2 } }],
      entered: ['Each'],
    },
  },
  {
    name: 'a Distributed Map fails when a child fails',
    definition: (parts) => distributed(parts, ['throw UsageError']),
    input: { kept: 1, items: 'cases/one.json' },
    objects: { 'cases/one.json': [{ n: 0 }] },
    expected: {
      status: 'SUCCEEDED',
      output: { name: 'States.ExceedToleratedFailureThreshold', kept: 1 },
      entered: ['Each', 'Caught'],
    },
    differs: {
      LocalStack: { why: 'the failure of a child is swallowed', output: [null], entered: ['Each'] },
    },
  },
  {
    name: 'a Distributed Map without its object fails with States.ItemReaderFailed',
    definition: (parts) => distributed(parts, ['ok']),
    input: { kept: 1, items: 'cases/none.json' },
    expected: {
      status: 'SUCCEEDED',
      output: { name: 'States.ItemReaderFailed', kept: 1 },
      entered: ['Each', 'Caught'],
    },
    differs: {
      LocalStack: { why: 'the error is States.Runtime', output: { name: 'States.Runtime', kept: 1 } },
    },
  },
  {
    name: 'a machine starts another one, and puts an event',
    definition: ({ otherMachine }) =>
      machine({
        Start: {
          Type: 'Task',
          Resource: 'arn:aws:states:::states:startExecution',
          Parameters: { StateMachineArn: otherMachine, Input: { 'kept.$': '$.kept', by: 'case' } },
          ResultPath: null,
          Next: 'Put',
        },
        Put: {
          Type: 'Task',
          Resource: 'arn:aws:states:::events:putEvents',
          Parameters: {
            Entries: [{ Source: 'mapreduce', DetailType: 'Test', Detail: { 'kept.$': '$.kept' } }],
          },
          ResultSelector: { 'failed.$': '$.FailedEntryCount' },
          End: true,
        },
      }),
    input: { kept: 1 },
    expected: { status: 'SUCCEEDED', output: { failed: 0 }, entered: ['Start', 'Put'] },
  },
  {
    name: 'a state of more than 256 KiB fails the execution',
    definition: (parts) =>
      machine({
        Large: task(parts, ['ok'], {
          Parameters: { FunctionName: parts.functionArn, Payload: { 'returns.$': '$' } },
          ResultSelector: { 'first.$': '$.Payload', 'second.$': '$.Payload' },
          OutputPath: '$',
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Caught' }],
        }),
        Caught: CAUGHT,
      }),
    input: { text: LARGE },
    expected: { status: 'FAILED', error: 'States.DataLimitExceeded', entered: ['Large'] },
    differs: {
      MiniStack: {
        why: 'it has no limit',
        status: 'SUCCEEDED',
        error: undefined,
        output: { first: { text: LARGE }, second: { text: LARGE } },
      },
    },
  },
  {
    name: 'the watch machine of a job ends when its step says so',
    definition: () => watchDefinition({ partition: 'aws' }),
    input: ({ functionArn }: CaseParts) => {
      const functions = { watch: functionArn, task: functionArn };
      const next = { done: false, backups: [], waitSeconds: 1, functions, returns: { done: true } };
      return { waitSeconds: 1, functions, returns: next };
    },
    expected: {
      status: 'SUCCEEDED',
      output: { done: true },
      entered: ['Wait', 'Look', 'WhatNow', 'Backups', 'Wait', 'Look', 'WhatNow', 'Done'],
    },
  },
  {
    name: 'the machine of a job repeats attempts after errors and deaths',
    definition: jobMachine,
    input: {
      returns: {
        jobId: 'job',
        next: 'map-watched',
        items: 'cases/maps.json',
        maxConcurrency: 2,
        codeHash: 'code',
        progress: {
          returns: {
            jobId: 'job',
            next: 'commit',
            items: '',
            codeHash: 'code',
            progress: { returns: { parts: 1 } },
          },
        },
      },
    },
    objects: { 'cases/maps.json': [{ script: ['throw StorageError', 'ok'] }, { script: ['exit', 'ok'] }] },
    expected: {
      status: 'SUCCEEDED',
      output: { parts: 1 },
      entered: [
        ...['Plan', 'AfterPlan', 'WatchMap', 'AfterWatchMap', 'MapStage', 'MapBarrier', 'AfterMapBarrier'],
        ...['Commit', 'AfterCommit', 'Done'],
      ],
    },
  },
  {
    name: 'the machine of a job records why a stage failed',
    definition: jobMachine,
    input: {
      returns: {
        jobId: 'job',
        next: 'map',
        items: 'cases/fails.json',
        maxConcurrency: 2,
        codeHash: 'code',
        progress: {},
      },
      failure: { jobId: 'job', error: 'UsageError', cause: 'on purpose' },
    },
    objects: { 'cases/fails.json': [{ script: ['throw UsageError'] }] },
    expected: {
      status: 'FAILED',
      error: 'UsageError',
      entered: ['Plan', 'AfterPlan', 'MapStage', 'RecordFailure', 'PublishFailure', 'Failed'],
    },
    differs: {
      LocalStack: {
        why: 'the failure of a child is swallowed, and the barrier of this case verifies nothing',
        error: 'States.Runtime',
        entered: ['Plan', 'AfterPlan', 'MapStage', 'MapBarrier', 'AfterMapBarrier'],
      },
    },
  },
];

function distributed(parts: CaseParts, script: readonly Act[]): unknown {
  return machine({
    Each: {
      Type: 'Map',
      Label: 'Each',
      ItemReader: {
        Resource: 'arn:aws:states:::s3:getObject',
        ReaderConfig: { InputType: 'JSON' },
        Parameters: { Bucket: parts.bucket, 'Key.$': '$.items' },
      },
      ItemSelector: { 'item.$': '$$.Map.Item.Value' },
      MaxConcurrency: 2,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        ...(machine({
          One: task(parts, script, {
            Parameters: { FunctionName: parts.functionArn, Payload: { script, 'returns.$': '$' } },
          }),
        }) as object),
      },
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Caught' }],
      End: true,
    },
    Caught: NAMED,
  });
}

function jobMachine({ functionArn, bucket, otherMachine }: CaseParts): unknown {
  return stateMachineDefinition({
    comment: 'case',
    functions: byFunction(() => functionArn),
    watchMachine: otherMachine,
    bucket,
    partition: 'aws',
    childExecutions: 'STANDARD',
    taskTimeoutSeconds: 60,
    stepTimeoutSeconds: 60,
  });
}
