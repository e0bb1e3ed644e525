/** What a job of AWS has cost, as far as can be found out: for its summary and for its report. */
import type { ReportCost } from '../../report/page/page.ts';
import type { JobReport } from '../../report/report.ts';
import { awsError } from './aws-errors.ts';
import { costLines } from './cost.ts';
import { type Deployment, regionOfArn } from './deployment.ts';
import { executionArns } from './executions.ts';
import type { JobStatus } from './job-status.ts';
import { pricesOf } from './prices.ts';
import { usageOf } from './usage.ts';

/** The job has ended well whatever becomes of the estimate: who may not look at what it takes is told so. */
export async function estimatedCost(
  deployment: Deployment,
  status: JobStatus,
  report: JobReport,
): Promise<ReportCost> {
  if (status.execution === undefined) {
    return { total: 'not known any more: Step Functions keeps executions for 90 days', parts: [] };
  }
  try {
    const arns = await executionArns(deployment, status.jobId, status.execution);
    const usage = await usageOf(deployment, arns, report);
    const region = regionOfArn(deployment.stateMachineArn);
    const isEmulator = process.env.AWS_ENDPOINT_URL !== undefined;
    const [total, ...parts] = costLines({ usage, prices: pricesOf(region), region, isEmulator });
    const redrives = arns.length === 1 ? [] : [`of ${arns.length} executions, redrives counted`];
    return { total, parts: [...parts, ...redrives] };
  } catch (error) {
    const call = { action: 'lambda:GetFunctionConfiguration', on: 'the functions' };
    return { total: `not known: ${awsError(error, call).message}`, parts: [] };
  }
}
