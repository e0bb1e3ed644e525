/** A pool of one worker that describes and plans a job without running it, so that the job cannot harm this process. */
import { tmpdir } from 'node:os';
import { LIMITS } from '../../base/limits.ts';
import { DEFAULT_POLICY } from '../../stages/policy.ts';
import { localPool } from '../threads/local-pool.ts';
import { Scratch } from './scratch.ts';

/** The caller closes the pool. */
export function describingPool(jobModule: URL): ReturnType<typeof localPool> {
  return localPool({
    jobModule,
    workers: 1,
    memoryBytes: LIMITS.memoryBytesDefault,
    heapBoundBytes: LIMITS.memoryBytesDefault,
    // The folder is never created, because no attempt runs.
    scratch: new Scratch(tmpdir()),
    policy: DEFAULT_POLICY,
    signal: undefined,
  });
}
