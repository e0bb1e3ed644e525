import { verifyParts } from '../commit/verify-parts.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { PartReport } from '../report/report.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { partReports } from './job-report.ts';

/**
 * Returns the parts of a result that is not merged, after checking that each is still the object that the barrier saw. The commit
 * step calls this at most once each time the last barrier closes.
 *
 * @throws CorruptShuffleError, which names the task to run again
 */
export async function resultParts(
  plan: JobPlan,
  options: { store: ObjectStore; layout: JobLayout; extension: string; summaries: readonly TaskSummary[] },
): Promise<PartReport[]> {
  if (plan.settings.severalFiles) {
    const { resultFiles } = await import('../commit/committed-files.ts');
    return await resultFiles(plan, options);
  }
  await verifyParts(plan, options);
  return partReports(plan, options.summaries, options.extension);
}
