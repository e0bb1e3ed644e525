/**
 * The functions of a deployment under a schedule of faults. Each environment is the project's own code with the real S3
 * store, on a clock of its own: it can die, stop and go on, or run the attempt that another one runs too.
 */
import { DeleteObjectCommand, DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import { FUNCTION_NAMES, type FunctionName } from '../../infra/functions/function-names.ts';
import { executionEnvironment } from '../../lambdas/runtime/execution-environment.ts';
import type { Job } from '../../src/api/job.ts';
import { WAKE_EVENT } from '../../src/aws/protocol/wake.ts';
import { HANDLERS, type Handler, NO_TELEMETRY } from '../lambda/handlers.ts';
import type { Random } from '../random.ts';
import type { SimulatedS3 } from '../s3/s3.ts';
import { seededRandom } from '../seeded-random.ts';
import { ServiceError, type World } from '../services.ts';
import { EnvironmentClock } from './environment-clock.ts';
import type { Trouble, Troubles } from './troubles.ts';
import { Turns } from './turns.ts';

/** Of every function; Step Functions waits a minute longer. */
export const FUNCTION_LIMIT_MS = 900_000;
const EVENT_RETRIES = 2;

export interface FunctionsParts {
  readonly world: World;
  readonly s3: SimulatedS3;
  readonly random: Random;
  readonly troubles: Troubles;
  readonly apps: Readonly<Record<string, Job>>;
  readonly variables: Readonly<Record<string, string>>;
  /** An existing folder for the environments' folders. */
  readonly scratch: string;
  /** How far clocks of environments may differ from the time. */
  readonly skewMsMax: number;
  readonly trace: (text: string) => void;
  readonly onInvoked: (name: FunctionName, jobId: string | undefined) => void;
}

/** An invocation that its time limit ended although nothing had stopped it. */
export interface Overrun {
  readonly name: FunctionName;
  readonly atMs: number;
}

export class Functions {
  readonly overruns: Overrun[] = [];
  /** What plan steps remove that were stopped just before the DELETE and resumed late: decision 13 has this window. */
  readonly removedLate = new Set<string>();
  /** Invocations with a trouble. */
  troubled = 0;
  readonly #parts: FunctionsParts;
  readonly #turns: Turns;
  readonly #idle = new Map<FunctionName, Environment[]>();
  #environments = 0;
  #requests = 0;
  #active = 0;

  constructor(parts: FunctionsParts) {
    this.#parts = parts;
    this.#turns = new Turns(parts.world.clock);
  }

  /** Resolves when no environment runs any code any more, also those that were reported dead. */
  async settled(): Promise<void> {
    while (this.#active > 0) await sleep(this.#parts.world, 60_000);
  }

  async invoke(
    name: FunctionName,
    payload: unknown,
    { isEvent = false }: { isEvent?: boolean } = {},
  ): Promise<unknown> {
    const { world, random } = this.#parts;
    await sleep(world, random.int(5, 40));
    if (!isEvent) return await this.#invoked(name, payload, this.#requestId());
    void this.#queued(name, payload);
    return null;
  }

  /** Some wakes are lost, run twice, or end with their environment. Troubles are for the steps themselves. */
  async wake(name: FunctionName): Promise<void> {
    const { world, random } = this.#parts;
    await sleep(world, random.int(5, 400));
    if (random.chance(0.1)) throw new ServiceError('Lambda.TooManyRequestsException', 'on purpose');
    const run = async () => {
      const trouble = random.chance(0.1) ? DIES_AT_ONCE : undefined;
      await this.#run(name, WAKE_EVENT, { requestId: this.#requestId(), trouble });
    };
    await Promise.all(Array.from({ length: random.chance(0.1) ? 2 : 1 }, run));
  }

  /** Lambda runs an event again if the function fails, with the same request id. */
  async #queued(name: FunctionName, payload: unknown): Promise<void> {
    const { world, random } = this.#parts;
    const requestId = this.#requestId();
    for (let retry = 0; retry <= EVENT_RETRIES; retry++) {
      await sleep(world, retry === 0 ? random.int(10, 5_000) : 60_000 * retry);
      try {
        await this.#invoked(name, payload, requestId);
        return;
      } catch {
        // The next retry, or Lambda drops the event.
      }
    }
  }

  async #invoked(name: FunctionName, payload: unknown, requestId: string): Promise<unknown> {
    const { world, troubles, trace } = this.#parts;
    const task = taskOf(name, payload);
    this.#parts.onInvoked(name, (payload as { jobId?: string }).jobId);
    const trouble = troubles.next(task);
    if (trouble !== undefined) this.troubled += 1;
    trace(`${task} ${requestId}${trouble === undefined ? '' : ` ${JSON.stringify(trouble)}`}`);
    if (trouble?.kind === 'refused') throw new ServiceError(trouble.error, 'on purpose');
    const first = this.#run(name, payload, { requestId, trouble });
    first.catch(() => {});
    try {
      if (trouble?.kind === 'answer lost') {
        await sleep(world, trouble.afterMs);
        throw new ServiceError('Lambda.SdkClientException', 'the answer was lost on purpose');
      }
      if (trouble?.kind !== 'runs twice') return await first;
      await sleep(world, trouble.afterMs);
      const second = this.#run(name, payload, { requestId: this.#requestId(), trouble: undefined });
      second.catch(() => {});
      return await (trouble.answer === 0 ? first : second);
    } catch (error) {
      trace(`${task} ${requestId} failed: ${error instanceof Error ? error.message.slice(0, 300) : error}`);
      throw error;
    }
  }

  async #run(
    name: FunctionName,
    payload: unknown,
    invocation: { requestId: string; trouble: Trouble | undefined },
  ): Promise<unknown> {
    const environment = this.#environmentOf(name);
    this.#active += 1;
    void environment.finished().then(() => {
      this.#active -= 1;
      if (environment.isReusable) this.#idle.get(name)!.push(environment);
    });
    return await environment.run(payload, invocation);
  }

  #environmentOf(name: FunctionName): Environment {
    // A request that was under way when the invocation ended may have ended the process since then.
    const idle = (this.#idle.get(name) ?? []).filter(({ isReusable }) => isReusable);
    this.#idle.set(name, idle);
    const warm = this.#parts.random.chance(0.8) ? idle.pop() : undefined;
    const environment =
      warm ??
      new Environment({
        name,
        id: String(this.#environments++).padStart(6, '0'),
        parts: this.#parts,
        turns: this.#turns,
        wake: (woken) => this.wake(woken),
        overruns: this.overruns,
        removedLate: this.removedLate,
      });
    environment.begin();
    return environment;
  }

  #requestId(): string {
    this.#requests += 1;
    return `00000000-0000-4000-8000-${this.#requests.toString(16).padStart(12, '0')}`;
  }
}

