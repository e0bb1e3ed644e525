/** Describes a job module for `mapreduce describe`. Loads it in a separate thread, so that it cannot harm this process. */
import { tmpdir } from 'node:os';
import type { JobDescription } from '../../api/job-description.ts';
import { LIMITS } from '../../base/limits.ts';
import { DEFAULT_POLICY } from '../../stages/policy.ts';
import { localPool } from '../threads/local-pool.ts';
import { Scratch } from './scratch.ts';

/** @throws JobDefinitionError if the module does not load, whatever the reason */
export async function describeModule(jobModule: URL): Promise<JobDescription> {
  const { pool, describe } = localPool({
    jobModule,
    workers: 1,
    memoryBytes: LIMITS.memoryBytesDefault,
    heapBoundBytes: LIMITS.memoryBytesDefault,
    // The folder is never created, because no attempt runs.
    scratch: new Scratch(tmpdir()),
    policy: DEFAULT_POLICY,
    signal: undefined,
  });
  try {
    return await describe();
  } finally {
    await pool.close();
  }
}
