/** Finds and runs the command `cdk`, which deploys. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { awsError } from '../../aws/client/aws-errors.ts';
import { clientRegion } from '../../aws/client/client-options.ts';
import { MapReduceError } from '../../base/errors.ts';
import { PACKAGE_ROOT } from './package-root.ts';

/** How much of the end of cdk's output is kept. */
const OUTPUT_CHARACTERS_MAX = 20_000;

/**
 * The script of the cdk command.
 *
 * @throws UsageError that says what to install if a package that only deployments need is missing
 */
export function cdkScript(): string {
  const ours = createRequire(PACKAGE_ROOT);
  // The app imports the library, so that must be next to this package. The command may also be next to the caller.
  const callers = createRequire(pathToFileURL(join(process.cwd(), 'package.json')));
  const cdk = found('aws-cdk/package.json', ours) ?? found('aws-cdk/package.json', callers);
  const missing = [
    ...(cdk === undefined ? ['aws-cdk@2'] : []),
    ...(found('aws-cdk-lib/package.json', ours) === undefined ? ['aws-cdk-lib@2'] : []),
    ...(found('constructs/package.json', ours) === undefined ? ['constructs@10'] : []),
  ];
  if (cdk !== undefined && missing.length === 0) return join(dirname(cdk), 'bin/cdk');
  throw new MapReduceError(
    'UsageError',
    `mapreduce deploy needs ${missing.join(', ')}, which running jobs on this machine does not. Install what is missing beside serverless-mapreduce: npm install --save-dev ${missing.join(' ')} (in a clone of the project: npm ci, without --omit=dev)`,
  );
}

function found(file: string, { resolve }: NodeJS.Require): string | undefined {
  try {
    return resolve(file);
  } catch {
    return undefined;
  }
}

export interface CdkRun {
  /** The command's script first. */
  readonly args: readonly string[];
  /** Where cdk.json is. */
  readonly folder: string;
  /** Whether cdk's output goes straight to stderr, and cdk may ask questions. */
  readonly isLive: boolean;
  readonly signal: AbortSignal;
}

export interface CdkEnd {
  /** Null if a signal ended it. */
  readonly code: number | null;
  /** The end of its output; empty if the output went to stderr. */
  readonly output: string;
}

/** @throws the signal's reason once cdk has ended */
export async function runCdk({ args, folder, isLive, signal }: CdkRun): Promise<CdkEnd> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [...args, ...certificates()], {
    cwd: folder,
    env: { ...process.env, ...cdkRegion(), CDK_DISABLE_CLI_TELEMETRY: '1' },
    stdio: isLive ? ['inherit', process.stderr, process.stderr] : ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = `${output}${chunk.toString()}`.slice(-OUTPUT_CHARACTERS_MAX);
    });
  }
  // A terminal also sends Ctrl-C to cdk. If a signal reaches only this process, it must end cdk too.
  signal.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).catch((error: unknown) => {
    throw awsError(error, { action: 'cdk', on: args[0]! });
  });
  signal.throwIfAborted();
  return { code, output };
}

/** cdk has an HTTP agent of its own, which does not read the variable. */
function certificates(): string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  return file === undefined ? [] : ['--ca-bundle-path', file];
}

function cdkRegion(): NodeJS.ProcessEnv {
  const { region } = clientRegion();
  return region === undefined ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region };
}
