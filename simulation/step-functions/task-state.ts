/** Runs one attempt of a Task: calls the service that its resource names, for a bounded time. */
import { integrationOf, type TaskDefinition } from './definition.ts';
import { StateError } from './errors.ts';
import { assertSize, type ExecutionContext, stateErrorOf } from './execution-context.ts';
import { isObject, type Json } from './json.ts';
import { filled, type Scope } from './templates.ts';

/** @throws StateError */
export async function runTask(
  state: TaskDefinition,
  scope: Scope,
  execution: ExecutionContext,
): Promise<Json> {
  const { history, cancellation, world } = execution;
  const parameters = filled(state.Parameters, scope);
  assertSize(parameters, execution, 'the input of the task');
  history.add('TaskScheduled');
  history.add('TaskStarted');
  const deadline = Promise.withResolvers<never>();
  const cancelDeadline =
    state.TimeoutSeconds === undefined
      ? () => {}
      : world.clock.after(state.TimeoutSeconds * 1_000, () =>
          // What was called goes on: Step Functions only stops waiting for it.
          deadline.reject(new StateError('States.Timeout', '')),
        );
  try {
    const called = call(state, parameters, execution);
    called.catch(() => {});
    const result = await cancellation.race(Promise.race([called, deadline.promise]));
    history.add('TaskSucceeded');
    return result;
  } catch (thrown) {
    const error = stateErrorOf(thrown);
    history.add(error.error === 'States.Timeout' ? 'TaskTimedOut' : 'TaskFailed');
    throw error;
  } finally {
    cancelDeadline();
  }
}

async function call(
  { Resource }: TaskDefinition,
  parameters: Json,
  execution: ExecutionContext,
): Promise<Json> {
  if (!isObject(parameters)) throw new StateError('States.Runtime', 'the parameters are not an object');
  const { services } = execution;
  switch (integrationOf(Resource)!) {
    case 'lambda:invoke': {
      const { FunctionName, Payload = {}, InvocationType = 'RequestResponse' } = parameters;
      const isEvent = InvocationType === 'Event';
      const payload = await services.invoke(String(FunctionName), Payload, { isEvent });
      // ExecutedVersion and the metadata of the SDK, which AWS adds, are left out: no machine uses them.
      return isEvent ? { StatusCode: 202, Payload: '' } : { StatusCode: 200, Payload: payload };
    }
    case 'states:startExecution': {
      const { StateMachineArn, Input = {}, Name } = parameters;
      return await services.startExecution(
        String(StateMachineArn),
        Input,
        Name === undefined ? undefined : String(Name),
      );
    }
    case 'events:putEvents': {
      const { Entries = [] } = parameters;
      await services.putEvents(Entries);
      return { FailedEntryCount: 0, Entries: [] };
    }
  }
}
