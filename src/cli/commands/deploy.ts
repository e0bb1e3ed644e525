/**
 * `mapreduce deploy`: `cdk deploy` of this package's stack, with the cdk of the project that has installed
 * the package. Bootstraps the account and region first if necessary. With --local, deploys to an emulator.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONTEXT_NAMES, parseContext } from '../../../infra/deploy/context.ts';
import { assertMayReplace } from '../../aws/client/app-changes.ts';
import { assertEnvironment } from '../../aws/client/aws-environment.ts';
import { clientRegion } from '../../aws/client/client-options.ts';
import { deployedStack, isBootstrapped } from '../../aws/client/deployed-stack.ts';
import { STACK_NAME_DEFAULT, stackNameOf } from '../../aws/client/deployment.ts';
import { LOCAL_ACCOUNT, useLocalEndpoint } from '../../aws/client/local-endpoint.ts';
import { removeOldVersions, versionsOf } from '../../aws/client/old-versions.ts';
import { accountQuotas, quotaNotices } from '../../aws/client/quotas.ts';
import type { AppCatalog } from '../../aws/protocol/app-catalog.ts';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { formatCountOf, formatDuration } from '../../base/quantities.ts';
import { thrownFields } from '../../base/thrown.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { siblingModule } from '../../local/run/sibling-module.ts';
import { commandLine } from '../display/command-line.ts';
import { appLines, movedText } from '../display/deploy-changes.ts';
import { paintFor } from '../display/paint.ts';
import { afterDone, writeToStderr } from '../display/standard-streams.ts';
import { print, printToStderr } from '../display/terminal.ts';
import type { DeploymentFlags } from '../flags/deployment-flags.ts';
import { parseAssignment } from '../flags/flag-values.ts';
import { cdkScript, runCdk } from '../process/cdk.ts';
import { EXIT_CODE, exitCodeOfSignal } from '../process/exit-code.ts';
import { listenForInterrupt } from '../process/interrupt.ts';

export interface DeployFlags extends Pick<DeploymentFlags, 'stack' | 'local'> {
  readonly jobs?: string;
  readonly context?: readonly string[];
  readonly yes?: boolean;
  readonly replace?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
}

type Context = Readonly<Record<string, string>>;
type Say = (text: string) => void;

/** A shell command. It uses the Node that runs this process, because another Node may be too old. */
const APP = `"${process.execPath}" "${fileURLToPath(siblingModule('../../../infra/app', import.meta.url))}"`;

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
  await assertMayDeploy(catalog, { stackName, isReplacing: flags.replace === true, say });
  for (const notice of await noticesOf(context)) say(`note: ${notice}\n`);
  const interrupt = listenForInterrupt((by) => say(`${by}: stopping cdk\n`));
  const startedMs = performance.now();
  try {
    const outputs = await deployStack(flags, { cdk, stackName, context, signal: interrupt.signal, say });
    await tidyUp(outputs, say);
    const apps = catalog.apps.map(({ name }) => name);
    await afterDone(`${stackName} is deployed`, () =>
      printOutputs(flags, { apps, outputs, elapsedMs: performance.now() - startedMs }),
    );
    return EXIT_CODE.done;
  } catch (error) {
    const signal = interrupt.received();
    if (signal === undefined || !isMapReduceError(error, 'CancelledError')) throw error;
    say('stopped: CloudFormation finishes or rolls back what it has begun; deploy again when it has\n');
    return exitCodeOfSignal(signal);
  } finally {
    interrupt.release();
  }
}

/** Prints what would change. @throws UsageError if the deployment would replace something and --replace is missing */
async function assertMayDeploy(
  catalog: AppCatalog,
  { stackName, isReplacing, say }: { stackName: string; isReplacing: boolean; say: Say },
): Promise<void> {
  const deployed = await deployedStack(stackName);
  say(`${appLines(catalog, deployed, { paint: paintFor(process.stderr) }).join('\n')}\n`);
  if (deployed === undefined) return;
  assertMayReplace(catalog, deployed, isReplacing);
  const moved = movedText(catalog, deployed);
  if (moved !== undefined) say(`${moved}\n`);
}

