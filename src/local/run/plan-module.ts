/** Plans a job on local files for `mapreduce plan`. Loads it in a separate thread, so that it cannot harm this process. */
import { tmpdir } from 'node:os';
import type { JobDescription } from '../../api/job-description.ts';
import { resolveParameters } from '../../api/parameters.ts';
import { jobId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { listLocalInputs } from '../../plan/inputs/list-local-inputs.ts';
import { type InputNames, namesOfInputs } from '../../plan/inputs/named-inputs.ts';
import type { JobPlan } from '../../plan/task.ts';
import type { InputFile } from '../../read/input-file.ts';
import { DEFAULT_POLICY } from '../../stages/policy.ts';
import { FileStore } from '../../storage/file/file-store.ts';
import { localPool } from '../threads/local-pool.ts';
import { Scratch } from './scratch.ts';

export interface PlanModuleOptions {
  readonly jobModule: URL;
  readonly inputs: InputNames;
  readonly params: Readonly<Record<string, string>>;
  readonly reducers?: number | undefined;
  readonly splitSizeBytes?: number | undefined;
  readonly merge: boolean;
}

/** @throws the errors that a run would fail with before its first task */
export async function planModule(
  options: PlanModuleOptions,
): Promise<{ readonly job: JobDescription; readonly plan: JobPlan }> {
  const { jobModule, inputs, params, reducers, splitSizeBytes, merge } = options;
  const local = localPool({
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
    const job = await local.describe();
    const store = new FileStore({ root: '/' });
    const files: (readonly InputFile[])[] = [];
    for (const names of namesOfInputs(job, inputs)) files.push(await listLocalInputs(store, names));
    const plan = await local.plan({
      jobId: jobId('plan'),
      params: resolveParameters(job, params),
      files,
      leftOut: [],
      ...(splitSizeBytes === undefined ? {} : { splitSizeBytes }),
      ...(reducers === undefined ? {} : { reducers }),
      // Only the plan of the tasks matters here.
      compression: { codec: 'none' },
      merge,
    });
    return { job, plan };
  } finally {
    await local.pool.close();
  }
}
