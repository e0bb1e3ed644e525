/**
 * Lambda in virtual time. Each invocation runs in an environment that is idle, or in a new one, which takes a cold start.
 * Too many at once, or too many new ones, are refused with 429.
 */

import { EVENT_AGE_SECONDS_MAX } from '../../infra/functions/deployment-defaults.ts';
import { THROTTLED } from '../../infra/machine/retry.ts';
import { executionEnvironment } from '../../lambdas/runtime/execution-environment.ts';
import type { LambdaContext } from '../../lambdas/runtime/powertools.ts';
import type { ServeOptions } from '../../lambdas/runtime/serve-step.ts';
import { chargedScratchGb } from '../../src/aws/model/cost.ts';
import { cpusOf, LAMBDA_FACTS } from '../../src/aws/model/facts.ts';
import { isWakeEvent, WAKE_EVENT } from '../../src/aws/protocol/wake.ts';
import { MiB } from '../../src/base/limits.ts';
import { distributionOf } from '../distributions.ts';
import type { SimulatedS3 } from '../s3/s3.ts';
import { ServiceError, type World } from '../services.ts';
import { type ClientCpu, FREE_CPU, SimulatedEnvironment } from './environment.ts';
import { LambdaFaults } from './faults.ts';
import { type Handler, type HandlerOf, NO_TELEMETRY } from './handlers.ts';

export interface SimulatedFunction {
  /** With a version, if it is one. */
  readonly arn: string;
  /** Versions of one function share its rate of new environments and its reserved concurrency. */
  readonly name: string;
  readonly handlerOf: HandlerOf;
  /** The environment variables that the construct sets. */
  readonly variables: Readonly<Record<string, string>>;
  /** The module of the jobs: `{ apps }`. */
  readonly jobs: object;
  readonly memoryMb: number;
  readonly scratchMb: number;
  readonly timeoutMs: number;
  readonly reservedConcurrency?: number;
  /** Default: code takes no time. */
  readonly cpu?: ClientCpu;
}

export interface SimulatedLambdaOptions {
  readonly world: World;
  readonly s3: SimulatedS3;
  /** A folder whose folders stand for the /tmp of the environments. */
  readonly scratchParent: string;
  readonly faults?: LambdaFaults;
  readonly accountConcurrency?: number;
}

/** What AWS charges for. */
export interface LambdaUsage {
  invocations: number;
  /** Including the time of cold starts. */
  gbSeconds: number;
  /** Of /tmp, without what is free. */
  scratchGbSeconds: number;
  coldStarts: number;
  throttled: number;
  concurrencyMax: number;
  /** Invocations that ended with an error, by its name. */
  readonly errors: Record<string, number>;
}

interface Instance {
  readonly environment: SimulatedEnvironment;
  readonly handler: Handler;
  idleSinceMs: number;
}

interface Deployed {
  readonly config: SimulatedFunction;
  /** The most recently used is the last. */
  idle: Instance[];
}

const EVENT_RETRY_MS = 1_000;

const INIT = distributionOf(LAMBDA_FACTS.initMs);
const PLACEMENT = distributionOf(LAMBDA_FACTS.placementMs);
const INVOKE = distributionOf(LAMBDA_FACTS.warmInvokeMs);

export class SimulatedLambda {
  readonly usage: LambdaUsage = {
    invocations: 0,
    gbSeconds: 0,
    scratchGbSeconds: 0,
    coldStarts: 0,
    throttled: 0,
    concurrencyMax: 0,
    errors: {},
  };
  readonly faults: LambdaFaults;
  readonly #options: SimulatedLambdaOptions;
  readonly #functions = new Map<string, Deployed>();
  readonly #running = new Map<string, number>();
  readonly #newEnvironments = new Map<string, { tokens: number; filledMs: number }>();
  #runningInAll = 0;
  #environments = 0;
  #requests = 0;

  constructor(options: SimulatedLambdaOptions) {
    this.#options = options;
    this.faults = options.faults ?? new LambdaFaults({ random: options.world.random });
  }

  deploy(config: SimulatedFunction): void {
    this.#functions.set(config.arn, { config, idle: [] });
  }

  /** See Services.invoke. */
  async invoke(
    functionArn: string,
    payload: unknown,
    { isEvent = false }: { readonly isEvent?: boolean } = {},
  ): Promise<unknown> {
    if (!isEvent) return await this.#invoke(functionArn, payload);
    void this.#invokeQueued(functionArn, payload);
    return null;
  }

