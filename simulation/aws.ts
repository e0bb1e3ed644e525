/**
 * A deployment of the project in a simulated AWS: its functions, its machines and its bucket, in one process and in virtual
 * time. Steps, store and machines are those of the project, unchanged.
 *
 * @example
 * await using aws = await SimulatedAws.start({ seed: 1, jobs: { apps: { 'word-count': wordCount } } });
 * aws.bucket.put('data/a.txt', bytesOf(Buffer.from('a b a')));
 * const execution = await aws.runJob('job', { app: 'word-count', inputs: ['data/a.txt'] });
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DEPLOYMENT_DEFAULTS,
  STEP_TIMEOUT_SECONDS,
  TASK_TIMEOUT_SECONDS,
} from '../infra/functions/deployment-defaults.ts';
import {
  byFunction,
  FUNCTION_NAMES,
  type FunctionName,
  pascalCase,
} from '../infra/functions/function-names.ts';
import type { ExecutionType } from '../infra/machine/asl.ts';
import { TASK_FUNCTIONS } from '../infra/machine/stages.ts';
import { stateMachineDefinition } from '../infra/machine/state-machine-definition.ts';
import { watchDefinition } from '../infra/machine/watch-definition.ts';
import { CODE_HASH_VARIABLE } from '../src/aws/protocol/code-hash.ts';
import { WAKES_VARIABLE, WOKEN_FUNCTIONS } from '../src/aws/protocol/wake.ts';
import { S3Store } from '../src/storage/s3/s3-store.ts';
import { EventBridge, type EventFaults } from './events/event-bridge.ts';
import type { ClientCpu } from './lambda/environment.ts';
import { LambdaFaults } from './lambda/faults.ts';
import { HANDLERS, type HandlerOf } from './lambda/handlers.ts';
import { SimulatedLambda } from './lambda/lambda.ts';
import type { Bucket } from './s3/bucket.ts';
import { type S3Fault, S3Faults } from './s3/faults.ts';
import type { PartitionOptions } from './s3/partitions.ts';
import type { KeepsBytes } from './s3/requests.ts';
import { SimulatedS3 } from './s3/s3.ts';
import { ServiceError, type Services } from './services.ts';
import type { CoordinatorFaults } from './step-functions/parts.ts';
import type { StepFunctionsQuotas } from './step-functions/quotas.ts';
import { type Execution, StepFunctions } from './step-functions/step-functions.ts';
import { type VirtualWorld, virtualWorld } from './world.ts';

/** As props of the construct. */
export interface DeploymentSettings {
  readonly taskMemoryMb: number;
  readonly stepMemoryMb: number;
  readonly scratchMb: number;
  readonly taskTimeoutSeconds: number;
  readonly maxConcurrency: number;
  readonly maxTasksPerStage: number;
  readonly backupAttempts: boolean;
  readonly childExecutions: ExecutionType;
  readonly readablePrefixes: readonly string[];
  readonly startOnUpload: boolean;
}

export interface SimulatedAwsOptions {
  readonly seed: number;
  /** The module of the jobs: `{ apps }`. */
  readonly jobs: object;
  readonly deployment?: Partial<DeploymentSettings>;
  /** Handlers that replace those of the project. */
  readonly handlers?: Partial<Readonly<Record<FunctionName, HandlerOf>>>;
  readonly s3?: {
    readonly partitions?: Partial<PartitionOptions>;
    readonly faults?: Readonly<Partial<Record<S3Fault, number>>>;
    readonly keepsBytes?: KeepsBytes;
  };
  readonly lambda?: {
    readonly accountConcurrency?: number;
    readonly reservedConcurrency?: Partial<Readonly<Record<FunctionName, number>>>;
    readonly faults?: ConstructorParameters<typeof LambdaFaults>[0]['rates'];
    /** Default: code takes no time. */
    readonly cpu?: ClientCpu;
  };
  readonly stepFunctions?: {
    readonly quotas?: Partial<StepFunctionsQuotas>;
    readonly faults?: CoordinatorFaults;
  };
  readonly events?: EventFaults;
}

export const BUCKET = 'the-bucket';
/** Longer than any job may take. */
const JOB_MS_MAX = 24 * 3_600_000;

export class SimulatedAws implements AsyncDisposable {
  readonly world: VirtualWorld;
  readonly s3: SimulatedS3;
  readonly bucket: Bucket;
  readonly lambda: SimulatedLambda;
  readonly stepFunctions: StepFunctions;
  readonly events: EventBridge;
  /** ARN of the machine of jobs. */
  readonly machineArn: string;
  readonly #scratchParent: string;

  static async start(options: SimulatedAwsOptions): Promise<SimulatedAws> {
    return new SimulatedAws(options, await mkdtemp(join(tmpdir(), 'mapreduce-simulation-')));
  }

