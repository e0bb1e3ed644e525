/** A stack that cdk has deployed, with the operations that the tests need. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  PublishVersionCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  type ExecutionListItem,
  ListExecutionsCommand,
  paginateGetExecutionHistory,
  SFNClient,
  StartExecutionCommand,
  UpdateStateMachineCommand,
} from '@aws-sdk/client-sfn';
import type { FunctionName } from '../../infra/functions/function-names.ts';
import { mapBounded } from '../../src/base/map-bounded.ts';
import type { JobReport } from '../../src/report/report.ts';
import { whileBootstrapping } from './helpers/bootstrap-lock.ts';
import { until } from './helpers/until.ts';
import { type EmulatorUnderTest, uniqueName } from './with-emulator.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Not the one of cdk.json, which also runs cdk-nag, at each deployment. test/infra does that once. */
const DEPLOYED_APP = join(ROOT, 'infra/app.ts');
const DELETES_AT_ONCE = 16;

export interface EndedExecution {
  readonly arn: string;
  readonly status: string;
  readonly input: unknown;
  // biome-ignore lint/suspicious/noExplicitAny: anything the state machine returned
  readonly output: any;
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

export interface LoggedLine {
  readonly message: string;
  readonly jobId: string;
  readonly task?: number;
  readonly result?: { readonly committed?: boolean };
}

/** The properties that the tests use. */
interface State {
  readonly Parameters?: {
    readonly FunctionName?: string;
    readonly Input?: { readonly functions?: { readonly watch: string } };
  };
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, State>> };
}

export interface Deployment {
  readonly stackName: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly deployMs: number;
}

export class DeployedStack {
  readonly stackName: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly bucket: string;
  readonly stateMachineArn: string;
  readonly deployMs: number;
  readonly s3: S3Client;
  readonly sfn: SFNClient;
  readonly lambda: LambdaClient;
  readonly #logs: CloudWatchLogsClient;
  readonly #seen = new Set<string>();
  /** These restore the configuration of functions that a test has changed. */
  readonly #restores = new Set<() => Promise<void>>();
  /** Changes of the state machine, one after the other. */
  #changes: Promise<void> = Promise.resolve();

  constructor(emulator: EmulatorUnderTest, { stackName, outputs, deployMs }: Deployment) {
    this.stackName = stackName;
    this.outputs = outputs;
    this.bucket = outputs.BucketName!;
    this.stateMachineArn = outputs.StateMachineArn!;
    this.deployMs = deployMs;
    this.s3 = new S3Client({ ...emulator.clientConfig, forcePathStyle: true });
    this.sfn = new SFNClient(emulator.clientConfig);
    this.lambda = new LambdaClient(emulator.clientConfig);
    this.#logs = new CloudWatchLogsClient(emulator.clientConfig);
  }

