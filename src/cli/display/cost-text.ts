/** Formats what a job has cost, for its summary and its HTML report. */
import type { EstimatedCost, JobCost } from '../../aws/client/estimated-cost.ts';
import { formatCount } from '../../base/quantities.ts';
import type { ReportCost } from '../../report/page/page.ts';

export function costText(job: JobCost): ReportCost {
  switch (job.kind) {
    case 'expired':
      return { total: 'no longer known: Step Functions keeps executions for 90 days', parts: [] };
    case 'unknown':
      return { total: `not known: ${job.why}`, parts: [] };
    case 'estimate':
      return estimateText(job);
  }
}

function estimateText({ usage, cost, prices, region, isEmulator, executions }: EstimatedCost): ReportCost {
  const about = `${isEmulator ? 'on AWS ' : ''}${usage.isUpperBound ? 'at most about' : 'about'} ${formatDollars(cost.total)}`;
  const where = prices.region === region ? '' : `; those of ${region} are not known here, and may differ`;
  const upTo = usage.isUpperBound ? 'up to ' : '';
  const made = [
    `functions ${formatDollars(cost.functions)} for ${upTo}${formatCount(Math.ceil(usage.gbSeconds))} GB-seconds`,
    `coordination ${formatDollars(cost.coordination)} for ${formatCount(usage.transitions)} transitions`,
    `S3 ${formatDollars(cost.storageRequests)} for ${formatCount(usage.s3Writes + usage.s3Reads)} requests`,
  ];
  return {
    total: `${about}  (an estimate, at prices of ${prices.region} of ${prices.asOf}${where})`,
    parts: [
      made.join(', '),
      'not in it: stored bytes, logs, traces, the upload of the input, the requests of commands that wait for the job',
      ...(executions === 1 ? [] : [`of ${executions} executions, redrives counted`]),
    ],
  };
}

/** `$0.0123`: two significant digits, and never less than a hundredth of a cent. */
export function formatDollars(dollars: number): string {
  if (dollars >= 1) return `$${dollars.toFixed(2)}`;
  if (dollars < 0.000_1) return 'less than $0.0001';
  return `$${dollars.toFixed(Math.max(2, 1 - Math.floor(Math.log10(dollars))))}`;
}
