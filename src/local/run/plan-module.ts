/** Plans a job on local files for `mapreduce plan`. Loads it in a separate thread, so that it cannot harm this process. */
import type { JobDescription } from '../../api/job-description.ts';
import { resolveParameters } from '../../api/parameters.ts';
import { jobId } from '../../base/ids.ts';
import { listLocalInputs } from '../../plan/inputs/list-local-inputs.ts';
import { type InputNames, namesOfInputs } from '../../plan/inputs/named-inputs.ts';
import type { JobPlan } from '../../plan/task.ts';
import type { InputFile } from '../../read/input-file.ts';
import { FileStore } from '../../storage/file/file-store.ts';
import { describingPool } from './describing-pool.ts';

export interface PlanModuleOptions {
  readonly jobModule: URL;
  /** Names of files on this machine; or files that need not exist, because none is opened. */
  readonly inputs: InputNames | ((job: JobDescription) => readonly (readonly InputFile[])[]);
  readonly params: Readonly<Record<string, string>>;
  readonly reducers?: number | undefined;
  readonly splitSizeBytes?: number | undefined;
  readonly merge: boolean;
  /** PlanOptions.smallSplitsMax */
  readonly smallSplitsMax: number;
}

/** @throws the errors that a run would fail with before its first task */
export async function planModule(
  options: PlanModuleOptions,
): Promise<{ readonly job: JobDescription; readonly plan: JobPlan }> {
  const { jobModule, inputs, params, reducers, splitSizeBytes, merge, smallSplitsMax } = options;
  const local = describingPool(jobModule);
  try {
    const job = await local.describe();
    const opensNoFile = typeof inputs === 'function';
    const files = opensNoFile ? inputs(job) : await listedFiles(job, inputs);
    const plan = await local.plan({
      jobId: jobId('plan'),
      params: resolveParameters(job, params),
      files,
      opensNoFile,
      leftOut: [],
      ...(splitSizeBytes === undefined ? {} : { splitSizeBytes }),
      ...(reducers === undefined ? {} : { reducers }),
      // Only the plan of the tasks matters here.
      compression: { codec: 'none' },
      merge,
      smallSplitsMax,
    });
    return { job, plan };
  } finally {
    await local.pool.close();
  }
}

async function listedFiles(job: JobDescription, inputs: InputNames): Promise<(readonly InputFile[])[]> {
  const store = new FileStore({ root: '/' });
  const files: (readonly InputFile[])[] = [];
  for (const names of namesOfInputs(job, inputs)) files.push(await listLocalInputs(store, names));
  return files;
}
