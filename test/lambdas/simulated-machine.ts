/**
 * The state machine without Step Functions: the steps one after the other over a store in memory, each told to go where
 * the one before said. Retries are as in infra/retry.ts, without the waiting.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { REPAIR_ERROR, type Retrier, retriers } from '../../infra/retry.ts';
import { registryOf } from '../../lambdas/runtime/registry.ts';
import { type CommittedJob, commitStep } from '../../lambdas/steps/commit.ts';
import type { Invocation, StepEnvironment } from '../../lambdas/steps/environment.ts';
import { failureStep, type RecordedFailure } from '../../lambdas/steps/failure.ts';
import { mapStep } from '../../lambdas/steps/map.ts';
import { mapBarrierStep } from '../../lambdas/steps/map-barrier.ts';
import { planStep } from '../../lambdas/steps/plan.ts';
import { reduceStep } from '../../lambdas/steps/reduce.ts';
import { reduceBarrierStep } from '../../lambdas/steps/reduce-barrier.ts';
import { readDocument } from '../../src/aws/documents.ts';
import {
  failureEventSchema,
  type JobState,
  mapEventSchema,
  reduceEventSchema,
  stepEventSchema,
} from '../../src/aws/job-state.ts';
import type { Job } from '../../src/job.ts';
import { MiB } from '../../src/limits.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export type Ended =
  | { readonly status: 'SUCCEEDED'; readonly output: CommittedJob }
  | { readonly status: 'NOTHING TO DO' }
  | { readonly status: 'FAILED'; readonly failure: RecordedFailure };

export interface Child {
  readonly stage: 'map' | 'reduce';
  readonly index: number;
}

export interface MachineOptions {
  /** Children that the coordinator loses without a word, as LocalStack loses those that fail. */
  readonly loses?: (child: Child & { readonly round: number }) => boolean;
  /** What a child's failure does to its stage: 'fails' as on AWS, 'is swallowed' as on LocalStack. */
  readonly childFailure?: 'fails' | 'is swallowed';
  /** Called before each attempt. */
  readonly beforeAttempt?: (attempt: Child & { readonly retry: number }) => Promise<void> | void;
}

export class SimulatedMachine implements AsyncDisposable {
  readonly store: ObjectStore;
  readonly scratchParent: string;
  readonly environment: StepEnvironment;
  /** What was run, in order: `plan`, `m-0`, `map-barrier`, ... */
  readonly log: string[] = [];
  remainingMs = 600_000;
  #requests = 0;
  #executions = 0;

  private constructor(scratchParent: string, apps: Readonly<Record<string, Job>>, store: ObjectStore) {
    this.scratchParent = scratchParent;
    this.store = store;
    this.environment = {
      jobs: registryOf({ apps }),
      store,
      now: () => new Date(),
      maxConcurrency: 10,
      backupAttempts: true,
      memoryBytes: 64 * MiB,
      scratchParent,
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
      let state = await this.#attempts('plan', () => planStep({ input, execution }, this.environment));
      for (;;) {
        jobId = state.jobId;
        if (state.next === 'end') return { status: 'NOTHING TO DO' };
        const event = v.parse(stepEventSchema, { ...state, execution });
        switch (state.next) {
          case 'map':
          case 'map-watched':
            await this.#stage('map', state, options);
            state = { ...state, next: 'map-barrier' };
            break;
          case 'reduce':
          case 'reduce-watched':
            await this.#stage('reduce', state, options);
            state = { ...state, next: 'reduce-barrier' };
            break;
          case 'map-barrier':
            state = await this.#attempts('map-barrier', () => mapBarrierStep(event, this.environment));
            break;
          case 'reduce-barrier':
            state = await this.#attempts('reduce-barrier', () => reduceBarrierStep(event, this.environment));
            break;
          case 'commit': {
            const output = await this.#attempts('commit', () =>
              commitStep(event, this.environment, this.#invocation()),
            );
            return { status: 'SUCCEEDED', output };
          }
        }
      }
    } catch (error) {
      const { name, message } = error as Error;
      const event = v.parse(failureEventSchema, {
        jobId: jobId ?? '',
        error: { Error: name, Cause: JSON.stringify({ errorType: name, errorMessage: message, trace: [] }) },
        execution: { ...execution, input },
      });
      return { status: 'FAILED', failure: await failureStep(event, this.environment) };
    }
  }

  async #stage(stage: 'map' | 'reduce', state: JobState, options: MachineOptions): Promise<void> {
    const round = stage === 'map' ? state.mapRound : state.reduceRound;
    const items = await readDocument<{ index: number }[]>(this.store, state.items);
    for (const item of items) {
      if (options.loses?.({ stage, index: item.index, round })) continue;
      try {
        await this.#attempts(`${stage[0]}-${item.index}`, async (retry) => {
          await options.beforeAttempt?.({ stage, index: item.index, retry });
          const event = { jobId: state.jobId, item, retry };
          if (stage === 'map')
            await mapStep(v.parse(mapEventSchema, event), this.environment, this.#invocation());
          else await reduceStep(v.parse(reduceEventSchema, event), this.environment, this.#invocation());
        });
      } catch (error) {
        if ((error as Error).name === REPAIR_ERROR) continue;
        if (options.childFailure === 'is swallowed') continue;
        throw Object.assign(new Error('Map run failed'), { name: 'States.ExceedToleratedFailureThreshold' });
      }
    }
  }

  async #attempts<T>(name: string, attempt: (retry: number) => Promise<T>): Promise<T> {
    const used = new Map<Retrier, number>();
    for (let retry = 0; ; retry++) {
      this.log.push(name);
      try {
        return await attempt(retry);
      } catch (error) {
        const retrier = retriers().find(
          ({ ErrorEquals }) => ErrorEquals.includes((error as Error).name) || ErrorEquals[0] === 'States.ALL',
        );
        const before = [...used].find(([{ ErrorEquals }]) => ErrorEquals[0] === retrier!.ErrorEquals[0]);
        const count = before?.[1] ?? 0;
        if (count >= retrier!.MaxAttempts) throw error;
        used.set(before?.[0] ?? retrier!, count + 1);
      }
    }
  }

  #invocation(): Invocation {
    return { requestId: `request-${this.#requests++}`, remainingMs: () => this.remainingMs };
  }
}
