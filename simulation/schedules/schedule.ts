/**
 * Runs one schedule: jobs of the project's own steps, store and machine in the simulated AWS, under the faults that a seed
 * decides, in virtual time. A schedule runs the same way each time, so its seed repeats it.
 *
 *     scenario --> start --> [ troubles of functions, faults of S3, storms, damage, lost children, duplicates ]
 *                    |            --> every execution has ended --> perhaps a redrive
 *                    +--> late environments have ended --> checks.ts looks at what is left
 */
import { byFunction, type FunctionName } from '../../infra/functions/function-names.ts';
import { stateMachineDefinition } from '../../infra/machine/state-machine-definition.ts';
import { watchDefinition } from '../../infra/machine/watch-definition.ts';
import { CODE_HASH_VARIABLE } from '../../src/aws/protocol/code-hash.ts';
import { cancelKey } from '../../src/aws/protocol/keys.ts';
import { WAKES_VARIABLE, WOKEN_FUNCTIONS } from '../../src/aws/protocol/wake.ts';
import { jobId } from '../../src/base/ids.ts';
import { Random } from '../random.ts';
import { S3Faults } from '../s3/faults.ts';
import { SimulatedS3 } from '../s3/s3.ts';
import { seededRandom } from '../seeded-random.ts';
import { ServiceError, type Services, type World } from '../services.ts';
import { type Execution, StepFunctions } from '../step-functions/step-functions.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { Functions, functionNameOf } from './functions.ts';
import { ObservedBucket } from './observed-bucket.ts';
import { type JobStart, type Scenario, SHARED_OUTPUT, scenarioOf } from './scenario.ts';
import { APPS, type SmallJob } from './small-jobs.ts';
import { Troubles } from './troubles.ts';

const BUCKET = 'bucket';
const START_MS = Date.UTC(2026, 10, 30);
/** How long the second job waits for the last barrier of the first one, which may never come. */
const BARRIER_MS_MAX = 3_600_000;
/** A throttled task waits up to 8 hours for its start. */
const HANG_MS = 48 * 3_600_000;

export interface ScheduleOptions {
  /** An existing, empty folder. */
  readonly scratch: string;
  /** Called with what happens, for people. */
  readonly trace?: (line: string) => void;
}

/** What a schedule leaves. */
export interface Played {
  readonly scenario: Scenario;
  readonly bucket: ObservedBucket;
  readonly executions: readonly Execution[];
  readonly functions: Functions;
  /** Why the schedule did not end. */
  readonly hang: string | undefined;
  readonly requests: number;
  readonly faultsFired: number;
}

