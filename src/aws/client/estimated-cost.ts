/** An estimate of what a job on AWS has cost, or why there is none. */
import type { JobReport } from '../../report/report.ts';
import { type Cost, costOf, type Usage } from '../model/cost.ts';
import { type Prices, pricesOf } from '../model/prices.ts';
import { awsError } from './aws-errors.ts';
import { regionOfArn } from './client-options.ts';
import type { Deployment } from './deployment.ts';
import { executionArns } from './executions.ts';
import type { JobStatus } from './job-status.ts';
import { usageOf } from './usage.ts';

export interface EstimatedCost {
  readonly kind: 'estimate';
  readonly usage: Usage;
  readonly cost: Cost;
  /** The prices of another region, if those of the job's region are not known. */
  readonly prices: Prices;
  /** The region in which the job ran. */
  readonly region: string;
  /** Whether the job ran on an emulator: the cost is what it would have been on AWS. */
  readonly isEmulator: boolean;
  /** The first and its redrives. */
  readonly executions: number;
}

export type JobCost =
  | EstimatedCost
  /** Step Functions no longer has the job's executions. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'unknown'; readonly why: string };

/** Never throws: a job has succeeded even if its cost is not known. */
export async function estimatedCost(
  deployment: Deployment,
  status: JobStatus,
  report: JobReport,
): Promise<JobCost> {
  if (status.execution === undefined) return { kind: 'expired' };
  try {
    const arns = await executionArns(deployment, status.jobId, status.execution);
    const usage = await usageOf(deployment, arns, report);
    const region = regionOfArn(deployment.stateMachineArn);
    const prices = pricesOf(region);
    const isEmulator = process.env.AWS_ENDPOINT_URL !== undefined;
    const cost = costOf(usage, prices);
    return { kind: 'estimate', usage, cost, prices, region, isEmulator, executions: arns.length };
  } catch (error) {
    const call = { action: 'lambda:GetFunctionConfiguration', on: 'the functions' };
    return { kind: 'unknown', why: awsError(error, call).message };
  }
}
