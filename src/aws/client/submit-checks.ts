/**
 * What `submit` checks before it uploads anything, so that a refused request does not change the bucket. The plan repeats
 * these checks, because the bucket may change before it runs.
 */
import { resolveParameters } from '../../api/parameters.ts';
import { MapReduceError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { assertStoredInput } from '../../plan/inputs/list-stored-inputs.ts';
import { lookInside } from '../../plan/inputs/look-inside.ts';
import { FileStore } from '../../storage/file/file-store.ts';
import { type AppCatalog, catalogOf, type DeployedApp, type DeployedInput } from '../protocol/app-catalog.ts';
import type { JobRequest } from '../protocol/job-request.ts';
import { assertOutputFree } from '../protocol/output-contents.ts';
import { assertReadable } from '../protocol/request-scope.ts';
import { isAccessDenied } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';
import { describeMachine } from './machine.ts';
import type { PlannedInput } from './uploads.ts';

/**
 * Looks up the app in the deployment.
 *
 * @returns undefined if the deployment does not describe its apps, or the caller lacks the permission
 * @throws UsageError for an app that the deployment does not have
 */
export async function deployedApp(deployment: Deployment, name: string): Promise<DeployedApp | undefined> {
  const catalog = await permitted(() => deployedApps(deployment));
  if (catalog === undefined) return undefined;
  const app = catalog.apps.find((known) => known.name === name);
  if (app !== undefined) return app;
  const names = catalog.apps.map((known) => known.name);
  const nearest = nearestName(name, names);
  throw usage(
    `there is no app '${name}' in this deployment.${nearest === undefined ? '' : ` Did you mean '${nearest}'?`} The apps are ${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : ''}. To deploy jobs of your own: ${deployment.deployLine(' --jobs <module that exports apps>')}`,
  );
}

const NAMES_SHOWN_MAX = 50;

export async function deployedApps(
  deployment: Pick<Deployment, 'sfn' | 'stateMachineArn'>,
): Promise<AppCatalog | undefined> {
  const { definition } = await describeMachine(deployment, deployment.stateMachineArn);
  return catalogOf(definition);
}

/** @throws UsageError for parameters that the app does not have or take, and for reducers of an app without any */
export function assertSuits(app: DeployedApp, request: Pick<JobRequest, 'params' | 'reducers'>): void {
  resolveParameters(app, request.params);
  if (!app.isMapOnly || request.reducers === undefined || request.reducers === 0) return;
  throw usage(
    `job '${app.name}' is map-only (it has no reduce), so it takes no reducers; received ${request.reducers}. Drop --reducers`,
  );
}

/** @throws for a file that cannot be read or is of another format; InputNotFoundError for a missing object */
export async function assertInputs(
  { store }: Deployment,
  {
    files,
    stored,
    deployed,
  }: Pick<PlannedInput, 'files' | 'stored'> & { deployed: DeployedInput | undefined },
): Promise<void> {
  const { isText = false, looks = false } = deployed ?? {};
  await lookInside(files, {
    store: new FileStore({ root: '/' }),
    source: { isText, look: (head) => (looks && isMarkedUtf16(head) ? true : undefined) },
  });
  for (const name of stored) {
    // Only the functions know which other prefixes jobs may read.
    assertReadable(name, ['']);
    await permitted(() => assertStoredInput(store, name));
  }
}

/** The format itself may read such a file; only the functions can ask it. */
function isMarkedUtf16(head: Buffer): boolean {
  const mark = head.subarray(0, 2).toString('hex');
  return mark === 'fffe' || mark === 'feff';
}

/** @throws OutputExistsError for an output that holds results, or belongs to a job, and must not be replaced */
export async function assertOutput({ store }: Deployment, request: JobRequest): Promise<void> {
  const { output: outputPrefix, overwrite = false } = request;
  if (outputPrefix === undefined || overwrite) return;
  await permitted(() => assertOutputFree(store, outputPrefix, 'replace them with --overwrite'));
}

/** Skips a check for which the caller lacks a right that submitting does not require: the functions repeat it. */
async function permitted<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isAccessDenied(error)) return undefined;
    throw error;
  }
}

function usage(message: string): MapReduceError {
  return new MapReduceError('UsageError', message);
}