export async function playSchedule(
  seed: number,
  { scratch, trace = () => {} }: ScheduleOptions,
): Promise<Played> {
  const scenario = scenarioOf(seed);
  const schedule = new Schedule(scenario, scratch, trace);
  let hang: string | undefined;
  const { stackTraceLimit } = Error;
  // Stack traces are part of notes, and their length, which depends on real time, of how long requests take.
  Error.stackTraceLimit = 0;
  try {
    await schedule.clock.run(schedule.play(), HANG_MS);
  } catch (error) {
    hang = error instanceof Error ? error.message : String(error);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return schedule.played(hang);
}

class StormyFaults extends S3Faults {
  isStorm = () => false;

  override take(...args: Parameters<S3Faults['take']>): ReturnType<S3Faults['take']> {
    return this.isStorm() ? 'slow-down' : super.take(...args);
  }
}

class Schedule {
  readonly clock = new VirtualClock();
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #s3: SimulatedS3;
  readonly #bucket: ObservedBucket;
  readonly #stepFunctions: StepFunctions;
  readonly #functions: Functions;
  readonly #machineArn: string;
  readonly #faults: StormyFaults;
  readonly #trace: (text: string) => void;
  readonly #lastBarrier = Promise.withResolvers<void>();
  #intermediates = 0;
  #children = 0;

  constructor(scenario: Scenario, scratch: string, trace: (line: string) => void) {
    const { seed, rates, storm, troubles, skewMsMax, maxConcurrency, backupAttempts } = scenario;
    const { clock } = this;
    this.#scenario = scenario;
    this.#trace = (text) => trace(`${(clock.nowMs() / 1_000).toFixed(3).padStart(10)} s  ${text}`);
    this.#world = {
      clock,
      random: seededRandom(seed ^ 0x5eed),
      now: () => new Date(START_MS + Math.floor(clock.nowMs())),
    };
    this.#faults = new StormyFaults({ random: seededRandom(seed ^ 0xfa017), rates });
    if (storm !== undefined) {
      const { atMs, forMs } = storm;
      this.#faults.isStorm = () => clock.nowMs() >= atMs && clock.nowMs() < atMs + forMs;
    }
    const written: { bucket?: ObservedBucket } = {};
    this.#s3 = new SimulatedS3({
      clock,
      random: this.#world.random,
      faults: this.#faults,
      onCreated: (_, key, object) => written.bucket?.written(key, object),
    });
    this.#bucket = new ObservedBucket(this.#s3.createBucket(BUCKET), {
      world: this.#world,
      onChange: ({ key, kind, writer }) => this.#onChange(key, kind, writer),
    });
    written.bucket = this.#bucket;
    this.#functions = new Functions({
      world: this.#world,
      s3: this.#s3,
      random: new Random(seed ^ 0xf00d),
      troubles: new Troubles({ ...troubles, random: new Random(seed ^ 0xbad) }),
      apps: APPS,
      variables: variablesOf({ maxConcurrency, backupAttempts }),
      scratch,
      skewMsMax,
      trace: this.#trace,
      onInvoked: (name, id) => {
        const { job, jobId } = scenario.starts[0]!;
        const last = job.reducers === 0 ? 'map-barrier' : 'reduce-barrier';
        if (name === last && id === jobId) this.#lastBarrier.resolve();
      },
    });
    this.#stepFunctions = new StepFunctions({
      world: this.#world,
      services: this.#services(),
      faults: { child: ({ label, index }) => this.#child(label, index) },
    });
    this.#machineArn = this.#deploy();
  }

  async play(): Promise<void> {
    const { starts, cancelMs, redrives, redriveAfterMs } = this.#scenario;
    await Promise.all([
      ...starts.map((start) => this.#start(start)),
      ...(cancelMs === undefined ? [] : [this.#cancel(starts[0]!, cancelMs)]),
    ]);
    await this.#allEnded();
    for (let redrive = 1; redrive <= redrives; redrive++) {
      await this.clock.sleep(redriveAfterMs);
      for (const { jobId } of starts) {
        const last = this.#executionsOf(jobId).at(-1);
        if (last?.status !== 'FAILED' && last?.status !== 'ABORTED') continue;
        await this.#startExecution(`${jobId}-redrive-${redrive}`, { jobId, redrive: true });
      }
      await this.#allEnded();
    }
    await this.#functions.settled();
  }

  played(hang: string | undefined): Played {
    return {
      scenario: this.#scenario,
      bucket: this.#bucket,
      executions: this.#stepFunctions.executions,
      functions: this.#functions,
      hang,
      requests: this.#s3.log.total,
      faultsFired: Object.values(this.#faults.fired).reduce((sum, count) => sum + count, 0),
    };
  }

  #deploy(): string {
    const functions = byFunction(arnOf);
    const watchMachine = this.#stepFunctions.putStateMachine(
      'watch',
      JSON.stringify(watchDefinition({ partition: 'aws' })),
    );
    const definition = stateMachineDefinition({
      comment: 'schedule',
      functions,
      watchMachine,
      bucket: BUCKET,
      partition: 'aws',
      childExecutions: 'STANDARD',
      taskTimeoutSeconds: 900,
      stepTimeoutSeconds: 900,
    });
    return this.#stepFunctions.putStateMachine('job', JSON.stringify(definition));
  }

  #services(): Services {
    return {
      invoke: (functionArn, payload, options) =>
        this.#functions.invoke(functionNameOf(functionArn), payload, options),
      getObject: async (_, key) => {
        await this.clock.sleep(50);
        const text = this.#bucket.text(key);
        if (text === undefined) throw new ServiceError('States.ItemReaderFailed', `${key} does not exist`);
        return Buffer.from(text, 'latin1');
      },
      putEvents: async () => {},
    };
  }

  async #start({ job, jobId, by, overwrite, atMs, afterBarrierMs, deliveriesMs }: JobStart): Promise<void> {
    const request = requestOf(job, { jobId, overwrite, isShared: this.#scenario.starts.length > 1 });
    // If the first job fails before, the second one starts all the same.
    if (afterBarrierMs === undefined) await this.clock.sleep(atMs);
    else await Promise.race([this.#lastBarrier.promise, this.clock.sleep(BARRIER_MS_MAX)]);
    await this.clock.sleep(afterBarrierMs ?? 0);
    for (const [index, text] of job.files.entries()) this.#bucket.put(`data/${jobId}/${index}.txt`, text);
    if (by === 'submit') {
      await this.#startExecution(jobId, { jobId, request });
      return;
    }
    const key = `requests/${jobId}.json`;
    const object = this.#bucket.put(key, JSON.stringify({ ...request, jobId }));
    const event = {
      source: 'aws.s3',
      'detail-type': 'Object Created',
      detail: { bucket: { name: BUCKET }, object: { key, etag: object.etag, sequencer: object.sequencer } },
    };
    await Promise.all(
      deliveriesMs.map(async (deliveryMs, delivery) => {
        await this.clock.sleep(deliveryMs);
        await this.#startExecution(`${jobId}-event-${delivery}`, event);
      }),
    );
  }

  async #startExecution(name: string, input: unknown): Promise<void> {
    this.#trace(`start ${name}`);
    const { executionArn } = await this.#stepFunctions.startExecution({
      stateMachineArn: this.#machineArn,
      name,
      input,
    });
    const execution = this.#stepFunctions.execution(executionArn);
    void execution.ended.then(() =>
      this.#trace(
        `${name} ${execution.status} ${execution.error ?? ''} ${(execution.cause ?? '').slice(0, 300)}`,
      ),
    );
  }

  /** As `mapreduce cancel` does it. */
  async #cancel({ jobId: id }: JobStart, atMs: number): Promise<void> {
    await this.clock.sleep(atMs);
    const running = this.#executionsOf(id).find(({ status }) => status === 'RUNNING');
    if (running === undefined) return;
    this.#trace(`cancel ${id}`);
    this.#bucket.put(cancelKey(jobId(id)), '{}\n');
    this.#stepFunctions.stopExecution(running.executionArn);
  }

  #executionsOf(id: string): Execution[] {
    return this.#stepFunctions.executions.filter(({ name }) => name === id || name.startsWith(`${id}-`));
  }

  /** The watch of a stage ends by itself as well. */
  async #allEnded(): Promise<void> {
    for (;;) {
      const running = this.#stepFunctions.executions.filter(({ status }) => status === 'RUNNING');
      if (running.length === 0) return;
      await Promise.all(running.map(({ ended }) => ended));
    }
  }

  #child(label: string, index: number) {
    const nth = this.#children++;
    const fault = this.#scenario.children.get(nth);
    if (fault !== undefined) this.#trace(`child ${label} ${index}: ${fault}`);
    return fault;
  }

  #onChange(key: string, kind: 'written' | 'deleted', writer: string | undefined): void {
    this.#trace(`${kind} ${key}${writer === undefined ? '' : ` by ${writer}`}`);
    if (kind === 'deleted' || !/^work\/[^/]+\/(?:shuffle|merge)/.test(key)) return;
    const nth = this.#intermediates++;
    for (const { nth: damaged, how, at, afterMs } of this.#scenario.damages) {
      if (damaged !== nth) continue;
      this.clock.after(afterMs, () => {
        if (this.#bucket.damage(key, how, at)) this.#trace(`damage: ${how} ${key}`);
      });
    }
  }
}

