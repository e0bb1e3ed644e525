/**
 * A job runs one version of the code from start to end: its execution invokes versions of the functions, which never
 * change. Tasks that are left after a failure run what is deployed then, so a redrive compares.
 */
import { MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';

/** The environment variable of each function that identifies the code of all functions of its deployment. */
export const CODE_HASH_VARIABLE = 'MAPREDUCE_CODE_HASH';

export interface ComparedCode {
  readonly jobId: JobId;
  /** The hash of the code that the job started with, or that an earlier redrive accepted. */
  readonly started: string;
  readonly deployed: string;
  /** When it was deployed, if known. */
  readonly deployedAt?: string | undefined;
}

/**
 * Called before a redrive starts, by the command and by the plan step.
 *
 * @throws CodeChangedError
 */
export function assertSameCode({ jobId, started, deployed, deployedAt }: ComparedCode): void {
  if (started === deployed) return;
  const since = deployedAt === undefined ? '' : `, deployed at ${deployedAt}`;
  throw new MapReduceError(
    'CodeChangedError',
    `job ${jobId} started with code ${started}, and the deployment has code ${deployed}${since}. Results of both might be mixed. If the output of its committed tasks is valid with the deployed code too, redrive it with --allow-other-code ("allowOtherCode": true in the input of the execution); otherwise deploy the earlier code, or submit the job again`,
    { details: { jobId } },
  );
}

/**
 * Called by each attempt and step. Fails only if somebody changed the state machine by hand, so that it no longer
 * invokes the versions of one deployment.
 *
 * @param expected  the hash of the code that the execution started with
 * @param own  the hash of the code that runs
 * @throws CodeChangedError
 */
export function assertOwnCode(jobId: JobId, { expected, own }: { expected: string; own: string }): void {
  if (expected === own) return;
  throw new MapReduceError(
    'CodeChangedError',
    `this function runs code ${own}, and job ${jobId} started with code ${expected}. The state machine must invoke versions of its functions, as mapreduce deploys it: deploy again, then redrive the job`,
    { details: { jobId } },
  );
}