interface EnvironmentOptions {
  readonly name: FunctionName;
  readonly id: string;
  readonly parts: FunctionsParts;
  readonly turns: Turns;
  readonly overruns: Overrun[];
  readonly removedLate: Set<string>;
  readonly wake: (name: FunctionName) => Promise<void>;
}

const DIES_AT_ONCE: Trouble = { kind: 'dies at a clock read', at: 1, error: 'Runtime.ExitError' };

class Environment {
  readonly #name: FunctionName;
  readonly #id: string;
  readonly #turns: Turns;
  readonly #world: World;
  readonly #clock: EnvironmentClock;
  readonly #handler: Handler;
  readonly #overruns: Overrun[];
  readonly #removedLate: Set<string>;
  #trouble: Trouble | undefined;
  #calls = 0;
  #reads = 0;
  #fail: (error: ServiceError) => void = () => {};
  #finished = Promise.withResolvers<void>();
  #isAbandoned = false;

  constructor({ name, id, parts, turns, overruns, removedLate, wake }: EnvironmentOptions) {
    const { world, s3, random, apps, variables, scratch, skewMsMax } = parts;
    this.#name = name;
    this.#id = id;
    this.#turns = turns;
    this.#world = world;
    this.#overruns = overruns;
    this.#removedLate = removedLate;
    this.#clock = new EnvironmentClock(world.clock, () => this.#onRead());
    const skewMs = random.int(-skewMsMax, skewMsMax);
    const client = s3.client({
      clock: this.#clock,
      transferMs: (bytes) => bytes / 1_000,
      calling: () => this.#onSent(),
      die: () => this.#die(),
    });
    const environmentOf = executionEnvironment({
      variables,
      jobs: { apps },
      client: this.#delayed(client),
      clock: this.#clock,
      now: () => new Date(world.now().getTime() + skewMs),
      random: seededRandom(random.int(0, 2 ** 32 - 1)),
      scratchParent: `${scratch}/${id}`,
      coldStartMs: 0,
      // That of this process differs from run to run.
      memoryInUseBytes: () => 0,
      sendWake: async (arn) => {
        await wake(functionNameOf(arn));
        // The answer waits while the environment is stopped, and does not reach a dead one.
        await this.#clock.running();
      },
    });
    const options = { environmentOf, clock: this.#clock, telemetryOf: () => NO_TELEMETRY };
    this.#handler = HANDLERS[name](options, { compute: (ms) => sleep(world, ms) });
  }

  get isReusable(): boolean {
    return !this.#clock.isDead && !this.#isAbandoned;
  }

  /** Resolves when the environment runs no code for its invocation any more. */
  finished(): Promise<void> {
    return this.#finished.promise;
  }

  begin(): void {
    this.#finished = Promise.withResolvers<void>();
  }

  run(
    payload: unknown,
    { requestId, trouble }: { requestId: string; trouble: Trouble | undefined },
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const { clock } = this.#world;
    const deadlineMs = clock.nowMs() + FUNCTION_LIMIT_MS;
    const cancelLimit = clock.after(FUNCTION_LIMIT_MS, () => {
      if (this.#isAbandoned || this.#clock.isDead) return;
      if (this.#trouble?.kind !== 'pauses') this.#overruns.push({ name: this.#name, atMs: clock.nowMs() });
      this.#fail(died('Sandbox.Timedout', requestId, 'Task timed out after 900.00 seconds'));
      this.#kill();
    });
    this.#trouble = trouble;
    this.#calls = 0;
    this.#reads = 0;
    this.#fail = (error) => reject(error);
    this.#requestId = requestId;
    this.#clock.thaw();
    // Copies, as JSON does.
    const context = {
      awsRequestId: requestId,
      getRemainingTimeInMillis: () => deadlineMs - this.#clock.nowMs(),
    };
    this.#handler(JSON.parse(JSON.stringify(payload)), context)
      .finally(() => this.#turns.next(this.#id))
      .then(
        (answer) => resolve(answer === undefined ? null : JSON.parse(JSON.stringify(answer))),
        (error: Error) => reject(thrown(error)),
      )
      .finally(() => {
        cancelLimit();
        this.#trouble = undefined;
        // Between invocations, Lambda freezes the environment.
        this.#clock.freeze();
        this.#finished.resolve();
      });
    return promise;
  }

  #requestId = '';

  /** The client, whose requests wait for their turn, and while the environment is frozen. */
  #delayed(client: S3Client): S3Client {
    const send = async (command: unknown, options: unknown): Promise<unknown> => {
      await this.#turns.next(`${this.#id} ${nameOfRequest(command)}`);
      this.#calls += 1;
      this.#pauseHere();
      if (this.#name === 'plan' && this.#isAbandoned && this.#clock.isFrozen) {
        for (const key of keysToRemove(command)) this.#removedLate.add(key);
      }
      await this.#clock.running();
      return await (client.send as (command: unknown, options: unknown) => Promise<unknown>)(
        command,
        options,
      );
    };
    return { config: client.config, send } as unknown as S3Client;
  }

  #pauseHere(): void {
    const trouble = this.#trouble;
    if (trouble?.kind !== 'pauses' && trouble?.kind !== 'resumes late') return;
    if (trouble.at !== this.#calls || this.#clock.isFrozen) return;
    this.#clock.freeze();
    if (trouble.kind === 'resumes late') {
      this.#isAbandoned = true;
      this.#fail(died(trouble.error, this.#requestId, 'Error: Runtime exited with error: signal: killed'));
      this.#world.clock.after(trouble.forMs + FUNCTION_LIMIT_MS, () => this.#kill());
    }
    this.#world.clock.after(trouble.forMs, () => this.#clock.thaw());
  }

  #onSent(): 'dies-before' | 'dies-after' | undefined {
    const trouble = this.#trouble;
    if (this.#clock.isDead) return 'dies-before';
    if (trouble?.kind !== 'dies at a request' || trouble.at !== this.#calls) return undefined;
    if (trouble.effect === 'dies-before') this.#die();
    return trouble.effect;
  }

  #onRead(): void {
    const trouble = this.#trouble;
    this.#reads += 1;
    if (trouble?.kind !== 'dies at a clock read' || trouble.at !== this.#reads) return;
    // The code runs on to its next request, which is not sent.
    this.#die();
  }

  #die(): void {
    const trouble = this.#trouble;
    const error = trouble !== undefined && 'error' in trouble ? trouble.error : 'Runtime.ExitError';
    this.#fail(died(error, this.#requestId, 'Error: Runtime exited with error: signal: killed'));
    this.#kill();
  }

  #kill(): void {
    this.#clock.kill();
    this.#finished.resolve();
  }
}

function nameOfRequest(command: unknown): string {
  // The cast: a command of the SDK is an object of a class of its own.
  const { constructor: kind, input } = command as { constructor: { name: string }; input: { Key?: string } };
  return `${kind.name} ${input.Key ?? ''}`;
}

/** @throws ServiceError if there is no such function */
export function functionNameOf(functionArn: string): FunctionName {
  const name = functionArn.split(':')[6];
  const found = FUNCTION_NAMES.find((one) => one === name);
  if (found === undefined)
    throw new ServiceError('Lambda.ResourceNotFoundException', `${functionArn} does not exist`);
  return found;
}

function keysToRemove(command: unknown): string[] {
  if (command instanceof DeleteObjectCommand) return [command.input.Key!];
  return command instanceof DeleteObjectsCommand ? command.input.Delete!.Objects!.map(({ Key }) => Key!) : [];
}

/** The task, or the step, that an invocation is for. */
function taskOf(name: FunctionName, payload: unknown): string {
  const { jobId, item, input } = payload as {
    jobId?: string;
    item?: { index: number };
    input?: { jobId?: string };
  };
  const job = jobId ?? input?.jobId ?? 'upload';
  return `${job} ${name}${item === undefined ? '' : ` ${item.index}`}`;
}

function thrown({ name, message, stack = '' }: Error): ServiceError {
  return new ServiceError(
    name,
    JSON.stringify({ errorType: name, errorMessage: message, trace: stack.split('\n') }),
  );
}

function died(error: string, requestId: string, why: string): ServiceError {
  return new ServiceError(
    error,
    JSON.stringify({ errorType: error, errorMessage: `RequestId: ${requestId} ${why}` }),
  );
}

function sleep({ clock }: World, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
