/** How many tasks of a job run at once: as many as the deployment allows, or fewer if the request says so. */
import type { JobRequest } from '../../src/aws/protocol/job-request.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { formatCount } from '../../src/base/quantities.ts';
import type { StepEnvironment } from './environment.ts';

type Requested = Pick<JobRequest, 'maxConcurrency'>;

/** @throws UsageError if the request asks for more than the deployment allows */
export function assertConcurrency(
  { maxConcurrency }: Requested,
  { maxConcurrency: deployed }: Pick<StepEnvironment, 'maxConcurrency'>,
): void {
  if (maxConcurrency === undefined || maxConcurrency <= deployed) return;
  throw new MapReduceError(
    'UsageError',
    `maxConcurrency is ${formatCount(maxConcurrency)}, and this deployment runs at most ${formatCount(deployed)} tasks of a job at once. Ask for at most that many, or deploy with --context maxConcurrency=${maxConcurrency}`,
  );
}

/**
 * The environment as this job may use it. A redrive may find a deployment that allows less than the request asks for; then
 * the deployment counts.
 */
export function withinRequest<E extends Pick<StepEnvironment, 'maxConcurrency'>>(
  environment: E,
  { maxConcurrency = environment.maxConcurrency }: Requested,
): E {
  return { ...environment, maxConcurrency: Math.min(maxConcurrency, environment.maxConcurrency) };
}