  /**
   * @param app  path of the test's own CDK app, which must have the same outputs; default: the app that `mapreduce deploy` deploys
   * @param stackName  of the stack to update; default: a new stack
   */
  static async deploy(
    emulator: EmulatorUnderTest,
    settings: Readonly<Record<string, string | number>> = {},
    { app = DEPLOYED_APP, stackName = uniqueName('Jobs') }: { app?: string; stackName?: string } = {},
  ): Promise<DeployedStack> {
    const folder = await mkdtemp(join(tmpdir(), 'mapreduce-cdk-'));
    try {
      const outputsFile = join(folder, 'outputs.json');
      const context = { stackName, removalPolicy: 'destroy', ...settings };
      // A folder of its own, because cdk lets only one process at a time use the project's cdk.out.
      const output = ['--output', join(folder, 'cdk.out')];
      const environment = `aws://${emulator.accountId}/${emulator.clientConfig.region}`;
      await whileBootstrapping(emulator, async () => {
        if (!(await isBootstrapped(emulator))) await cdk(emulator, ['bootstrap', environment, ...output]);
      });
      const startedMs = performance.now();
      await cdk(emulator, [
        'deploy',
        // Without a change set, for which cdk waits five seconds. cli.test.ts deploys with one, as users do.
        ...['--method', 'direct'],
        ...['--require-approval', 'never', '--outputs-file', outputsFile, ...output],
        ...['--app', `${join(ROOT, 'node_modules/.bin/node')} ${app}`],
        ...Object.entries(context).flatMap(([name, value]) => ['--context', `${name}=${value}`]),
      ]);
      const deployMs = Math.round(performance.now() - startedMs);
      const outputs = JSON.parse(await readFile(outputsFile, 'utf8')) as Record<
        string,
        Record<string, string>
      >;
      return new DeployedStack(emulator, { stackName, outputs: outputs[stackName]!, deployMs });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async put(key: string, body: string | Uint8Array): Promise<void> {
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body }));
  }

  async get(key: string): Promise<Buffer | undefined> {
    try {
      const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
      return Buffer.from(await Body!.transformToByteArray());
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  async getJson<T>(key: string): Promise<T> {
    const bytes = await this.get(key);
    if (bytes === undefined) throw new Error(`${key} does not exist; the bucket has ${await this.keys('')}`);
    return JSON.parse(bytes.toString()) as T;
  }

  async keys(prefix: string): Promise<string[]> {
    const { Contents = [] } = await this.s3.send(
      new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix }),
    );
    return Contents.map(({ Key }) => Key!);
  }

  async remove(key: string): Promise<void> {
    await this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }));
  }

  /**
   * Starts an execution directly, as the command line or a second delivery of an event would, and waits for its end.
   */
  async start(input: unknown): Promise<EndedExecution> {
    return await this.ended(await this.started(input));
  }

  /** Starts an execution and returns its ARN. */
  async started(input: unknown): Promise<string> {
    const { executionArn } = await this.sfn.send(
      new StartExecutionCommand({ stateMachineArn: this.stateMachineArn, input: JSON.stringify(input) }),
    );
    this.#seen.add(executionArn!);
    return executionArn!;
  }

  /**
   * Waits for the end of an execution that an upload started and that no earlier call has returned. If there are
   * several, it takes the oldest, because the output of that one may have started the others.
   */
  async next(): Promise<EndedExecution> {
    const arn = await until('an execution that an upload starts', async () => {
      const unseen = (await this.#executions()).filter(({ executionArn }) => !this.#seen.has(executionArn!));
      const [oldest] = unseen.sort((a, b) => a.startDate!.getTime() - b.startDate!.getTime());
      return oldest?.executionArn;
    });
    this.#seen.add(arn);
    return await this.ended(arn);
  }

  async ended(executionArn: string): Promise<EndedExecution> {
    const execution = await until(`the end of ${executionArn}`, async () => {
      const described = await this.sfn.send(new DescribeExecutionCommand({ executionArn }));
      return described.status === 'RUNNING' ? undefined : described;
    });
    return {
      arn: executionArn,
      status: execution.status!,
      input: JSON.parse(execution.input!),
      output: execution.output === undefined ? undefined : JSON.parse(execution.output),
      error: execution.error,
      cause: execution.cause,
    };
  }

  /** The states that the execution has entered, in order, and how many events its history has. */
  async history(executionArn: string): Promise<{ states: string[]; events: number }> {
    const states: string[] = [];
    let count = 0;
    const pages = paginateGetExecutionHistory({ client: this.sfn }, { executionArn, maxResults: 1_000 });
    for await (const { events = [] } of pages) {
      count += events.length;
      for (const { stateEnteredEventDetails: entered } of events) {
        if (entered?.name !== undefined) states.push(entered.name);
      }
    }
    return { states, events: count };
  }

  /** The ARNs of the versions that the state machine invokes, by step. */
  async functions(): Promise<Record<FunctionName, string>> {
    const { States: states } = JSON.parse(await this.#definition()) as { States: Record<string, State> };
    const functionOf = (state: State): string => state.Parameters!.FunctionName!;
    const childOf = (state: State, task: string) => functionOf(state.ItemProcessor!.States[task]!);
    return {
      plan: functionOf(states.Plan!),
      map: childOf(states.MapStage!, 'MapTask'),
      'map-barrier': functionOf(states.MapBarrier!),
      reduce: childOf(states.ReduceStage!, 'ReduceTask'),
      'reduce-barrier': functionOf(states.ReduceBarrier!),
      commit: functionOf(states.Commit!),
      failure: functionOf(states.RecordFailure!),
      watch: states.WatchMap!.Parameters!.Input!.functions!.watch,
    };
  }

  /**
   * Changes the configuration of a function for jobs that start later, until the returned function is called. The state
   * machine invokes versions, so this publishes another one, as a deployment does.
   */
  async configure(
    name: FunctionName,
    { timeoutSeconds, variables = {} }: { timeoutSeconds?: number; variables?: Record<string, string> },
  ): Promise<() => Promise<void>> {
    const before = (await this.functions())[name];
    const own = await this.lambda.send(new GetFunctionConfigurationCommand({ FunctionName: before }));
    const { FunctionName } = own;
    const waiting = { client: this.lambda, maxWaitTime: 300, minDelay: 0.1, maxDelay: 1 };
    const update = async (timeout: number, all: Record<string, string>) => {
      await this.lambda.send(
        new UpdateFunctionConfigurationCommand({
          FunctionName,
          Timeout: timeout,
          Environment: { Variables: all },
        }),
      );
      await waitUntilFunctionUpdatedV2(waiting, { FunctionName });
    };
    const ownVariables = own.Environment?.Variables ?? {};
    await update(timeoutSeconds ?? own.Timeout!, { ...ownVariables, ...variables });
    const { FunctionArn: after } = await this.lambda.send(new PublishVersionCommand({ FunctionName }));
    await waitUntilFunctionActiveV2(waiting, { FunctionName: after });
    const restore = async () => {
      this.#restores.delete(restore);
      await this.#invokeInstead(after!, before);
      await update(own.Timeout!, ownVariables);
    };
    this.#restores.add(restore);
    await this.#invokeInstead(before, after!);
    return restore;
  }

  /** Makes the state machine invoke another version of a function. */
  async #invokeInstead(before: string, after: string): Promise<void> {
    this.#changes = this.#changes.then(async () => {
      const definition = (await this.#definition()).replaceAll(`"${before}"`, `"${after}"`);
      await this.sfn.send(
        new UpdateStateMachineCommand({ stateMachineArn: this.stateMachineArn, definition }),
      );
    });
    await this.#changes;
  }

  /** Waits until nothing runs, restores the configuration and empties the bucket. Past executions remain. */
  async reset(): Promise<void> {
    await until('the end of every execution', async () =>
      (await this.#executions()).every(({ status }) => status !== 'RUNNING') ? true : undefined,
    );
    // Restores the last change first.
    for (const restore of [...this.#restores].reverse()) await restore();
    for (let keys = await this.keys(''); keys.length > 0; keys = await this.keys('')) {
      await mapBounded(keys, DELETES_AT_ONCE, (key) => this.remove(key));
    }
  }

  /** `next` ignores all executions that exist now. */
  async forgetExecutions(): Promise<void> {
    for (const { executionArn } of await this.#executions()) this.#seen.add(executionArn!);
  }

  /** Invokes a function directly, without the state machine. */
  async invoke(name: FunctionName, payload: unknown): Promise<{ failed: boolean; answer: unknown }> {
    const answer = await this.lambda.send(
      new InvokeCommand({
        FunctionName: (await this.functions())[name],
        Payload: Buffer.from(JSON.stringify(payload)),
      }),
    );
    return {
      failed: answer.FunctionError !== undefined,
      answer: JSON.parse(Buffer.from(answer.Payload ?? 'null').toString() || 'null'),
    };
  }

  /** The lines that a function has logged about a job, oldest first. */
  async logged(name: FunctionName, jobId: string): Promise<LoggedLine[]> {
    const FunctionName = (await this.functions())[name];
    const { LoggingConfig } = await this.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const { events = [] } = await this.#logs.send(
      new FilterLogEventsCommand({ logGroupName: LoggingConfig!.LogGroup! }),
    );
    return events
      .map(({ message = '' }) => message)
      .filter((message) => message.startsWith('{') && message.includes(jobId))
      .map((message) => JSON.parse(message) as LoggedLine)
      .filter((line) => line.jobId === jobId);
  }

  async #definition(): Promise<string> {
    const { definition } = await this.sfn.send(
      new DescribeStateMachineCommand({ stateMachineArn: this.stateMachineArn }),
    );
    return definition!;
  }

  /** The parts by name, and the manifest. */
  async result(outputPrefix: string): Promise<{ parts: Map<string, Buffer>; report: JobReport }> {
    const report = await this.getJson<JobReport>(`${outputPrefix}manifest.json`);
    const parts = new Map<string, Buffer>();
    for (const { name } of report.parts) parts.set(name, (await this.get(`${outputPrefix}${name}`))!);
    return { parts, report };
  }

  async #executions(): Promise<ExecutionListItem[]> {
    const { executions = [] } = await this.sfn.send(
      new ListExecutionsCommand({ stateMachineArn: this.stateMachineArn, maxResults: 100 }),
    );
    return executions;
  }
}

/** Bootstrapping once is enough for all test files, and cdk takes seconds to notice that there is nothing to do. */
async function isBootstrapped({ clientConfig }: EmulatorUnderTest): Promise<boolean> {
  try {
    const { Stacks = [] } = await new CloudFormationClient(clientConfig).send(
      new DescribeStacksCommand({ StackName: 'CDKToolkit' }),
    );
    return Stacks.some(({ StackStatus }) => StackStatus?.endsWith('_COMPLETE'));
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationError') return false;
    throw error;
  }
}

async function cdk({ environment }: EmulatorUnderTest, args: readonly string[]): Promise<void> {
  const bin = join(ROOT, 'node_modules', '.bin');
  const certificates = environment.NODE_EXTRA_CA_CERTS;
  await promisify(execFile)(
    join(bin, 'node'),
    [
      join(bin, 'cdk'),
      ...args,
      '--no-notices',
      ...(certificates === undefined ? [] : ['--ca-bundle-path', certificates]),
    ],
    {
      cwd: ROOT,
      env: { ...process.env, ...environment, CDK_DISABLE_CLI_TELEMETRY: '1' },
      maxBuffer: 32 * 1024 * 1024,
    },
  );
}
