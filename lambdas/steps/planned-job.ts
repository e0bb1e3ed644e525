/** Reads the plan of a job, for the barriers and the commit. */
import type { Job } from '../../src/api/job.ts';
import { type PlanDocument, readDocument } from '../../src/aws/protocol/documents.ts';
import { jobLayout, planKey } from '../../src/aws/protocol/keys.ts';
import type { JobId } from '../../src/base/ids.ts';
import type { JobLayout } from '../../src/plan/task.ts';
import type { StepEnvironment } from './environment.ts';

export interface PlannedJob extends PlanDocument {
  readonly job: Job;
  readonly layout: JobLayout;
}

export async function plannedJob(id: JobId, { jobs, store }: StepEnvironment): Promise<PlannedJob> {
  const document = await readDocument<PlanDocument>(store, planKey(id));
  return { ...document, job: await jobs.find(document.app), layout: jobLayout(id, document.outputPrefix) };
}
