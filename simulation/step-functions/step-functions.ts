/**
 * Step Functions in virtual time: the machines of an account, their executions, and the quotas that all of them share.
 *
 *     paths, templates, choice    the language            execution    the states of one machine, in order
 *     definition                  what is supported       task-state, map-state, map-run    what states do
 *     errors, retries             what handles an error   quotas, history, cancellation     what bounds an execution
 *
 * test/emulator/simulated-step-functions.test.ts compares it with LocalStack and MiniStack.
 */
import type { StateMachines, World } from '../services.ts';
import { ServiceError } from '../services.ts';
import { Cancellation } from './cancellation.ts';
import { type Definition, parseDefinition } from './definition.ts';
import { StepFunctionsRefusal } from './errors.ts';
import { runStates } from './execution.ts';
import { assertSize, type ExecutionContext, isAborted, stateErrorOf } from './execution-context.ts';
import { History } from './history.ts';
import type { Json } from './json.ts';
import { type ChildEnd, MapRuns } from './map-run.ts';
import type { StepFunctionsParts } from './parts.ts';
import { quotasOf, type StepFunctionsQuotas, TokenBucket } from './quotas.ts';

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED';

export interface Execution {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly input: Json;
  readonly startDate: Date;
  readonly status: ExecutionStatus;
  readonly stopDate?: Date;
  readonly output?: Json;
  readonly error?: string;
  readonly cause?: string;
  readonly history: History;
  /** The children of its Map Runs that have ended. */
  readonly children: readonly ChildEnd[];
  /** Resolves when the execution has ended. */
  readonly ended: Promise<void>;
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

interface Running extends Mutable<Execution> {
  readonly cancellation: Cancellation;
}

interface Deployed {
  readonly name: string;
  readonly definition: Definition;
}

export class StepFunctions implements StateMachines {
  readonly #parts: StepFunctionsParts;
  readonly #world: World;
  readonly #quotas: StepFunctionsQuotas;
  readonly #transitions: TokenBucket;
  readonly #starts: TokenBucket;
  readonly #machines = new Map<string, Deployed>();
  readonly #executions = new Map<string, Running>();
  readonly #mapRuns: MapRuns;
  #transitionCount = 0;

