/**
 * Runs the states of a machine, for an execution, for a child of a Distributed Map, and for an iteration of an inline Map.
 *
 *     input --> Parameters --> the state's work --> ResultSelector --> ResultPath --> OutputPath --> output
 *                                   | error
 *                                   +--> Retry: the same work again --> Catch: another state --> the execution fails
 *
 * Source: "Processing input and output in Step Functions", Developer Guide, and https://states-language.net/spec.html.
 */
import { nextByChoice } from './choice.ts';
import type {
  Definition,
  FailDefinition,
  MapDefinition,
  PassDefinition,
  StateDefinition,
  TaskDefinition,
  WaitDefinition,
} from './definition.ts';
import { StateError } from './errors.ts';
import { assertSize, type ExecutionContext, type StateRun, stateErrorOf } from './execution-context.ts';
import type { Json } from './json.ts';
import { runMap } from './map-state.ts';
import { withValueAt } from './paths.ts';
import { catcherOf, Retries } from './retries.ts';
import { runTask } from './task-state.ts';
import { filled, required, type Scope } from './templates.ts';

/** @throws StateError, Aborted */
export async function runStates(
  definition: Definition,
  input: Json,
  execution: ExecutionContext,
): Promise<Json> {
  let name = definition.StartAt;
  let value = input;
  for (;;) {
    const state = definition.States[name]!;
    assertSize(value, execution, `the input of the state ${name}`);
    await transition(execution);
    execution.history.enter(name, state.Type);
    const entered = { name, enteredTime: execution.world.now().toISOString() };
    const { output, next } = await runState(state, { input: value, entered, execution });
    assertSize(output, execution, `the output of the state ${name}`);
    execution.history.add(`${state.Type}StateExited`);
    if (next === undefined) return output;
    name = next;
    value = output;
  }
}

/** Waits until the quota allows a transition, and for the time that one takes. */
async function transition(execution: ExecutionContext): Promise<void> {
  const { world, quotas, transitions, cancellation, isExpress } = execution;
  const waitMs = isExpress ? 0 : transitions.reserve();
  if (!isExpress) execution.onTransition();
  await cancellation.sleep(world.clock, waitMs + quotas.transitionMs);
}

interface StateEnd {
  readonly output: Json;
  /** Undefined at the end of the machine. */
  readonly next: string | undefined;
}

async function runState(state: StateDefinition, run: StateRun): Promise<StateEnd> {
  const { input } = run;
  switch (state.Type) {
    case 'Task':
    case 'Map':
      return await runWithRetries(state, run);
    case 'Choice':
      return { output: input, next: nextByChoice(state, scopeOf(run)) };
    case 'Pass':
      return { output: passed(state, run), next: state.Next };
    case 'Wait':
      await run.execution.cancellation.sleep(run.execution.world.clock, 1_000 * secondsOf(state, run));
      return { output: input, next: state.Next };
    case 'Succeed':
      return { output: input, next: undefined };
    case 'Fail':
      throw failureOf(state, run);
  }
}

async function runWithRetries(state: TaskDefinition | MapDefinition, run: StateRun): Promise<StateEnd> {
  const { execution, input } = run;
  const { world, cancellation } = execution;
  const retries = new Retries(state.Retry);
  for (;;) {
    const scope = scopeOf(run, retries.count);
    try {
      const raw =
        state.Type === 'Task'
          ? await runTask(state, scope, execution)
          : await runMap(state, scope, run, itemRunner(state));
      assertSize(raw, execution, `the result of the state ${run.entered.name}`);
      return { output: outputOf(state, scope, raw), next: state.Next };
    } catch (thrown) {
      const error = stateErrorOf(thrown);
      const delayMs = retries.next(error.error, world.random);
      if (delayMs !== undefined) {
        await cancellation.sleep(world.clock, delayMs);
        // A retry is a transition too.
        await transition(execution);
        continue;
      }
      const catcher = catcherOf(state.Catch, error.error);
      if (catcher === undefined) throw error;
      const caught = { Error: error.error, Cause: error.reason };
      const { ResultPath: path = '$' } = catcher;
      return { output: path === null ? input : withValueAt(path, input, caught), next: catcher.Next };
    }
  }
}

function itemRunner({ ItemProcessor }: MapDefinition) {
  return (item: Json, execution: ExecutionContext) => runStates(ItemProcessor, item, execution);
}

function outputOf(state: TaskDefinition | MapDefinition, scope: Scope, raw: Json): Json {
  const { ResultSelector: selector, ResultPath: resultPath = '$', OutputPath: outputPath = '$' } = state;
  const result = selector === undefined ? raw : filled(selector, { input: raw, context: scope.context });
  const output = resultPath === null ? scope.input : withValueAt(resultPath, scope.input, result);
  return required(outputPath, { input: output, context: scope.context }, 'States.Runtime');
}

function passed({ Result, Parameters, ResultPath: path = '$' }: PassDefinition, run: StateRun): Json {
  const { input } = run;
  const result = Result ?? (Parameters === undefined ? input : filled(Parameters, scopeOf(run)));
  return path === null ? input : withValueAt(path, input, result);
}

function secondsOf({ Seconds, SecondsPath }: WaitDefinition, run: StateRun): number {
  const seconds = Seconds ?? required(SecondsPath!, scopeOf(run), 'States.Runtime');
  if (typeof seconds === 'number' && seconds >= 0) return seconds;
  throw new StateError(
    'States.Runtime',
    `a Wait needs a number of seconds; received ${JSON.stringify(seconds)}`,
  );
}

function failureOf({ Error: error, Cause, ErrorPath, CausePath }: FailDefinition, run: StateRun): StateError {
  const at = (path: string) => String(required(path, scopeOf(run), 'States.Runtime'));
  return new StateError(
    ErrorPath === undefined ? (error ?? '') : at(ErrorPath),
    CausePath === undefined ? (Cause ?? '') : at(CausePath),
  );
}

function scopeOf({ input, entered, execution }: StateRun, retryCount = 0): Scope {
  const State = { Name: entered.name, EnteredTime: entered.enteredTime, RetryCount: retryCount };
  return { input, context: { ...execution.context, State } };
}