  private constructor(options: SimulatedAwsOptions, scratchParent: string) {
    const { seed, s3 = {}, lambda = {}, stepFunctions = {}, events: eventFaults = {} } = options;
    const world = virtualWorld(seed);
    const { clock, random } = world;
    const deployment = settingsOf(options.deployment);
    this.#scratchParent = scratchParent;
    this.world = world;
    this.s3 = new SimulatedS3({
      clock,
      random,
      faults: new S3Faults({ random, ...(s3.faults === undefined ? {} : { rates: s3.faults }) }),
      ...(s3.partitions === undefined ? {} : { partitions: s3.partitions }),
      ...(s3.keepsBytes === undefined ? {} : { keepsBytes: s3.keepsBytes }),
      onCreated: (bucket, key, object) => this.events.objectCreated(bucket, key, object),
    });
    this.bucket = this.s3.createBucket(BUCKET);
    this.lambda = new SimulatedLambda({
      world,
      s3: this.s3,
      scratchParent,
      faults: new LambdaFaults({ random, ...(lambda.faults === undefined ? {} : { rates: lambda.faults }) }),
      ...(lambda.accountConcurrency === undefined ? {} : { accountConcurrency: lambda.accountConcurrency }),
    });
    this.#deployFunctions(options, deployment);
    this.stepFunctions = new StepFunctions({ world, services: this.#services(), ...stepFunctions });
    this.machineArn = this.#putMachines(deployment);
    this.events = new EventBridge({
      world,
      startOnUpload: deployment.startOnUpload,
      faults: eventFaults,
      start: (input) => this.stepFunctions.startExecution({ stateMachineArn: this.machineArn, input }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#scratchParent, { recursive: true, force: true });
  }

  /** The store of a user, outside of AWS, on a fast network. Its requests count like all others. */
  userStore(): S3Store {
    const { clock, random } = this.world;
    return new S3Store({ bucket: BUCKET, client: this.s3.client(), clock, random });
  }

  /** Runs a job as `mapreduce submit` starts it, until its execution has ended. */
  async runJob(jobId: string, request: unknown): Promise<Execution> {
    return await this.execute({ jobId, request });
  }

  /** Runs an execution of the machine of jobs until it has ended. */
  async execute(input: unknown): Promise<Execution> {
    const { clock } = this.world;
    const { executionArn } = await clock.run(
      this.stepFunctions.startExecution({ stateMachineArn: this.machineArn, input }),
    );
    return await this.ended(executionArn);
  }

  async ended(executionArn: string): Promise<Execution> {
    const execution = this.stepFunctions.execution(executionArn);
    await this.world.clock.run(execution.ended, JOB_MS_MAX);
    return execution;
  }

  #deployFunctions(options: SimulatedAwsOptions, deployment: DeploymentSettings): void {
    const { jobs, handlers = {}, lambda = {} } = options;
    for (const name of FUNCTION_NAMES) {
      const isTask = TASK_FUNCTIONS.includes(name);
      const runsEngine = isTask || name === 'commit';
      const reservedConcurrency = lambda.reservedConcurrency?.[name];
      this.lambda.deploy({
        arn: functionArn(name),
        name,
        handlerOf: handlers[name] ?? HANDLERS[name],
        jobs,
        memoryMb: runsEngine ? deployment.taskMemoryMb : deployment.stepMemoryMb,
        scratchMb: runsEngine ? deployment.scratchMb : 512,
        timeoutMs: 1000 * (isTask ? deployment.taskTimeoutSeconds : STEP_TIMEOUT_SECONDS),
        variables: { ...variablesOf(deployment), ...(name === 'plan' ? wakesVariable() : {}) },
        ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
        ...(lambda.cpu === undefined ? {} : { cpu: lambda.cpu }),
      });
    }
  }

  #putMachines({ childExecutions, taskTimeoutSeconds }: DeploymentSettings): string {
    const functions = byFunction(functionArn);
    const partition = 'aws';
    const watch = JSON.stringify(watchDefinition({ partition }));
    const watchMachine = this.stepFunctions.putStateMachine('Watch', watch);
    const definition = stateMachineDefinition({
      comment: 'MapReduce',
      functions,
      watchMachine,
      bucket: BUCKET,
      partition,
      childExecutions,
      taskTimeoutSeconds,
      stepTimeoutSeconds: STEP_TIMEOUT_SECONDS,
    });
    return this.stepFunctions.putStateMachine('Jobs', JSON.stringify(definition));
  }

  #services(): Services {
    const store = this.userStore();
    return {
      invoke: (arn, payload, invocation) => this.lambda.invoke(arn, payload, invocation),
      async getObject(_, key) {
        try {
          return await store.get(key);
        } catch (error) {
          throw new ServiceError('States.ItemReaderFailed', String(error));
        }
      },
      putEvents: (entries) => this.events.putEvents(entries),
    };
  }
}

export function functionArn(name: FunctionName): string {
  return `arn:aws:lambda:us-east-1:123456789012:function:${pascalCase(name)}`;
}

/** Of the plan function. */
function wakesVariable(): Readonly<Record<string, string>> {
  return { [WAKES_VARIABLE]: JSON.stringify(WOKEN_FUNCTIONS.map(functionArn)) };
}

/** The environment variables that the construct sets for every function. */
export function variablesOf(deployment: DeploymentSettings): Readonly<Record<string, string>> {
  return {
    [CODE_HASH_VARIABLE]: 'simulated',
    MAPREDUCE_BUCKET: BUCKET,
    MAPREDUCE_MAX_CONCURRENCY: String(deployment.maxConcurrency),
    MAPREDUCE_BACKUP_ATTEMPTS: String(deployment.backupAttempts),
    MAPREDUCE_MAX_TASKS_PER_STAGE: String(deployment.maxTasksPerStage),
    MAPREDUCE_TASK_MEMORY_MB: String(deployment.taskMemoryMb),
    MAPREDUCE_SCRATCH_MB: String(deployment.scratchMb),
    MAPREDUCE_READABLE_PREFIXES: JSON.stringify(deployment.readablePrefixes),
  };
}

export function settingsOf(changes: Partial<DeploymentSettings> = {}): DeploymentSettings {
  const childExecutions = changes.childExecutions ?? DEPLOYMENT_DEFAULTS.childExecutions;
  const taskTimeoutSeconds = TASK_TIMEOUT_SECONDS[childExecutions];
  return { ...DEPLOYMENT_DEFAULTS, taskTimeoutSeconds, ...changes };
}
