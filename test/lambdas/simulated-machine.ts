/**
 * The state machine without Step Functions. It runs the steps in sequence on a store in memory; each step returns the next
 * one. Each step has only the permissions of its role. Retries are as in infra/machine/retry.ts, without the waits.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { bucketAccess } from '../../infra/functions/bucket-access.ts';
import type { FunctionName } from '../../infra/functions/function-names.ts';
import type { Retrier } from '../../infra/machine/asl.ts';
import {
  inlineRetriers,
  NOT_STARTED_ERRORS,
  REPAIR_ERRORS,
  REPORTED_ERRORS,
  reportedErrorRetriers,
  retriers,
} from '../../infra/machine/retry.ts';
import { registryOf } from '../../lambdas/runtime/registry.ts';
import { barrierStep } from '../../lambdas/steps/barrier.ts';
import { type CommittedJob, commitStep } from '../../lambdas/steps/commit.ts';
import { DiscardingStore } from '../../lambdas/steps/discarding-store.ts';
import type { Invocation, StepEnvironment } from '../../lambdas/steps/environment.ts';
import { failureStep, type RecordedFailure } from '../../lambdas/steps/failure.ts';
import { mapStep } from '../../lambdas/steps/map.ts';
import { planStep } from '../../lambdas/steps/plan.ts';
import { reduceStep } from '../../lambdas/steps/reduce.ts';
import type { Job } from '../../src/api/job.ts';
import { readDocument } from '../../src/aws/protocol/documents.ts';
import { answerFor, CAUSE_CHARACTERS_MAX } from '../../src/aws/protocol/error-answer.ts';
import {
  failureEventSchema,
  type JobState,
  mapEventSchema,
  reduceEventSchema,
  stepEventSchema,
  type TaskItem,
} from '../../src/aws/protocol/job-state.ts';
import { DATA_PREFIX, INPUT_PREFIX, OUTPUT_PREFIX } from '../../src/aws/protocol/keys.ts';
import type { Death } from '../../src/aws/protocol/lambda-reports.ts';
import { systemClock } from '../../src/base/clock.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import type { Decision } from '../../src/stages/advance.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectInfo, ObjectStore, WriteOptions } from '../../src/storage/object-store.ts';
import { RestrictedStore } from '../helpers/restricted-store.ts';
import { newInstance } from './new-instance.ts';

export type Ended =
  | { readonly status: 'SUCCEEDED'; readonly output: CommittedJob }
  | { readonly status: 'NOTHING TO DO' }
  | { readonly status: 'FAILED'; readonly failure: RecordedFailure };

export interface Child {
  readonly stage: 'map' | 'reduce';
  readonly index: number;
}

export interface MachineOptions {
  /** Children that the coordinator loses silently, as LocalStack loses failed children. */
  readonly loses?: (child: Child & { readonly round: number }) => boolean;
  /** What happens to the stage if a child fails: 'fails' as on AWS, 'is swallowed' as on LocalStack. */
  readonly childFailure?: 'fails' | 'is swallowed';
  /** Called before each attempt. */
  readonly beforeAttempt?: (attempt: Attempt) => Promise<void> | void;
  readonly beforeCommit?: () => Promise<void> | void;
  /** Error names of attempts whose process ends just before they commit. */
  readonly dies?: (attempt: Attempt) => string | undefined;
}

export interface Attempt extends Child {
  readonly retry: number;
  readonly deaths: number;
}

const FUNCTION_LIMIT_MS = 900_000;

/** The store of an attempt that dies before its commit. It writes a note about another attempt's death, and nothing else. */
class UncommittingStore extends DiscardingStore {
  readonly #notes: ObjectStore;

  constructor(inner: ObjectStore) {
    super(inner);
    this.#notes = inner;
  }

  override put(key: string, body: Uint8Array, options: WriteOptions = {}): Promise<ObjectInfo> {
    return key.includes('/failures/') ? this.#notes.put(key, body, options) : super.put(key, body, options);
  }
}

/** What a Catch passes on, for an error of Step Functions itself and for one that a handler threw. */
function caughtError(error: Error): Death {
  if (error.name.startsWith('States.')) return { Error: error.name, Cause: error.message };
  const { name: errorType, message: errorMessage, stack = '' } = answerFor(error);
  const answer = JSON.stringify({ errorType, errorMessage, trace: stack.split('\n') });
  return { Error: errorType, Cause: answer.slice(0, CAUSE_CHARACTERS_MAX) };
}