/** @returns the outputs of the stack */
async function deployStack(
  flags: DeployFlags,
  options: { cdk: string; stackName: string; context: Context; signal: AbortSignal; say: Say },
): Promise<Context> {
  const { cdk, stackName, context, signal, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'mapreduce-deploy-'));
  const run = (args: readonly string[]) =>
    runOrThrow([cdk, ...args, '--no-notices'], { folder, flags, signal });
  try {
    // Otherwise cdk would read the caller's cdk.json, which is about another app.
    await writeFile(join(folder, 'cdk.json'), JSON.stringify({ app: APP, output: 'cdk.out', context }));
    if (!(await isBootstrapped())) {
      say('the account and region are not prepared for cdk yet: cdk bootstrap\n');
      await run(['bootstrap', ...(flags.local ? [`aws://${LOCAL_ACCOUNT}/${process.env.AWS_REGION}`] : [])]);
    }
    say(`cdk deploy ${stackName}\n`);
    const outputsFile = join(folder, 'outputs.json');
    const approval = flags.local || flags.yes ? ['--require-approval', 'never'] : [];
    await run(['deploy', stackName, ...approval, '--outputs-file', outputsFile]);
    // The cast: the CDK writes the outputs of each stack as strings.
    const outputs = parseJson(await readFile(outputsFile, 'utf8')) as Record<string, Context>;
    return outputs[stackName] ?? {};
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The deployment has succeeded, whatever happens here. */
async function tidyUp({ StateMachineArn: stateMachineArn }: Context, say: Say): Promise<void> {
  if (stateMachineArn === undefined) return;
  try {
    const removed = await removeOldVersions(await versionsOf(stateMachineArn), { nowMs: Date.now() });
    if (removed.length > 0)
      say(`removed ${formatCountOf(removed.length, 'version')} of functions that no job uses\n`);
  } catch (error) {
    say(`old versions of the functions stay: ${thrownFields(error).message}\n`);
  }
}

/** cdk's output goes to stderr: live if cdk may ask questions or --verbose is set; otherwise only if cdk fails. */
async function runOrThrow(
  args: readonly string[],
  { folder, flags, signal }: { folder: string; flags: DeployFlags; signal: AbortSignal },
): Promise<void> {
  const isLive = flags.verbose === true || (!flags.local && !flags.yes);
  const { code, output } = await runCdk({ args, folder, isLive, signal });
  if (code === 0) return;
  if (!isLive) writeToStderr(output);
  throw new MapReduceError(
    'UsageError',
    `cdk ${args[1]} ended with exit code ${code}; its output is above. Nothing that was deployed before is lost: correct the cause and deploy again`,
  );
}

/** Called before any request to AWS. @throws UsageError for settings that the stack would refuse */
async function contextOf(flags: DeployFlags, stackName: string): Promise<Context> {
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

/** CDK accepts any name, and ignores those that nobody reads. */
function assertSetting(name: string): void {
  const flag = { stackName: '--stack', jobs: '--jobs' }[name];
  if (flag !== undefined) {
    throw new MapReduceError('UsageError', `--context ${name} is set by a flag of its own: ${flag}`);
  }
  const names = CONTEXT_NAMES.filter((known) => known !== 'stackName' && known !== 'jobs');
  if (names.some((known) => known === name)) return;
  const nearest = nearestName(name, names);
  throw new MapReduceError(
    'UsageError',
    `--context has no setting '${name}'.${nearest === undefined ? '' : ` Did you mean '${nearest}'?`} The settings are ${names.join(', ')}; a CDK app of your own can set more (infra/construct/props.ts)`,
  );
}

/** Runs the stack's own checks here, because cdk would bury their errors in its output. */
async function assertValid(context: Context): Promise<void> {
  // Imported late: cdkScript() first checks that the packages exist which only deployments need.
  const [{ propsOf }, { checkProps }] = await Promise.all([
    import('../../../infra/deploy/deployment-app.ts'),
    import('../../../infra/construct/props.ts'),
  ]);
  try {
    checkProps(propsOf(parseContext((name) => context[name])));
  } catch (error) {
    throw new MapReduceError('UsageError', thrownFields(error).message, { cause: error });
  }
}

/** What the settings exceed in the account; nothing if that cannot be found out, because it does not stop a deployment. */
async function noticesOf(context: Context): Promise<string[]> {
  const [{ propsOf }, { checkProps }] = await Promise.all([
    import('../../../infra/deploy/deployment-app.ts'),
    import('../../../infra/construct/props.ts'),
  ]);
  const demand = checkProps(propsOf(parseContext((name) => context[name])));
  const quotas = await accountQuotas(clientRegion()).catch(() => undefined);
  return quotas === undefined ? [] : quotaNotices(demand, quotas);
}

/** @throws UsageError for a jobs module that does not load or exports no apps */
async function checkedApps(context: Context): Promise<AppCatalog> {
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
    throw new MapReduceError('UsageError', thrownFields(error).message, { cause: error });
  }
}

function printOutputs(
  flags: DeployFlags,
  { apps, outputs, elapsedMs }: { apps: readonly string[]; outputs: Context; elapsedMs: number },
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