  constructor(parts: StepFunctionsParts) {
    const quotas = { ...quotasOf(parts.region ?? 'us-east-1'), ...parts.quotas };
    const { clock } = parts.world;
    this.#parts = parts;
    this.#world = parts.world;
    this.#quotas = quotas;
    this.#transitions = new TokenBucket(clock, {
      size: quotas.transitionsPerSecond,
      perSecond: quotas.transitionsPerSecond,
    });
    this.#mapRuns = new MapRuns({ world: parts.world, quotas, faults: parts.faults ?? {} });
    this.#starts = new TokenBucket(clock, { size: quotas.startsBurst, perSecond: quotas.startsPerSecond });
  }

  /** The transitions that AWS would charge for so far, those of children included. */
  get transitions(): number {
    return this.#transitionCount;
  }

  get executions(): readonly Execution[] {
    return [...this.#executions.values()];
  }

  /**
   * Creates a machine, or replaces the definition of the one with this name. Running executions keep theirs.
   *
   * @param definition  JSON, as it is deployed
   * @returns the ARN
   * @throws UnsupportedDefinitionError
   */
  putStateMachine(name: string, definition: string): string {
    const stateMachineArn = this.#arn('stateMachine', name);
    this.#machines.set(stateMachineArn, { name, definition: parseDefinition(definition) });
    return stateMachineArn;
  }

  /** @throws StepFunctionsRefusal */
  async startExecution({
    stateMachineArn,
    name: asked,
    input,
  }: Parameters<StateMachines['startExecution']>[0]): Promise<{ executionArn: string; startDate: Date }> {
    const machine = this.#machines.get(stateMachineArn);
    if (machine === undefined) {
      throw new StepFunctionsRefusal('StateMachineDoesNotExist', `${stateMachineArn} does not exist`);
    }
    if (!this.#starts.take()) throw new StepFunctionsRefusal('ThrottlingException', 'Rate exceeded');
    const name = asked ?? `execution-${this.#executions.size}`;
    const executionArn = this.#arn('execution', `${machine.name}:${name}`);
    // A copy, as the API makes one.
    const copy: Json = JSON.parse(JSON.stringify(input ?? {}));
    const before = this.#executions.get(executionArn);
    if (before !== undefined) {
      const isSame = before.status === 'RUNNING' && JSON.stringify(before.input) === JSON.stringify(copy);
      if (isSame) return before;
      throw new StepFunctionsRefusal('ExecutionAlreadyExists', `${executionArn} exists already`);
    }
    return this.#start(machine, { executionArn, stateMachineArn, name, input: copy });
  }

  /** Stops an execution and its children. The functions that they have called go on. */
  stopExecution(executionArn: string, { error, cause }: { error?: string; cause?: string } = {}): void {
    const execution = this.execution(executionArn) as Running;
    if (execution.status !== 'RUNNING') return;
    if (error !== undefined) execution.error = error;
    if (cause !== undefined) execution.cause = cause;
    execution.cancellation.abort();
  }

  /** @throws StepFunctionsRefusal */
  execution(executionArn: string): Execution {
    const found = this.#executions.get(executionArn);
    if (found !== undefined) return found;
    throw new StepFunctionsRefusal('ExecutionDoesNotExist', `${executionArn} does not exist`);
  }

  #start(
    { name: machineName, definition }: Deployed,
    about: Pick<Execution, 'executionArn' | 'stateMachineArn' | 'name' | 'input'>,
  ): Execution {
    const ended = Promise.withResolvers<void>();
    const children: ChildEnd[] = [];
    const execution: Running = {
      ...about,
      startDate: this.#world.now(),
      status: 'RUNNING',
      history: new History(this.#quotas.historyEventsMax),
      children,
      ended: ended.promise,
      cancellation: new Cancellation(),
    };
    this.#executions.set(about.executionArn, execution);
    const context = this.#contextOf(execution, machineName, (child) => children.push(child));
    void this.#run(execution, definition, context).then(ended.resolve, ended.reject);
    return execution;
  }

  async #run(execution: Running, definition: Definition, context: ExecutionContext): Promise<void> {
    const { history, input } = execution;
    const end = (status: Exclude<ExecutionStatus, 'RUNNING'>) => {
      execution.status = status;
      execution.stopDate = this.#world.now();
      history.end(`Execution${status}`);
    };
    try {
      history.add('ExecutionStarted');
      assertSize(input, context, 'the input of the execution');
      execution.output = await runStates(definition, input, context);
      end('SUCCEEDED');
    } catch (thrown) {
      if (isAborted(thrown)) return end('ABORTED');
      const { error, reason } = stateErrorOf(thrown);
      execution.error = error;
      execution.cause = reason;
      end('FAILED');
    } finally {
      execution.cancellation.abort();
    }
  }

  #contextOf(
    execution: Execution,
    machineName: string,
    onChild: (child: ChildEnd) => void,
  ): ExecutionContext {
    const { services } = this.#parts;
    const { executionArn, name, startDate, input, stateMachineArn, history } = execution;
    return {
      world: this.#world,
      quotas: this.#quotas,
      transitions: this.#transitions,
      history,
      cancellation: (execution as Running).cancellation,
      isExpress: false,
      onTransition: () => {
        this.#transitionCount += 1;
      },
      context: {
        Execution: { Id: executionArn, Name: name, StartTime: startDate.toISOString(), Input: input },
        StateMachine: { Id: stateMachineArn, Name: machineName },
      },
      services: {
        invoke: async (functionArn, payload, options) =>
          (await services.invoke(functionArn, copied(payload), options)) as Json,
        getObject: services.getObject,
        putEvents: (entries) => services.putEvents(entries as never),
        startExecution: (arn, childInput, childName) => this.#startedByState(arn, childInput, childName),
        runChildren: (run) => this.#mapRuns.run(run, onChild),
      },
    };
  }

  async #startedByState(stateMachineArn: string, input: Json, name?: string): Promise<Json> {
    try {
      const { executionArn, startDate } = await this.startExecution({
        stateMachineArn,
        input,
        ...(name === undefined ? {} : { name }),
      });
      return { ExecutionArn: executionArn, StartDate: startDate.toISOString() };
    } catch (error) {
      if (!(error instanceof StepFunctionsRefusal)) throw error;
      throw new ServiceError(`StepFunctions.${error.name}`, error.message);
    }
  }

  #arn(kind: 'stateMachine' | 'execution', name: string): string {
    const { region = 'us-east-1', account = '123456789012' } = this.#parts;
    return `arn:aws:states:${region}:${account}:${kind}:${name}`;
  }
}

function copied(value: Json): Json {
  return JSON.parse(JSON.stringify(value));
}