  /** Lambda retries the start of an event until the event is too old; it does not retry an event that failed. */
  async #invokeQueued(functionArn: string, payload: unknown): Promise<void> {
    const { clock } = this.#options.world;
    const untilMs = clock.nowMs() + EVENT_AGE_SECONDS_MAX * 1000;
    for (;;) {
      try {
        await this.#invoke(functionArn, payload);
        return;
      } catch (error) {
        const isThrottled = error instanceof ServiceError && error.name === THROTTLED;
        if (!isThrottled || clock.nowMs() + EVENT_RETRY_MS > untilMs) return;
        await this.#sleep(EVENT_RETRY_MS);
      }
    }
  }

  async #invoke(functionArn: string, payload: unknown): Promise<unknown> {
    const deployed = this.#functions.get(functionArn);
    if (deployed === undefined) {
      throw new ServiceError('Lambda.ResourceNotFoundException', `Function not found: ${functionArn}`);
    }
    const { name } = deployed.config;
    const { fault, death } = this.faults.take(isWakeEvent(payload) ? `wake ${name}` : name);
    if (fault === 'throttled-start') throw this.#throttled();
    const run = () =>
      this.#run(deployed, payload, { hangs: fault === 'hangs', ...(death === undefined ? {} : { death }) });
    if (fault === 'twice') void run().catch(() => {});
    const answer = run();
    if (fault !== 'lost-answer') return await answer;
    answer.catch(() => {});
    throw new ServiceError('Lambda.SdkClientException', 'Unable to execute HTTP request: Read timed out');
  }

  async #run(
    deployed: Deployed,
    payload: unknown,
    faults: Parameters<SimulatedEnvironment['thaw']>[0],
  ): Promise<unknown> {
    const { world } = this.#options;
    const { name, timeoutMs } = deployed.config;
    const idle = this.#enter(deployed);
    const requestId = `request-${++this.#requests}`;
    let billedMs = 0;
    try {
      await this.#sleep(INVOKE.next(world.random));
      const { instance, initMs } =
        idle === undefined ? await this.#newInstance(deployed) : { instance: idle, initMs: 0 };
      billedMs += initMs;
      const startedMs = world.clock.nowMs();
      try {
        return await this.#handle(instance, deployed, { payload, requestId, timeoutMs, faults });
      } finally {
        billedMs += world.clock.nowMs() - startedMs;
      }
    } catch (error) {
      const kind = error instanceof ServiceError ? error.name : 'unknown';
      this.usage.errors[kind] = (this.usage.errors[kind] ?? 0) + 1;
      throw error;
    } finally {
      this.#leave(name);
      const { memoryMb, scratchMb } = deployed.config;
      const seconds = Math.ceil(billedMs) / 1000;
      this.usage.gbSeconds += seconds * (memoryMb / 1024);
      this.usage.scratchGbSeconds += seconds * chargedScratchGb(scratchMb * MiB);
    }
  }

  /** Runs the handler in the environment until it answers, throws, dies, or its time is up. */
  async #handle(
    instance: Instance,
    deployed: Deployed,
    {
      payload,
      requestId,
      timeoutMs,
      faults,
    }: {
      payload: unknown;
      requestId: string;
      timeoutMs: number;
      faults: Parameters<SimulatedEnvironment['thaw']>[0];
    },
  ): Promise<unknown> {
    const { clock } = this.#options.world;
    const { environment, handler } = instance;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const deadlineMs = clock.nowMs() + timeoutMs;
    const context: LambdaContext = {
      awsRequestId: requestId,
      getRemainingTimeInMillis: () => deadlineMs - clock.nowMs(),
    };
    const cancelTimeout = clock.after(timeoutMs, () => {
      environment.die();
      const seconds = (timeoutMs / 1000).toFixed(2);
      reject(death('Sandbox.Timedout', requestId, `Task timed out after ${seconds} seconds`));
    });
    environment.onDeath = () =>
      reject(death('Runtime.ExitError', requestId, 'Runtime exited with error: signal: killed'));
    environment.thaw(faults);
    // What the handler ends with leaves the environment when its thread is free.
    handler(plainJson(payload), context).then(
      (answer) => environment.clock.after(0, () => resolve(plainJson(answer))),
      (error: Error) => environment.clock.after(0, () => reject(thrown(error))),
    );
    try {
      return await promise;
    } finally {
      cancelTimeout();
      environment.onDeath = () => {};
      environment.freeze();
      if (!environment.isDead) {
        instance.idleSinceMs = clock.nowMs();
        deployed.idle.push(instance);
      }
    }
  }

  /** Makes an environment, after its cold start. */
  async #newInstance(deployed: Deployed): Promise<{ instance: Instance; initMs: number }> {
    const { world, s3, scratchParent } = this.#options;
    const { clock, now, random } = world;
    const { handlerOf, variables, jobs, memoryMb, cpu = FREE_CPU } = deployed.config;
    const initMs = INIT.next(random);
    await this.#sleep(PLACEMENT.next(random) + initMs);
    this.usage.coldStarts += 1;
    const share = Math.min(1, cpusOf(memoryMb)) * LAMBDA_FACTS.cpuFraction.value;
    const environment = new SimulatedEnvironment({
      world: { clock, now, random },
      faults: this.faults,
      cpu: {
        getMs: cpu.getMs / share,
        movedMsPerMiB: cpu.movedMsPerMiB / share,
      },
    });
    const number = ++this.#environments;
    const stream = number.toString(16).padStart(32, '0');
    const options: ServeOptions = {
      environmentOf: executionEnvironment({
        variables: {
          ...variables,
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
          AWS_LAMBDA_LOG_STREAM_NAME: `2026/01/01/[1]${stream}`,
        },
        jobs,
        client: s3.client(environment.link),
        clock: environment.clock,
        now,
        random,
        scratchParent: `${scratchParent}/environment-${number}`,
        coldStartMs: initMs,
        sendWake: async (arn) => {
          await this.#invoke(arn, WAKE_EVENT);
          // The answer waits while the environment is frozen, and does not reach a dead one.
          await new Promise<void>((resolve) => environment.clock.after(0, resolve));
        },
        // That of this process differs from run to run.
        memoryInUseBytes: () => (memoryMb * MiB) / 2,
      }),
      clock: environment.clock,
      telemetryOf: () => NO_TELEMETRY,
    };
    return {
      instance: {
        environment,
        handler: handlerOf(options, { compute: (ms) => environment.computed(ms / share) }),
        idleSinceMs: 0,
      },
      initMs,
    };
  }

  /**
   * Takes the idle environment that was used last; undefined if a new one must be made.
   *
   * @throws ServiceError if there is no room
   */
  #enter(deployed: Deployed): Instance | undefined {
    const { name, reservedConcurrency = Number.POSITIVE_INFINITY } = deployed.config;
    const { accountConcurrency = LAMBDA_FACTS.accountConcurrency.value } = this.#options;
    const running = this.#running.get(name) ?? 0;
    this.#removeExpired(deployed);
    const isFull = running >= reservedConcurrency || this.#runningInAll >= accountConcurrency;
    if (isFull || (deployed.idle.length === 0 && !this.#mayAdd(name))) throw this.#throttled();
    this.usage.invocations += 1;
    this.#running.set(name, running + 1);
    this.#runningInAll += 1;
    this.usage.concurrencyMax = Math.max(this.usage.concurrencyMax, this.#runningInAll);
    return deployed.idle.pop();
  }

  #leave(name: string): void {
    this.#running.set(name, this.#running.get(name)! - 1);
    this.#runningInAll -= 1;
  }

  /** Lambda adds so many environments of a function in ten seconds, and refills that continuously. */
  #mayAdd(name: string): boolean {
    const { scaleUpEnvironments, scaleUpSeconds } = LAMBDA_FACTS;
    const nowMs = this.#options.world.clock.nowMs();
    const { tokens, filledMs } = this.#newEnvironments.get(name) ?? {
      tokens: scaleUpEnvironments.value,
      filledMs: nowMs,
    };
    const perMs = scaleUpEnvironments.value / (scaleUpSeconds.value * 1000);
    const filled = Math.min(scaleUpEnvironments.value, tokens + (nowMs - filledMs) * perMs);
    const mayAdd = filled >= 1;
    this.#newEnvironments.set(name, { tokens: mayAdd ? filled - 1 : filled, filledMs: nowMs });
    return mayAdd;
  }

  #removeExpired(deployed: Deployed): void {
    const keptMs = LAMBDA_FACTS.idleKeptSeconds.value * 1000;
    const nowMs = this.#options.world.clock.nowMs();
    deployed.idle = deployed.idle.filter(({ environment, idleSinceMs }) => {
      if (environment.isDead) return false;
      if (nowMs - idleSinceMs <= keptMs) return true;
      environment.die();
      return false;
    });
  }

  #throttled(): ServiceError {
    this.usage.throttled += 1;
    return new ServiceError(THROTTLED, 'Rate Exceeded. (Service: Lambda, Status Code: 429)');
  }

  #sleep(delayMs: number): Promise<void> {
    const { clock } = this.#options.world;
    return new Promise((resolve) => clock.after(delayMs, resolve));
  }
}

function thrown({ name, message, stack = '' }: Error): ServiceError {
  return new ServiceError(
    name,
    JSON.stringify({ errorType: name, errorMessage: message, trace: stack.split('\n') }),
  );
}

function death(name: string, requestId: string, what: string): ServiceError {
  const errorMessage = `RequestId: ${requestId} Error: ${what}`;
  return new ServiceError(name, JSON.stringify({ errorType: name, errorMessage }));
}

function plainJson(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}
