/**
 * Measures the package size and the cold start of each Lambda function. It synthesises the functions as `cdk deploy` does,
 * and creates them on LocalStack with the same properties. INIT is the `Init Duration` in the REPORT line: it includes
 * starting Node and loading the module with its imports, until the function asks for its first invocation.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  type Runtime,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { App } from 'aws-cdk-lib';
import { strToU8, zipSync } from 'fflate';
import { EmulatorUnavailableError, type RunningEmulator, startLocalStack } from '../emulators/start.ts';
import { MapReduceStack } from '../infra/deploy/stack.ts';
import { FUNCTION_NAMES, type FunctionName } from '../infra/functions/function-names.ts';
import { RunFailed } from './measure.ts';
import { type Spread, spread } from './statistics.ts';
import { formatTable } from './table.ts';

const JOBS = resolve(import.meta.dirname, '../apps/index.ts');
const WAIT = { maxWaitTime: 60, minDelay: 0.1, maxDelay: 0.5 };
/** LocalStack ignores roles. */
const ROLE = 'arn:aws:iam::000000000000:role/benchmark';

export interface LambdaResult {
  readonly name: FunctionName;
  readonly bundleBytes: number;
  readonly gzipBytes: number;
  readonly sourceMapBytes: number;
  /** The archive that Lambda stores: bundle and source map. */
  readonly packageBytes: number;
  readonly coldStarts: number;
  readonly initMs: Spread;
}

/** Runs every function once, then every function again, so that a slower machine affects all of them. */
export async function measureLambdas(options: {
  runs: number;
  note: (text: string) => void;
}): Promise<LambdaResult[]> {
  const functions = synthesise();
  const emulator = await start();
  try {
    const client = lambdaClient(emulator);
    for (const fn of functions) await create(client, fn);
    const initMs = new Map<FunctionName, number[]>(functions.map(({ name }) => [name, []]));
    for (let run = 1; run <= options.runs; run++) {
      for (const { name, variables } of functions) {
        options.note(`${name}, cold start ${run} of ${options.runs}`);
        initMs.get(name)!.push(await coldStart(client, name, { ...variables, BENCHMARK_RUN: String(run) }));
      }
    }
    return functions.map(({ name, bundle, sourceMap, archive }) => ({
      name,
      bundleBytes: bundle.length,
      gzipBytes: gzipSync(bundle).length,
      sourceMapBytes: sourceMap.length,
      packageBytes: archive.length,
      coldStarts: options.runs,
      initMs: spread(initMs.get(name)!),
    }));
  } finally {
    await emulator.stop();
  }
}

export function describeLambdas(results: readonly LambdaResult[]): string {
  const rows = results.map(({ name, bundleBytes, gzipBytes, sourceMapBytes, packageBytes, initMs }) => [
    name,
    ...[bundleBytes, gzipBytes, sourceMapBytes, packageBytes].map((bytes) => (bytes / 1024).toFixed(0)),
    initMs.median.toFixed(0),
    `(${initMs.min.toFixed(0)}-${initMs.max.toFixed(0)})`,
  ]);
  return [
    `Functions as deployed, with the apps of this project; INIT over ${results[0]?.coldStarts} cold starts on LocalStack`,
    formatTable(
      ['', 'bundle KiB', 'gzip KiB', 'source map KiB', 'package KiB', 'INIT ms', '(min-max)'],
      rows,
    ),
  ].join('\n');
}

interface SynthesisedFunction {
  readonly name: FunctionName;
  readonly bundle: Buffer;
  readonly sourceMap: Buffer;
  readonly archive: Uint8Array;
  readonly handler: string;
  readonly runtime: Runtime;
  readonly memoryMb: number;
  readonly variables: Record<string, string>;
}

interface FunctionResource {
  readonly Type: string;
  readonly Properties: {
    readonly Description?: string;
    readonly Handler: string;
    readonly Runtime: Runtime;
    readonly MemorySize: number;
    readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
  };
  readonly Metadata: { readonly 'aws:asset:path': string };
}

function synthesise(): SynthesisedFunction[] {
  const outdir = mkdtempSync(join(tmpdir(), 'mapreduce-bench-'));
  try {
    const app = new App({ outdir, context: { 'aws:cdk:enable-asset-metadata': true } });
    new MapReduceStack(app, 'Benchmark', { mapReduce: { jobs: JOBS } });
    const { Resources } = app.synth().getStackByName('Benchmark').template as {
      Resources: Record<string, FunctionResource>;
    };
    const resources = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    return FUNCTION_NAMES.map((name) => {
      const { Properties, Metadata } = resources.find(
        (resource) => resource.Properties.Description === `MapReduce: ${name}`,
      )!;
      const folder = join(outdir, Metadata['aws:asset:path']);
      const bundle = readFileSync(join(folder, 'index.mjs'));
      const sourceMap = readFileSync(join(folder, 'index.mjs.map'));
      return {
        name,
        bundle,
        sourceMap,
        archive: zipSync({ 'index.mjs': bundle, 'index.mjs.map': sourceMap }),
        handler: Properties.Handler,
        runtime: Properties.Runtime,
        memoryMb: Properties.MemorySize,
        // A value that is not a string refers to another resource of the stack.
        variables: Object.fromEntries(
          Object.entries(Properties.Environment.Variables).map(([key, value]) => [
            key,
            typeof value === 'string' ? value : 'benchmark',
          ]),
        ),
      };
    });
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

async function start(): Promise<RunningEmulator> {
  try {
    return await startLocalStack({ port: 'auto' });
  } catch (error) {
    if (error instanceof EmulatorUnavailableError) throw new RunFailed(error.message);
    throw error;
  }
}

function lambdaClient({ endpoint, environment }: RunningEmulator): LambdaClient {
  return new LambdaClient({
    endpoint,
    region: environment.AWS_REGION!,
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID!,
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY!,
    },
  });
}

async function create(client: LambdaClient, fn: SynthesisedFunction): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: fn.name,
      Role: ROLE,
      Runtime: fn.runtime,
      Handler: fn.handler,
      Code: { ZipFile: fn.archive },
      MemorySize: fn.memoryMb,
      Environment: { Variables: fn.variables },
    }),
  );
  await waitUntilFunctionActiveV2({ client, ...WAIT }, { FunctionName: fn.name });
}

/** Lambda and LocalStack start new environments after a function's configuration has changed. */
async function coldStart(
  client: LambdaClient,
  FunctionName: FunctionName,
  Variables: Record<string, string>,
): Promise<number> {
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  await waitUntilFunctionUpdatedV2({ client, ...WAIT }, { FunctionName });
  // The handler rejects this event at once, but INIT has finished by then.
  const { LogResult = '' } = await client.send(
    new InvokeCommand({ FunctionName, Payload: strToU8('{}'), LogType: 'Tail' }),
  );
  const log = Buffer.from(LogResult, 'base64').toString();
  const found = /Init Duration: ([\d.]+) ms/.exec(log);
  if (found === null) throw new RunFailed(`${FunctionName}: no Init Duration in its log:\n${log}`);
  return Number(found[1]);
}