export class SimulatedMachine implements AsyncDisposable {
  readonly store: ObjectStore;
  readonly scratchParent: string;
  readonly environment: StepEnvironment;
  /** The steps that ran, in order: `plan`, `m-0`, `map-barrier`, ... */
  readonly log: string[] = [];
  /** The time that an attempt has left when it checks again. */
  remainingMs = 600_000;
  /** Each function runs on its own machines. */
  readablePrefixes: readonly string[] = [INPUT_PREFIX, DATA_PREFIX, OUTPUT_PREFIX];
  maxTasksPerStage = 10_000;
  taskFunction = { memoryMb: 1_769, scratchMb: 10_240 };
  /** What is deployed. */
  codeHash = 'c0de00000001';
  /** Set to 0 to run every stage in a Distributed Map. */
  inlineTasksMax: number = LIMITS.inlineTasksMax;
  clockAheadMs: (who: FunctionName) => number = () => 0;
  /** Called with each decision of the steps. */
  onDecision: (decision: Decision) => void = () => {};
  /** Called with each state that a step returns. */
  onState: (state: JobState) => void = () => {};
  #requests = 0;
  #executions = 0;

  private constructor(scratchParent: string, apps: Readonly<Record<string, Job>>, store: ObjectStore) {
    this.scratchParent = scratchParent;
    this.store = store;
    this.environment = {
      jobs: registryOf({ apps }),
      store,
      now: () => new Date(),
      clock: systemClock,
      codeHash: this.codeHash,
      maxConcurrency: 10,
      backupAttempts: true,
      maxTasksPerStage: this.maxTasksPerStage,
      taskFunction: this.taskFunction,
      readablePrefixes: this.readablePrefixes,
      memoryBytes: 64 * MiB,
      scratchParent,
      kept: {},
      instance: newInstance(),
    };
  }

