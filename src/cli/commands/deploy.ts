/**
 * `mapreduce deploy`: `cdk deploy` of this package's stack, by the cdk of the project that the package is installed in,
 * with bootstrap where the account and region have not had it. With --local the same, against an emulator.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Stack } from '@aws-sdk/client-cloudformation';
import { CONTEXT_NAMES, parseContext } from '../../../infra/deploy/context.ts';
import { assertEnvironment } from '../../aws/client/aws-environment.ts';
import { awsError, callAws, isAccessDenied, isAwsError } from '../../aws/client/aws-errors.ts';
import { clientOptions, clientRegion, STACK_NAME_DEFAULT, stackNameOf } from '../../aws/client/deployment.ts';
import { LOCAL_ACCOUNT, useLocalEndpoint } from '../../aws/client/local-endpoint.ts';
import type { AppCatalog } from '../../aws/protocol/app-catalog.ts';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { formatDuration } from '../../base/quantities.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { siblingModule } from '../../local/run/sibling-module.ts';
import { commandLine } from '../display/command-line.ts';
import { appLines, assertMayReplace, type DeployedStack, movedText } from '../display/deploy-changes.ts';
import { paintFor } from '../display/paint.ts';
import { afterDone, writeToStderr } from '../display/standard-streams.ts';
import { print, printToStderr } from '../display/terminal.ts';
import type { DeploymentFlags } from '../flags/deployment-flags.ts';
import { parseAssignment } from '../flags/flag-values.ts';
import { EXIT_CODE, exitCodeOfSignal } from '../process/exit-code.ts';
import { listenForInterrupt } from '../process/interrupt.ts';
import { PACKAGE_ROOT } from '../process/package-root.ts';

export interface DeployFlags extends Pick<DeploymentFlags, 'stack' | 'local'> {
  readonly jobs?: string;
  readonly context?: readonly string[];
  readonly yes?: boolean;
  readonly replace?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
}

const BOOTSTRAP_STACK = 'CDKToolkit';
/** A shell's line. By the Node that runs this: another may be too old. */
const APP = `"${process.execPath}" "${fileURLToPath(siblingModule('../../../infra/app', import.meta.url))}"`;
/** Of cdk's output, shown where it failed. */
const OUTPUT_CHARACTERS_MAX = 20_000;

