/** Assembles the report of a committed job, which is also its manifest, for every host. */
import { addCounters, type Counters, newCounters, sortedCounters } from '../base/counters.ts';
import { taskId } from '../base/ids.ts';
import { noticesField, planNotices } from '../plan/plan-notices.ts';
import { lastStage } from '../plan/stages.ts';
import type { JobPlan } from '../plan/task.ts';
import type { EstimateReport } from '../report/estimate.ts';
import type { AttemptFailure, JobReport, PartReport, StageReport } from '../report/report.ts';
import { BAD_RECORDS_NAME, partName } from '../report/result-names.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import { badRecordsNotice, jobBadRecords } from './job-bad-records.ts';

export interface JobFigures {
  readonly startedAt: Date;
  readonly wallMs: number;
  /** In the order in which they ran. */
  readonly stages: readonly StageReport[];
  readonly parts: readonly PartReport[];
  /** How many records the shuffle holds in each partition; empty for a map-only job. */
  readonly partitionRecords: readonly number[];
  /** The summaries of all committed tasks of all stages. */
  readonly summaries: readonly TaskSummary[];
  /** Attempts that failed and were retried successfully, newest last. */
  readonly failures: readonly AttemptFailure[];
  readonly estimate?: EstimateReport | undefined;
  /** Notices of the host. The report shows them before those of the plan. */
  readonly notices?: readonly string[];
}

export function jobReport(plan: JobPlan, figures: JobFigures): JobReport {
  const { settings, splits, inputBytes, inputFiles, inputs } = plan;
  const bad = jobBadRecords(figures.summaries);
  return {
    formatVersion: 1,
    jobId: settings.jobId,
    jobName: settings.jobName,
    params: settings.params,
    startedAt: figures.startedAt.toISOString(),
    wallMs: figures.wallMs,
    input: {
      files: inputFiles,
      bytes: inputBytes,
      splits: splits.length,
      ...(inputs === undefined ? {} : { inputs }),
    },
    reducers: settings.reducers,
    stages: figures.stages,
    parts: figures.parts,
    partitionRecords: figures.partitionRecords,
    counters: committedCounters(figures.summaries),
    failures: figures.failures,
    ...(bad === undefined ? {} : { badRecords: bad.count }),
    ...(figures.estimate === undefined ? {} : { estimate: figures.estimate }),
    ...noticesField([
      ...(figures.notices ?? []),
      ...planNotices(plan),
      ...badRecordsNotice(bad, BAD_RECORDS_NAME),
    ]),
  };
}

/** One part for each task of the last stage. */
export function partReports(
  plan: JobPlan,
  summaries: readonly TaskSummary[],
  extension: string,
): PartReport[] {
  const stage = lastStage(plan.settings);
  return summaries.map((summary, index) => ({
    name: partName(taskId(stage, index), extension),
    records: summary.recordsWritten,
    bytes: summary.bytesWritten,
    crc32: summary.crc32,
  }));
}

/** The sums of the user's counters over committed attempts only. */
function committedCounters(summaries: readonly TaskSummary[]): Counters {
  const total = newCounters();
  for (const summary of summaries) addCounters(total, summary.counters);
  return sortedCounters(total);
}