  static async start(
    apps: Readonly<Record<string, Job>>,
    store: ObjectStore = new MemoryStore(),
  ): Promise<SimulatedMachine> {
    return new SimulatedMachine(await mkdtemp(join(tmpdir(), 'mapreduce-machine-')), apps, store);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.scratchParent, { recursive: true, force: true });
  }

  async execute(input: unknown, options: MachineOptions = {}): Promise<Ended> {
    const execution = { id: `execution-${this.#executions++}`, startTime: new Date().toISOString() };
    let jobId: string | undefined;
    try {
      let state = await this.#attempts('plan', () =>
        planStep({ input, execution }, this.#environmentOf('plan')),
      );
      for (;;) {
        jobId = state.jobId;
        this.onState(state);
        if (state.next === 'end') return { status: 'NOTHING TO DO' };
        const event = v.parse(stepEventSchema, { ...state, execution });
        switch (state.next) {
          case 'map':
          case 'map-watched':
          case 'map-inline':
          case 'map-inline-watched':
            await this.#stage('map', state, options);
            state = { ...state, next: 'map-barrier' };
            break;
          case 'reduce':
          case 'reduce-watched':
          case 'reduce-inline':
          case 'reduce-inline-watched':
            await this.#stage('reduce', state, options);
            state = { ...state, next: 'reduce-barrier' };
            break;
          case 'map-barrier':
            state = await this.#attempts('map-barrier', () =>
              barrierStep('map', event, this.#environmentOf('map-barrier')),
            );
            break;
          case 'reduce-barrier':
            state = await this.#attempts('reduce-barrier', () =>
              barrierStep('reduce', event, this.#environmentOf('reduce-barrier')),
            );
            break;
          case 'commit': {
            await options.beforeCommit?.();
            const output = await this.#attempts('commit', () =>
              commitStep(event, this.#environmentOf('commit'), this.#invocation()),
            );
            if (!('next' in output)) return { status: 'SUCCEEDED', output };
            state = output;
          }
        }
      }
    } catch (error) {
      const event = v.parse(failureEventSchema, {
        jobId: jobId ?? '',
        error: caughtError(error as Error),
        execution: { ...execution, input },
      });
      return { status: 'FAILED', failure: await failureStep(event, this.#environmentOf('failure')) };
    }
  }

  async #stage(stage: 'map' | 'reduce', state: JobState, options: MachineOptions): Promise<void> {
    const round = state.progress.handedOut[stage]! - 1;
    const isInline = state.next.includes('-inline');
    const items = isInline ? state.tasks : await readDocument<TaskItem[]>(this.store, state.items);
    for (const item of items) {
      if (options.loses?.({ stage, index: item.index, round })) continue;
      try {
        const policy = isInline ? inlineRetriers() : reportedErrorRetriers();
        await this.#child(`${stage[0]}-${item.index}`, policy, async (attempt) => {
          const about = { stage, index: item.index, ...attempt };
          await options.beforeAttempt?.(about);
          const name = options.dies?.(about);
          const own = this.#environmentOf(stage);
          const environment = name === undefined ? own : { ...own, store: new UncommittingStore(own.store) };
          const event = { jobId: state.jobId, item, ...attempt };
          if (stage === 'map') await mapStep(v.parse(mapEventSchema, event), environment, this.#invocation());
          else await reduceStep(v.parse(reduceEventSchema, event), environment, this.#invocation());
          if (name !== undefined) throw Object.assign(new Error('Error: signal: killed'), { name });
        });
      } catch (error) {
        const { name } = error as Error;
        if (REPAIR_ERRORS.includes(name)) continue;
        if (isInline && NOT_STARTED_ERRORS.includes(name)) continue;
        // An inline Map fails with the error of its child, on LocalStack as on AWS.
        if (isInline) throw error;
        if (options.childFailure === 'is swallowed') continue;
        throw Object.assign(new Error('Map run failed'), { name: 'States.ExceedToleratedFailureThreshold' });
      }
    }
  }

  /** Runs a child execution. A Catch, not a retrier, starts the function again after its death. */
  async #child(
    name: string,
    policy: readonly Retrier[],
    attempt: (about: { retry: number; deaths: number; death: Death }) => Promise<void>,
  ): Promise<void> {
    let death: Death = { Error: '', Cause: '' };
    for (let deaths = 0; ; deaths++) {
      const run = async (retry: number): Promise<Error | undefined> => {
        try {
          await attempt({ retry, deaths, death });
          return undefined;
        } catch (error) {
          if (!(error instanceof Error) || REPORTED_ERRORS.includes(error.name)) throw error;
          return error;
        }
      };
      const died = await this.#attempts(name, run, policy);
      if (died === undefined) return;
      if (deaths === LIMITS.attemptsMaxDefault) throw died;
      const answer = { errorType: died.name, errorMessage: died.message };
      death = { Error: died.name, Cause: JSON.stringify(answer) };
    }
  }

  async #attempts<T>(
    name: string,
    attempt: (retry: number) => Promise<T>,
    policy: readonly Retrier[] = retriers(),
  ): Promise<T> {
    const used = new Map<Retrier, number>();
    for (let retry = 0; ; retry++) {
      this.log.push(name);
      try {
        return await attempt(retry);
      } catch (error) {
        const retrier = policy.find(
          ({ ErrorEquals }) => ErrorEquals.includes((error as Error).name) || ErrorEquals[0] === 'States.ALL',
        );
        if (retrier === undefined) throw error;
        const count = used.get(retrier) ?? 0;
        if (count >= retrier.MaxAttempts) throw error;
        used.set(retrier, count + 1);
      }
    }
  }

  #environmentOf(who: FunctionName): StepEnvironment {
    const { readablePrefixes, maxTasksPerStage, inlineTasksMax, taskFunction, codeHash } = this;
    const access = bucketAccess(who, readablePrefixes);
    return {
      ...this.environment,
      readablePrefixes,
      maxTasksPerStage,
      taskFunction,
      codeHash,
      inlineTasksMax,
      onDecision: this.onDecision,
      store: new RestrictedStore(this.environment.store, { who, access }),
      now: () => new Date(this.environment.now().getTime() + this.clockAheadMs(who)),
    };
  }

  #invocation(): Invocation {
    let isFirstLook = true;
    const remainingMs = () => {
      if (!isFirstLook) return this.remainingMs;
      isFirstLook = false;
      return FUNCTION_LIMIT_MS;
    };
    return { requestId: `request-${this.#requests++}`, remainingMs };
  }
}