export async function deployCommand(flags: DeployFlags): Promise<number> {
  const cdk = cdkScript();
  assertEnvironment();
  if (flags.local) useLocalEndpoint();
  const stackName = stackNameOf(flags);
  const context = await contextOf(flags, stackName);
  const say = (text: string) => {
    if (!flags.quiet) printToStderr(text);
  };
  const catalog = await checkedApps(context);
  const deployed = await deployedStack(stackName);
  say(`${appLines(catalog, deployed, { paint: paintFor(process.stderr) }).join('\n')}\n`);
  if (deployed !== undefined) {
    assertMayReplace(catalog, deployed, flags.replace === true);
    const moved = movedText(catalog, deployed);
    if (moved !== undefined) say(`${moved}\n`);
  }
  const apps = catalog.apps.map(({ name }) => name);
  const interrupt = listenForInterrupt((by) => say(`${by}: stopping cdk\n`));
  const folder = await mkdtemp(join(tmpdir(), 'mapreduce-deploy-'));
  const startedMs = performance.now();
  try {
    const run = (args: readonly string[]) =>
      runCdk([cdk, ...args], { folder, flags, signal: interrupt.signal });
    // The folder's own, so that no cdk.json of the caller's, which is about another app, is read.
    await writeFile(join(folder, 'cdk.json'), JSON.stringify({ app: APP, output: 'cdk.out', context }));
    const common = ['--no-notices', ...certificates()];
    if (!(await isBootstrapped())) {
      say('the account and region are not prepared for cdk yet: cdk bootstrap\n');
      const target = flags.local ? [`aws://${LOCAL_ACCOUNT}/${process.env.AWS_REGION}`] : [];
      await run(['bootstrap', ...target, ...common]);
    }
    say(`cdk deploy ${stackName}\n`);
    const outputsFile = join(folder, 'outputs.json');
    const approval = flags.local || flags.yes ? ['--require-approval', 'never'] : [];
    await run(['deploy', stackName, ...approval, '--outputs-file', outputsFile, ...common]);
    const outputs = parseJson(await readFile(outputsFile, 'utf8')) as Record<string, Record<string, string>>;
    await afterDone(`${stackName} is deployed`, () =>
      printOutputs(flags, {
        apps,
        outputs: outputs[stackName] ?? {},
        elapsedMs: performance.now() - startedMs,
      }),
    );
    return EXIT_CODE.done;
  } catch (error) {
    const signal = interrupt.received();
    if (signal === undefined || !isMapReduceError(error, 'CancelledError')) throw error;
    say('stopped: what CloudFormation had begun it ends, or takes back; deploy again when it has\n');
    return exitCodeOfSignal(signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
    interrupt.release();
  }
}

/**
 * The script of the cdk command.
 *
 * @throws UsageError that says what to install, unless the packages that only a deployment needs are there
 */
function cdkScript(): string {
  const ours = createRequire(PACKAGE_ROOT);
  // The library is found from the app, which imports it; the command may also belong to where it is called.
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

/** @throws UsageError for what the stack would not take, before anything is asked of AWS */
async function contextOf(flags: DeployFlags, stackName: string): Promise<Record<string, string>> {
  const { jobs, context = [], local } = flags;
  if (jobs !== undefined && !existsSync(jobs)) {
    throw new MapReduceError(
      'UsageError',
      `--jobs is the path of the module that exports the apps, such as apps/index.ts; there is no ${resolve(jobs)}`,
    );
  }
  const settings = context.map((text) => parseAssignment('--context', text));
  for (const [name] of settings) assertSetting(name);
  const all = {
    stackName,
    ...(jobs === undefined ? {} : { jobs: resolve(jobs) }),
    ...(local ? { removalPolicy: 'destroy' } : {}),
    ...Object.fromEntries(settings),
  };
  await assertValid(all);
  return all;
}

/** CDK takes any name, and says nothing of those that nobody asks for. */
function assertSetting(name: string): void {
  const flag = { stackName: '--stack', jobs: '--jobs' }[name];
  if (flag !== undefined) {
    throw new MapReduceError('UsageError', `--context ${name} is set by a flag of its own: ${flag}`);
  }
  const names = CONTEXT_NAMES.filter((known) => known !== 'stackName' && known !== 'jobs');
  if ((names as readonly string[]).includes(name)) return;
  const nearest = nearestName(name, names);
  throw new MapReduceError(
    'UsageError',
    `--context has no setting '${name}'.${nearest === undefined ? '' : ` Did you mean '${nearest}'?`} The settings are ${names.join(', ')}; a CDK app of your own can set more (infra/construct/props.ts)`,
  );
}

/** By the same checks as the stack itself, which would tell it in the midst of what cdk says. */
async function assertValid(context: Readonly<Record<string, string>>): Promise<void> {
  // Not before the packages that only a deployment needs are known to be there.
  const [{ propsOf }, { checkProps }] = await Promise.all([
    import('../../../infra/deploy/deployment-app.ts'),
    import('../../../infra/construct/props.ts'),
  ]);
  try {
    checkProps(propsOf(parseContext((name) => context[name])));
  } catch (error) {
    throw new MapReduceError('UsageError', (error as Error).message, { cause: error });
  }
}

/** @throws UsageError for a jobs module that does not load or exports no apps */
async function checkedApps(context: Readonly<Record<string, string>>): Promise<AppCatalog> {
  const [{ propsOf }, { bundleHandlers }, { deployerOf }] = await Promise.all([
    import('../../../infra/deploy/deployment-app.ts'),
    import('../../../infra/bundling/bundle.ts'),
    import('../../../infra/bundling/deployer.ts'),
  ]);
  try {
    const { jobs } = propsOf(parseContext((name) => context[name]));
    using bundles = bundleHandlers(jobs);
    return { by: deployerOf(jobs), apps: bundles.apps };
  } catch (error) {
    throw new MapReduceError('UsageError', (error as Error).message, { cause: error });
  }
}

/** Undefined where there is none yet. */
async function deployedStack(stackName: string): Promise<DeployedStack | undefined> {
  const stack = await findStack(stackName);
  if (stack === undefined) return undefined;
  const { Outputs: outputs = [] } = stack;
  const appNames = outputs
    .filter(({ OutputKey: key = '' }) => /^Apps\d+$/.test(key))
    .flatMap(({ OutputValue: value = '[]' }) => parseJson(value) as string[]);
  const machine = outputs.find(({ OutputKey: key }) => key === 'StateMachineArn')?.OutputValue;
  return { stackName, appNames, catalog: machine === undefined ? undefined : await catalogFrom(machine) };
}

/** Undefined where it may not be read, or is not there any more: somebody has removed it by hand. */
async function catalogFrom(stateMachineArn: string): Promise<AppCatalog | undefined> {
  const [{ SFNClient }, { deployedApps }] = await Promise.all([
    import('@aws-sdk/client-sfn'),
    import('../../aws/client/submit-checks.ts'),
  ]);
  const sfn = new SFNClient(clientOptions(clientRegion()));
  try {
    return await deployedApps({ sfn, stateMachineArn });
  } catch (error) {
    const isGone = error instanceof Error && isAwsError(error.cause, 'StateMachineDoesNotExist');
    if (isGone || isAccessDenied(error)) return undefined;
    throw error;
  }
}

async function isBootstrapped(): Promise<boolean> {
  return (await findStack(BOOTSTRAP_STACK)) !== undefined;
}

async function findStack(name: string): Promise<Stack | undefined> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(clientOptions(clientRegion()));
  const call = { action: 'cloudformation:DescribeStacks', on: `the stack ${name}` };
  return await callAws(call, async () => {
    try {
      const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
      return Stacks[0];
    } catch (error) {
      if (error instanceof Error && /does not exist/.test(error.message)) return undefined;
      throw error;
    }
  });
}

/** cdk has an agent of its own, which does not read the variable. */
function certificates(): string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  return file === undefined ? [] : ['--ca-bundle-path', file];
}

