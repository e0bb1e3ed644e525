/**
 * Merges the parts if asked, writes the manifest and _SUCCESS, removes what is no longer needed. Where merging finds a
 * part damaged or gone, the job goes back to the barrier before, which has its task run again.
 */
import { rm } from 'node:fs/promises';
import type * as v from 'valibot';
import { readFailures, recordFailure } from '../../src/aws/protocol/attempt-failures.ts';
import {
  type AttemptFailureDocument,
  type ClaimDocument,
  readDocument,
  type StageDocument,
} from '../../src/aws/protocol/documents.ts';
import type { JobState, stepEventSchema } from '../../src/aws/protocol/job-state.ts';
import { backupsPrefix, requestKey, stageKey } from '../../src/aws/protocol/keys.ts';
import { isMapReduceError, repairTarget } from '../../src/base/errors.ts';
import { type AttemptId, jobId, type Stage, type TaskId, taskIndexOf } from '../../src/base/ids.ts';
import { writerOf } from '../../src/commit/committed-part.ts';
import { committedKey } from '../../src/commit/layout.ts';
import { verifyParts } from '../../src/commit/verify-parts.ts';
import { noticesField, planNotices } from '../../src/plan/plan-notices.ts';
import { reportPage } from '../../src/report/page/page.ts';
import type { JobReport, PartReport, StageReport } from '../../src/report/report.ts';
import { SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import { commitJob, jobCounters, partReports, removeWork } from '../../src/stages/commit-job.ts';
import { mergeParts } from '../../src/stages/merge-parts.ts';
import { stageFigures } from '../../src/stages/stage-figures.ts';
import { checkDeadline, freshFolder } from './attempt.ts';
import { type PlannedJob, plannedJob } from './barrier.ts';
import { isCommitted } from './committed-result.ts';
import type { Invocation, StepEnvironment } from './environment.ts';
import { removeStrayParts, removeUnlessForeign } from './output.ts';
import { assertOwned, type JobOutput, lost, type OutputClaim } from './output-claim.ts';
import { OutputStore } from './output-store.ts';

/** What the state machine answers at its end; also what `mapreduce wait` prints. */
export interface CommittedJob {
  readonly jobId: string;
  readonly outputPrefix: string;
  readonly parts: number;
}

export async function commitStep(
  event: v.InferOutput<typeof stepEventSchema>,
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<CommittedJob | JobState> {
  const { store } = environment;
  const id = jobId(event.jobId);
  const planned = await plannedJob(id, environment);
  const { layout, outputPrefix, plan } = planned;
  const committed = {
    jobId: id,
    outputPrefix,
    parts: plan.settings.merge ? 1 : plan.settings.reducers || plan.splits.length,
  };
  if (await isCommitted(id, outputPrefix, store)) {
    // What the report needs may be gone already, and the report is there.
    await removeWork(store, layout);
    return committed;
  }
  const isMapOnly = plan.settings.reducers === 0;
  const map = await readDocument<StageDocument>(store, stageKey(id, 'map'));
  const reduce = isMapOnly ? undefined : await readDocument<StageDocument>(store, stageKey(id, 'reduce'));
  const { summaries } = reduce ?? map;
  const output = { jobId: id, outputPrefix };
  let claim = await assertOwned(store, output);
  let parts: PartReport[];
  try {
    parts = await partsOf(planned, summaries, outputEnvironment(environment, { output, claim }), invocation);
  } catch (error) {
    const target = repairTarget(error);
    if (target === undefined || target === 'shuffle-index') throw error;
    claim = await assertOwned(store, output);
    await sendBack(target, planned, { summaries, error, claim }, environment);
    const { mapRound, reduceRound } = event;
    const next = isMapOnly ? 'map-barrier' : 'reduce-barrier';
    return { jobId: id, next, items: '', mapRound, reduceRound, resumed: false };
  }
  const report = await reportOf(planned, { map, reduce, parts }, environment);
  // Merging may have taken long.
  if (plan.settings.merge) claim = await assertOwned(store, output);
  await removeStrayParts(store, output, { claim, parts });
  const outputStore = new OutputStore(store, { output, claim });
  await commitJob({ report, page: reportPage(report), store: outputStore, layout });
  await assertStillOwned(outputStore, output);
  await removeWork(store, layout);
  return committed;
}

function outputEnvironment(
  environment: StepEnvironment,
  claimed: { output: JobOutput; claim: OutputClaim },
): StepEnvironment {
  return { ...environment, store: new OutputStore(environment.store, claimed) };
}

/**
 * Between its last look at the claim and its _SUCCESS a job may have lost the output. It then takes its _SUCCESS away, so
 * that the output does not look whole while its successor runs; what else it wrote, the successor replaces or removes. A
 * successor looks whether that removal met its own _SUCCESS.
 */
async function assertStillOwned(store: OutputStore, output: JobOutput): Promise<void> {
  const key = `${output.outputPrefix}${SUCCESS_NAME}`;
  try {
    const { before } = await assertOwned(store, output);
    if (before.length === 0) return;
    const success = await store.head(key);
    if (success === undefined) await store.put(key, Buffer.alloc(0));
    else if (writerOf(success) !== output.jobId) throw lost(store, output, { jobId: writerOf(success)! });
  } catch (error) {
    if (isMapReduceError(error, 'OutputExistsError')) {
      const success = await store.head(key);
      if (success !== undefined && writerOf(success) === output.jobId) await store.delete([key]);
    }
    throw error;
  }
}

/** Takes away what the task has committed, so that the barrier finds it missing, and leaves word of why. */
async function sendBack(
  task: TaskId,
  { plan, job, layout }: PlannedJob,
  { summaries, error, claim }: { summaries: readonly TaskSummary[]; error: unknown; claim: OutputClaim },
  { store, now }: StepEnvironment,
): Promise<void> {
  const { settings } = plan;
  const attemptId = summaries[taskIndexOf(task)].attemptId as AttemptId;
  await recordFailure(store, { jobId: settings.jobId, taskId: task, attemptId, at: now(), error });
  const key = committedKey(layout, task, { settings, extension: job.output.extension });
  const { outputPrefix } = layout;
  await removeUnlessForeign(store, { jobId: settings.jobId, outputPrefix }, { key, claim });
}

async function partsOf(
  { plan, job, layout }: PlannedJob,
  summaries: readonly TaskSummary[],
  { store, memoryBytes, scratchParent }: StepEnvironment,
  invocation: Invocation,
): Promise<PartReport[]> {
  const { extension } = job.output;
  if (!plan.settings.merge) {
    await verifyParts(plan, { store, layout, extension, summaries });
    return partReports(plan, summaries, extension);
  }
  const scratchFolder = await freshFolder(scratchParent, `merge-${invocation.requestId}`);
  try {
    const control = { check: () => checkDeadline(invocation) };
    const merged = await mergeParts({ plan, store, layout, extension, memoryBytes, scratchFolder, control });
    return [merged];
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

async function reportOf(
  { plan, plannedAt }: PlannedJob,
  stages: { map: StageDocument; reduce: StageDocument | undefined; parts: readonly PartReport[] },
  { store, now }: StepEnvironment,
): Promise<JobReport> {
  const { map, reduce, parts } = stages;
  const { jobId: id, jobName, params, reducers } = plan.settings;
  const failures = await readFailures(store, id);
  const backups: string[] = [];
  for await (const { key } of store.list(backupsPrefix(id)))
    backups.push(key.slice(backupsPrefix(id).length));
  const { claimedAt } = await readDocument<ClaimDocument>(store, requestKey(id));
  const known = { claimedAt, failures, backups };
  const mapReport = stageReport('map', map, { startedAt: plannedAt, ...known });
  const stageReports =
    reduce === undefined
      ? [mapReport]
      : [mapReport, stageReport('reduce', reduce, { startedAt: map.closedAt, ...known })];
  return {
    formatVersion: 1,
    jobId: id,
    jobName,
    params,
    startedAt: new Date(claimedAt).toISOString(),
    wallMs: now().getTime() - Date.parse(claimedAt),
    input: {
      files: plan.inputFiles,
      bytes: plan.inputBytes,
      splits: plan.splits.length,
    },
    reducers,
    stages: stageReports,
    parts,
    partitionRecords: map.partitionRecords,
    counters: jobCounters([...map.summaries, ...(reduce?.summaries ?? [])]),
    failures: failures.map(({ taskId, attemptId, error }) => ({ taskId, attemptId, error })),
    ...noticesField(planNotices(plan)),
  };
}

/** Of attempts that ended well only the one that committed leaves a trace; one that was first and lost is not counted. */
function stageReport(
  stage: Stage,
  { summaries, closedAt }: StageDocument,
  {
    startedAt,
    claimedAt,
    failures,
    backups,
  }: {
    startedAt: string;
    claimedAt: string;
    failures: readonly AttemptFailureDocument[];
    backups: readonly string[];
  },
): StageReport {
  const initial = stage === 'map' ? 'm-' : 'r-';
  const failed = failures.filter(({ taskId }) => taskId.startsWith(initial)).length;
  const backedUp = backups.filter((task) => task.startsWith(initial)).length;
  return {
    stage,
    tasks: summaries.length,
    attempts: summaries.length + failed + backedUp,
    failedAttempts: failed,
    backupAttempts: backedUp,
    startMs: Date.parse(startedAt) - Date.parse(claimedAt),
    wallMs: Date.parse(closedAt) - Date.parse(startedAt),
    ...stageFigures(summaries),
  };
}