function arnOf(name: FunctionName): string {
  return `arn:aws:lambda:us-east-1:123456789012:function:${name}`;
}

function requestOf(
  { app, splitSizeBytes, reducers, merge }: SmallJob,
  { jobId: id, overwrite, isShared }: { jobId: string; overwrite: boolean; isShared: boolean },
): object {
  return {
    app,
    inputs: [`data/${id}/`],
    splitSizeBytes,
    ...(reducers === 0 ? {} : { reducers }),
    merge,
    ...(overwrite ? { overwrite } : {}),
    ...(isShared ? { output: SHARED_OUTPUT } : {}),
  };
}

function variablesOf({
  maxConcurrency,
  backupAttempts,
}: Pick<Scenario, 'maxConcurrency' | 'backupAttempts'>): Record<string, string> {
  return {
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    [CODE_HASH_VARIABLE]: 'schedule',
    MAPREDUCE_BUCKET: BUCKET,
    // Only the plan step reads it.
    [WAKES_VARIABLE]: JSON.stringify(WOKEN_FUNCTIONS.map(arnOf)),
    MAPREDUCE_MAX_CONCURRENCY: String(maxConcurrency),
    MAPREDUCE_BACKUP_ATTEMPTS: String(backupAttempts),
    MAPREDUCE_MAX_TASKS_PER_STAGE: '10000',
    MAPREDUCE_TASK_MEMORY_MB: '256',
    MAPREDUCE_SCRATCH_MB: '2048',
    MAPREDUCE_READABLE_PREFIXES: JSON.stringify(['input/', 'data/', 'output/']),
  };
}