/** What cdk says goes to stderr: live where it may have to ask, or on demand; else only when it fails. */
async function runCdk(
  args: readonly string[],
  { folder, flags, signal }: { folder: string; flags: DeployFlags; signal: AbortSignal },
): Promise<void> {
  signal.throwIfAborted();
  const isLive = flags.verbose === true || (!flags.local && !flags.yes);
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...cdkRegion(), CDK_DISABLE_CLI_TELEMETRY: '1' },
    stdio: isLive ? ['inherit', process.stderr, process.stderr] : ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-OUTPUT_CHARACTERS_MAX);
    });
  }
  // A terminal sends Ctrl-C to cdk as well; who ends this process alone means both.
  signal.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).catch((error: unknown) => {
    throw awsError(error, { action: 'cdk', on: args[0] });
  });
  signal.throwIfAborted();
  if (code === 0) return;
  if (!isLive) writeToStderr(said);
  throw new MapReduceError(
    'UsageError',
    `cdk ${args[1]} ended with exit code ${code}; what it says is above. Nothing that was deployed before is lost: correct the cause and deploy again`,
  );
}

function cdkRegion(): NodeJS.ProcessEnv {
  const { region } = clientRegion();
  return region === undefined ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region };
}

function printOutputs(
  flags: DeployFlags,
  {
    apps,
    outputs,
    elapsedMs,
  }: { apps: readonly string[]; outputs: Readonly<Record<string, string>>; elapsedMs: number },
): void {
  const paint = paintFor(process.stdout);
  const stackName = stackNameOf(flags);
  const connection = {
    ...(stackName === STACK_NAME_DEFAULT ? {} : { stack: stackName }),
    ...(flags.local ? { local: true } : {}),
  };
  const app = apps.includes('word-count') ? 'word-count' : apps[0];
  print(
    `${paint('bold', stackName)} is deployed, after ${formatDuration(elapsedMs)}
  bucket         s3://${outputs.BucketName ?? ''}
  state machine  ${outputs.StateMachineArn ?? ''}

  ${commandLine(`submit ${app} --input <path>... --wait`, connection)}
`,
  );
}
