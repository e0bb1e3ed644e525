/** The error about a job that is not there, with the job that the user may have meant. */
import { MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { JOBS_PREFIX } from '../protocol/keys.ts';
import { isAccessDenied } from './aws-errors.ts';
import { regionOfArn } from './client-options.ts';
import type { Deployment } from './deployment.ts';

/** Keys below jobs/ that are read for the ids of other jobs. */
const KEYS_COMPARED_MAX = 2_000;

/** @returns a UsageError */
export async function noSuchJob(deployment: Deployment, job: JobId): Promise<MapReduceError> {
  const { bucket, stackName, stateMachineArn, commandLine } = deployment;
  const nearest = nearestName(job, await knownJobs(deployment));
  const name = stateMachineArn.split(':').at(-1);
  const where = stackName === undefined ? `the state machine ${name}` : `the stack ${stackName}`;
  return new MapReduceError(
    'UsageError',
    `there is no job '${job}' in s3://${bucket} (${where}, in the region ${regionOfArn(stateMachineArn)}).${nearest === undefined ? '' : ` Did you mean '${nearest}'?`} '${commandLine('jobs')}' lists the latest`,
  );
}

/** Ids of jobs in the bucket; empty if the caller may not list them. */
async function knownJobs({ store }: Deployment): Promise<Set<string>> {
  const known = new Set<string>();
  let keys = 0;
  try {
    for await (const { key } of store.list(JOBS_PREFIX)) {
      known.add(key.slice(JOBS_PREFIX.length).split('/', 1)[0]!);
      if (++keys === KEYS_COMPARED_MAX) break;
    }
  } catch (error) {
    if (!isAccessDenied(error)) throw error;
  }
  return known;
}
