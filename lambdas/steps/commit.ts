/**
 * Merges the parts if requested, writes the manifest and _SUCCESS, and removes what is no longer needed. If it finds a part
 * damaged or missing, it discards that part and sends the job back to the barrier of its stage.
 */
import { rm } from 'node:fs/promises';
import type * as v from 'valibot';
import { readFailures, recordFailure } from '../../src/aws/protocol/attempt-failures.ts';
import { assertOwnCode } from '../../src/aws/protocol/code-hash.ts';
import {
  type AttemptFailureDocument,
  type ClaimDocument,
  readDocument,
  type StageDocument,
} from '../../src/aws/protocol/documents.ts';
import { attemptRows } from '../../src/aws/protocol/job-attempts.ts';
import { fromTravel, type JobState, type stepEventSchema } from '../../src/aws/protocol/job-state.ts';
import { backupsPrefix, requestKey, stageKey } from '../../src/aws/protocol/keys.ts';
import { isMapReduceError, type RepairTarget, repairTarget } from '../../src/base/errors.ts';
import { isTaskId, type JobId, type Stage, stageOf, type TaskId, taskIndexOf } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { mapBounded } from '../../src/base/map-bounded.ts';
import { writerOf } from '../../src/commit/committed-part.ts';
import { committedKey } from '../../src/commit/layout.ts';
import { mergedFormatOf } from '../../src/formats/merged-format.ts';
import { noticesField } from '../../src/plan/plan-notices.ts';
import { stagesOf } from '../../src/plan/stages.ts';
import { reportPage } from '../../src/report/page/page.ts';
import type { JobReport, PartReport, StageReport } from '../../src/report/report.ts';
import { SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import { commitJob, removeWork } from '../../src/stages/commit-job.ts';
import { jobBadRecords } from '../../src/stages/job-bad-records.ts';
import { jobReport } from '../../src/stages/job-report.ts';
import { mergeParts } from '../../src/stages/merge-parts.ts';
import { resultParts } from '../../src/stages/result-parts.ts';
import { stageFigures } from '../../src/stages/stage-figures.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { checkDeadline, freshFolder } from './attempt.ts';
import { isCommitted } from './committed-result.ts';
import { withinRequest } from './concurrency.ts';
import { decide } from './decide.ts';
import type { Invocation, StepEnvironment } from './environment.ts';
import { estimateReport } from './estimate.ts';
import { removeStrayParts, removeUnlessForeign } from './output.ts';
import { assertOwned, type JobOutput, lost, type OutputClaim } from './output-claim.ts';
import { OutputStore } from './output-store.ts';
import { type PlannedJob, plannedJob } from './planned-job.ts';

/** The output of the state machine, which `mapreduce wait` prints. */
export interface CommittedJob {
  readonly jobId: JobId;
  readonly outputPrefix: string;
  readonly parts: number;
}

export async function commitStep(
  event: v.InferOutput<typeof stepEventSchema>,
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<CommittedJob | JobState> {
  const { store } = environment;
  const id = event.jobId;
  assertOwnCode(id, { expected: event.codeHash, own: environment.codeHash });
  const planned = await plannedJob(id, environment);
  const { layout, outputPrefix, plan } = planned;
  const committed = {
    jobId: id,
    outputPrefix,
    parts: plan.settings.merge ? 1 : plan.settings.reducers || plan.splits.length,
  };
  // Requests that do not need each other's answers are sent together, since a small job waits for them more than for its work.
  const records = readRecords(id, store);
  // Awaited below. Without this, Node ends the process if the promise is rejected before.
  records.catch(() => {});
  try {
    const next = await assemble(planned, { event, records }, environment, invocation);
    if (next !== undefined) return next;
  } catch (error) {
    // An earlier call, or one that still runs, may have removed what this one reads.
    if (!(await isCommitted(id, outputPrefix, store))) throw error;
  } finally {
    // A frozen environment must not have requests under way.
    await records.catch(() => {});
  }
  // Also if an earlier call wrote _SUCCESS and then failed, because the output may have been taken over before.
  await assertStillOwned(environment, { jobId: id, outputPrefix });
  await removeWork(store, layout);
  return committed;
}

/** What the bucket holds about the job for its report, beside the results of the barriers. */
interface JobRecords {
  readonly failures: readonly AttemptFailureDocument[];
  readonly backups: readonly TaskId[];
  readonly claimedAt: string;
}

async function readRecords(id: JobId, store: ObjectStore): Promise<JobRecords> {
  const [failures, backups, { claimedAt }] = await Promise.all([
    readFailures(store, id),
    readBackups(id, store),
    readDocument<ClaimDocument>(store, requestKey(id)),
  ]);
  return { failures, backups, claimedAt };
}

async function readBackups(id: JobId, store: ObjectStore): Promise<TaskId[]> {
  const backups: TaskId[] = [];
  for await (const { key } of store.list(backupsPrefix(id))) {
    const task = key.slice(backupsPrefix(id).length);
    if (isTaskId(task)) backups.push(task);
  }
  return backups;
}

/**
 * Publishes the result, unless an earlier call has published it.
 *
 * @returns undefined, or the next step if a part must be recreated first
 */
async function assemble(
  planned: PlannedJob,
  { event, records }: { event: v.InferOutput<typeof stepEventSchema>; records: Promise<JobRecords> },
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<JobState | undefined> {
  const { store } = environment;
  const { layout, outputPrefix, plan } = planned;
  const id = event.jobId;
  const output = { jobId: id, outputPrefix };
  const [isDone, stages, owned] = await Promise.all([
    isCommitted(id, outputPrefix, store),
    closedStages(planned, store),
    assertOwned(store, output),
  ]);
  if (isDone) return undefined;
  let claim = owned;
  const { summaries } = stages.at(-1)!.document;
  let parts: PartReport[];
  try {
    parts = await partsOf(planned, summaries, outputEnvironment(environment, { output, claim }), invocation);
  } catch (error) {
    const target = repairTarget(error);
    if (target === undefined || target === 'shuffle-index' || (await isCommitted(id, outputPrefix, store))) {
      throw error;
    }
    claim = await assertOwned(store, output);
    await noteDamage(target, { output, summaries, error }, environment);
    return await decide(
      { kind: 'damaged', targets: [target] },
      {
        plan,
        progress: fromTravel(event.progress),
        environment: withinRequest(environment, planned),
        discard: (targets) => discard(targets, planned, { store, output, claim }),
      },
    );
  }
  const report = reportOf(planned, { stages, parts, ...(await records) }, environment);
  // Merging may have taken long, so check the claim again.
  if (plan.settings.merge) claim = await assertOwned(store, output);
  const severalFiles = plan.settings.severalFiles === true;
  await removeStrayParts(store, output, { claim, parts, severalFiles });
  const outputStore = new OutputStore(store, { output, claim, clock: environment.clock });
  const all = stages.flatMap(({ document }) => document.summaries);
  await commitJob({
    report,
    attempts: attemptRows(all, (await records).failures),
    badRecords: jobBadRecords(all),
    page: reportPage(report),
    store: outputStore,
    layout,
  });
  return undefined;
}

interface ClosedStage {
  readonly stage: Stage;
  readonly document: StageDocument;
}

/** Reads the results of the barriers, one per stage, in order. */
async function closedStages({ plan }: PlannedJob, store: ObjectStore): Promise<ClosedStage[]> {
  const { jobId: id } = plan.settings;
  return await mapBounded(stagesOf(plan.settings), LIMITS.barrierReadsMax, async (stage) => ({
    stage,
    document: await readDocument<StageDocument>(store, stageKey(id, stage)),
  }));
}

function outputEnvironment(
  environment: StepEnvironment,
  claimed: { output: JobOutput; claim: OutputClaim },
): StepEnvironment {
  const { store, clock } = environment;
  return { ...environment, store: new OutputStore(store, { ...claimed, clock }) };
}

/**
 * A job may lose the output between its last check of the claim and its _SUCCESS. It then removes its _SUCCESS, so that the
 * output does not look complete while the next owner runs. The next owner replaces or removes the rest, and checks whether
 * that removal hit its own _SUCCESS.
 */
async function assertStillOwned({ store: bucket, clock }: StepEnvironment, output: JobOutput): Promise<void> {
  const store = new OutputStore(bucket, { output, claim: { jobId: output.jobId, before: [] }, clock });
  const key = `${output.outputPrefix}${SUCCESS_NAME}`;
  try {
    const { before } = await assertOwned(store, output);
    if (before.length === 0) return;
    const success = await store.head(key);
    if (success === undefined) {
      await store.put(key, Buffer.alloc(0));
      return;
    }
    const writer = writerOf(success);
    if (writer !== output.jobId)
      throw lost(store, output, writer === undefined ? undefined : { jobId: writer });
  } catch (error) {
    if (isMapReduceError(error, 'OutputExistsError')) {
      const isOwn = async () => {
        const success = await store.head(key);
        return success !== undefined && writerOf(success) === output.jobId;
      };
      if (await isOwn()) await store.delete([key], { stillWanted: isOwn });
    }
    throw error;
  }
}

/** Records why the task must run again, as a failure of the attempt that committed the part. */
async function noteDamage(
  task: TaskId,
  { output, summaries, error }: { output: JobOutput; summaries: readonly TaskSummary[]; error: unknown },
  { store, now }: StepEnvironment,
): Promise<void> {
  const attemptId = summaries[taskIndexOf(task)]!.attemptId;
  await recordFailure(store, { jobId: output.jobId, taskId: task, attemptId, at: now(), error });
}

/** Removes the committed objects of these tasks, so that the barrier finds the tasks missing. */
async function discard(
  targets: readonly RepairTarget[],
  { plan: { settings }, job, layout }: PlannedJob,
  { store, output, claim }: { store: ObjectStore; output: JobOutput; claim: OutputClaim },
): Promise<void> {
  for (const target of targets) {
    if (target === 'shuffle-index') continue;
    const key = committedKey(layout, target, { settings, extension: job.output.extension });
    await removeUnlessForeign(store, output, { key, claim });
  }
}

async function partsOf(
  { plan, job, layout }: PlannedJob,
  summaries: readonly TaskSummary[],
  { store, memoryBytes, scratchParent }: StepEnvironment,
  invocation: Invocation,
): Promise<PartReport[]> {
  const { extension } = job.output;
  if (!plan.settings.merge) {
    return await resultParts(plan, { store, layout, extension, summaries });
  }
  const scratchFolder = await freshFolder(scratchParent, `merge-${invocation.requestId}`);
  try {
    const control = { check: () => checkDeadline(invocation) };
    const format = mergedFormatOf(job.output.sinks[0]!.sink);
    const merged = await mergeParts({ plan, store, layout, format, memoryBytes, scratchFolder, control });
    return [merged];
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

function reportOf(
  planned: PlannedJob,
  {
    stages,
    parts,
    failures,
    backups,
    claimedAt,
  }: JobRecords & { stages: readonly ClosedStage[]; parts: readonly PartReport[] },
  environment: StepEnvironment,
): JobReport {
  const { plan, plannedAt, notices = [] } = planned;
  const { now } = environment;
  const summaries = stages.flatMap(({ document }) => document.summaries);
  const wallMs = now().getTime() - Date.parse(claimedAt);
  return jobReport(plan, {
    startedAt: new Date(claimedAt),
    wallMs,
    stages: stages.map((closed, position) => {
      const startedAt = stages[position - 1]?.document.closedAt ?? plannedAt;
      return stageReport(closed, { startedAt, claimedAt, failures, backups });
    }),
    parts,
    partitionRecords: stages[0]!.document.partitionRecords,
    summaries,
    failures: failures.map(({ taskId, attemptId, error }) => ({ taskId, attemptId, error })),
    estimate: estimateReport(planned, {
      afterMap: stages[0]!.document.estimate,
      attempts: attemptRows(summaries, failures),
      seconds: wallMs / 1000,
      environment: withinRequest(environment, planned),
    }),
    ...noticesField(notices),
  });
}

/** The counts omit attempts that succeeded but lost a race, because only committed and failed attempts leave a record. */
function stageReport(
  { stage, document: { summaries, closedAt } }: ClosedStage,
  { startedAt, claimedAt, failures, backups }: JobRecords & { startedAt: string },
): StageReport {
  const failed = failures.filter(({ taskId }) => stageOf(taskId) === stage).length;
  const backedUp = backups.filter((task) => stageOf(task) === stage).length;
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
