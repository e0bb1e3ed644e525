/** Describes a job module for `mapreduce describe`. Loads it in a separate thread, so that it cannot harm this process. */
import type { JobDescription } from '../../api/job-description.ts';
import { describingPool } from './describing-pool.ts';

/** @throws JobDefinitionError if the module does not load, whatever the reason */
export async function describeModule(jobModule: URL): Promise<JobDescription> {
  const { pool, describe } = describingPool(jobModule);
  try {
    return await describe();
  } finally {
    await pool.close();
  }
}
