/** What a job module holds, for `mapreduce describe`: loaded in a thread of its own, where it can do no harm. */
import { tmpdir } from 'node:os';
import type { JobDescription } from '../../api/job-description.ts';
import { LIMITS } from '../../base/limits.ts';
import { DEFAULT_POLICY } from '../../stages/policy.ts';
import { localPool } from '../threads/local-pool.ts';
import { Scratch } from './scratch.ts';

/** @throws JobDefinitionError when the module does not load, in whatever way */
export async function describeModule(jobModule: URL): Promise<JobDescription> {
  const { pool, describe } = localPool({
    jobModule,
    workers: 1,
    memoryBytes: LIMITS.memoryBytesDefault,
    heapBoundBytes: LIMITS.memoryBytesDefault,
    // Never made: no attempt runs.
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
