/** Claims the job, decides its plan once, and writes what its tasks need. */
import type * as v from 'valibot';
import type { Job } from '../../src/api/job.ts';
import { describeJob } from '../../src/api/job-description.ts';
import { resolveParameters } from '../../src/api/parameters.ts';
import { countInputNames } from '../../src/aws/model/job-shape.ts';
import { spaceNotices } from '../../src/aws/model/task-space.ts';
import { assertSameCode } from '../../src/aws/protocol/code-hash.ts';
import {
  findDocument,
  type PlanDocument,
  type SettingsDocument,
  writeDocument,
  writeDocumentOnce,
} from '../../src/aws/protocol/documents.ts';
import type { JobRequest } from '../../src/aws/protocol/job-request.ts';
import {
  type DryPlan,
  type JobState,
  type NextStep,
  type planEventSchema,
  toTravel,
} from '../../src/aws/protocol/job-state.ts';
import {
  attemptsKey,
  cancelKey,
  defaultOutputPrefix,
  failureKey,
  planKey,
  settingsKey,
} from '../../src/aws/protocol/keys.ts';
import { assertReadable } from '../../src/aws/protocol/request-scope.ts';
import { parseStartEvent, type StartEvent } from '../../src/aws/protocol/start-event.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import type { Stage } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { listStoredInputs, type StoredListingOptions } from '../../src/plan/inputs/list-stored-inputs.ts';
import { namesOfInputs } from '../../src/plan/inputs/named-inputs.ts';
import { planJob } from '../../src/plan/plan-job.ts';
import { noticesField } from '../../src/plan/plan-notices.ts';
import { stagesOf, taskCounts } from '../../src/plan/stages.ts';
import type { InputFile } from '../../src/read/input-file.ts';
import type { BlockCompression } from '../../src/shuffle/block.ts';
import { NOT_STARTED } from '../../src/stages/advance.ts';
import { AnnouncedInputs } from './announced-inputs.ts';
import { assertWithinBudget } from './budget.ts';
import { type ClaimedJob, checkedRequest, claimJob } from './claim.ts';
import { isCommitted } from './committed-result.ts';
import { assertConcurrency, withinRequest } from './concurrency.ts';
import { decide, mapFor, stateOf } from './decide.ts';
import type { StepEnvironment } from './environment.ts';
import { plannedEstimate } from './estimate.ts';
import { writeItems, writePieces } from './items.ts';
import { claimOutput } from './output.ts';
import { assertOwned } from './output-claim.ts';
import { ScopedInputs } from './scoped-inputs.ts';
import { sendWakes } from './wakes.ts';

/** The time to transfer data between Lambda and S3 costs money. Level 1 compresses faster than the network transfers. */
const COMPRESSION: BlockCompression = { codec: 'zstd', level: 1 };

export async function planStep(
  event: Pick<v.InferOutput<typeof planEventSchema>, 'input' | 'execution'>,
  environment: StepEnvironment,
): Promise<JobState> {
  const start = parseStartEvent(event.input);
  if (start.kind === 'ignored') return stepTo('end', '', environment);
  // Before the claim, whose PUT takes a sixth of a start: one event of many thousands is a duplicate.
  const sent = environment.wakes === undefined ? undefined : sendWakes(environment.wakes, environment.clock);
  try {
    const state = await plannedState(start, event, environment);
    if (state.next !== 'end') await sent?.nextIsAwake;
    return state;
  } finally {
    sent?.abandon();
  }
}

async function plannedState(
  start: Exclude<StartEvent, { kind: 'ignored' }>,
  { execution }: Pick<v.InferOutput<typeof planEventSchema>, 'execution'>,
  environment: StepEnvironment,
): Promise<JobState> {
  const { store } = environment;
  const claim = await claimJob(start, execution, store);
  if (claim === undefined) return stepTo('end', '', environment);
  const { jobId } = claim;
  const before = claim.isNew ? undefined : await findDocument<PlanDocument>(store, planKey(jobId));
  if (start.kind === 'redrive') {
    const { isCommitted } = await prepareRedrive(start, before, environment);
    if (isCommitted) return stepTo('commit', jobId, environment);
  }
  const planned = before ?? (await decidePlan(claim, environment));
  const { app, plan, outputPrefix } = planned;
  const ownEnvironment = withinRequest(environment, planned);
  await writeTasks(ownEnvironment, { app, plan, outputPrefix });
  const isRedrive = start.kind === 'redrive' && before !== undefined;
  return await decide(
    { kind: 'planned', isRedrive },
    {
      plan,
      progress: NOT_STARTED,
      environment: ownEnvironment,
      discard: async () => {},
    },
  );
}

/** The next state of a job that runs no tasks. */
function stepTo(next: NextStep, jobId: JobState['jobId'], { codeHash }: StepEnvironment): JobState {
  return stateOf(jobId, { next }, { progress: toTravel(NOT_STARTED), codeHash });
}

/** Writes what every task reads, and the items of the stages that a Distributed Map runs. */
async function writeTasks(
  environment: StepEnvironment,
  { app, plan, outputPrefix }: Pick<PlanDocument, 'app' | 'plan' | 'outputPrefix'>,
): Promise<void> {
  const { store } = environment;
  const tasks = taskCounts(plan);
  const isInline = (stage: Stage) => mapFor({ tasks: tasks[stage], round: 1 }, environment) === 'inline';
  const settings: SettingsDocument = {
    app,
    tasks,
    maxConcurrency: environment.maxConcurrency,
    settings: plan.settings,
    outputPrefix,
    codeHash: environment.codeHash,
    ...(isInline('map') ? { pieces: await writePieces(store, plan) } : {}),
  };
  await writeDocument(store, settingsKey(plan.settings.jobId), settings);
  for (const stage of stagesOf(plan.settings)) {
    if (!isInline(stage)) await writeItems(store, plan, stage);
  }
}

/**
 * Plans a job and estimates it, without writing anything: for `mapreduce submit --dry-run`, and before an upload. If there
 * are announced files, no file is opened.
 *
 * @throws UsageError unless the event is a request as submit makes it; the errors of planning
 */
export async function dryPlanStep(
  event: v.InferOutput<typeof planEventSchema>,
  environment: StepEnvironment,
): Promise<DryPlan> {
  const start = parseStartEvent(event.input);
  if (start.kind !== 'submit') {
    throw new MapReduceError(
      'UsageError',
      `only a request can be planned without running it; received: ${start.kind}`,
    );
  }
  const { jobId, request } = start;
  const claim = {
    jobId,
    request,
    what: 'the request',
    isNew: true,
    isUpload: false,
    startedBy: 'command',
  } as const;
  const opensNoFile = event.announced.length > 0;
  const store = opensNoFile ? new AnnouncedInputs(environment.store, event.announced) : environment.store;
  const { plan, estimate, notices = [] } = await madePlan(claim, { ...environment, store }, { opensNoFile });
  const { inputFiles: files, inputBytes: bytes } = plan;
  return { dryRun: true, files, bytes, notices, estimate };
}

/** The first plan that is written is final. If an input changes later, that is an error, not a reason for another plan. */
async function decidePlan(claim: ClaimedJob, environment: StepEnvironment): Promise<PlanDocument> {
  const { store } = environment;
  const { jobId } = claim;
  const made = await madePlan(claim, environment);
  const { outputPrefix } = made;
  await claimOutput(store, { jobId, outputPrefix, overwrite: checkedRequest(claim).overwrite ?? false });
  const { document } = await writeDocumentOnce<PlanDocument>(store, planKey(jobId), made);
  return document;
}

async function madePlan(
  claim: ClaimedJob,
  environment: StepEnvironment,
  { opensNoFile = false }: { opensNoFile?: boolean } = {},
): Promise<PlanDocument & Required<Pick<PlanDocument, 'estimate'>>> {
  const { jobs, store, now } = environment;
  const { jobId } = claim;
  const request = checkedRequest(claim);
  assertConcurrency(request, environment);
  const job = await jobs.find(request.app);
  const params = resolveParameters(job, request.params);
  const outputPrefix = request.output ?? defaultOutputPrefix(jobId);
  const leftOut: string[] = [];
  const plan = await planJob({
    job,
    jobId,
    params,
    files: await inputFiles(namesOf(job, request.inputs, claim), environment, {
      ownOutput: outputPrefix,
      onLeftOut: (result) => leftOut.push(result),
    }),
    leftOut,
    inputs: store,
    tasksPerStageMax: environment.maxTasksPerStage,
    smallSplitsMax: LIMITS.smallSplitsMax,
    ...(request.splitSizeBytes === undefined ? {} : { splitSizeBytes: request.splitSizeBytes }),
    ...(request.reducers === undefined ? {} : { reducers: request.reducers }),
    compression: COMPRESSION,
    opensNoFile,
    merge: request.merge,
  });
  const inputNames = countInputNames(Object.values(request.inputs ?? {}).flat());
  const { startedBy } = claim;
  const estimate = plannedEstimate({ plan, job, startedBy, inputNames }, withinRequest(environment, request));
  assertWithinBudget(request, { plan, estimate });
  return {
    app: request.app,
    plan,
    outputPrefix,
    plannedAt: now().toISOString(),
    startedBy,
    inputNames,
    estimate,
    ...(request.maxDollars === undefined ? {} : { maxDollars: request.maxDollars }),
    ...(request.maxConcurrency === undefined ? {} : { maxConcurrency: request.maxConcurrency }),
    ...noticesField(
      spaceNotices(
        {
          splits: plan.splits,
          reducers: plan.settings.reducers,
          combines: job.shuffle?.combine !== undefined,
        },
        environment.taskFunction,
      ),
    ),
    codeHash: environment.codeHash,
  };
}

/** The names of each of the job's inputs. */
function namesOf(job: Job, names: JobRequest['inputs'], { isUpload, what }: ClaimedJob): string[][] {
  const { name, inputs } = describeJob(job);
  const [only] = inputs;
  if (isUpload && (only?.name !== undefined || only?.isGenerated)) {
    const reason = only.isGenerated
      ? 'generates its input'
      : `has several inputs (${inputs.map((input) => input.name).join(', ')})`;
    throw new MapReduceError(
      'UsageError',
      `${what} cannot start the app '${name}', which ${reason}. Submit it with mapreduce submit, or upload a request to requests/, which names the files of each input`,
      { details: { jobName: name } },
    );
  }
  return namesOfInputs({ name, inputs }, names);
}

/** Checks every name before it looks up the first. */
async function inputFiles(
  names: readonly (readonly string[])[],
  { store, readablePrefixes }: StepEnvironment,
  options: StoredListingOptions,
): Promise<InputFile[][]> {
  const patterns = names.map((list) => [...new Set(list.map((name) => withoutBucket(name, store)))]);
  for (const pattern of patterns.flat()) assertReadable(pattern, readablePrefixes);
  const inputs = new ScopedInputs(store, { readablePrefixes });
  const files: InputFile[][] = [];
  for (const list of patterns) files.push(await listStoredInputs(inputs, list, options));
  return files;
}

/** Users copy addresses, so s3://<this bucket>/<key> means the key. */
function withoutBucket(name: string, store: StepEnvironment['store']): string {
  if (!name.startsWith('s3://')) return name;
  const own = `${store.location}/`;
  if (name.startsWith(own)) return name.slice(own.length);
  throw new MapReduceError(
    'UsageError',
    `the input ${name} is in another bucket; jobs read from ${store.location}. Copy it there`,
  );
}

/**
 * An execution can fail or be cancelled after its job has written _SUCCESS. Then no code of the job runs again: the commit
 * step only removes what is left below work/, whatever code is deployed.
 *
 * @returns whether the job has committed its result
 */
async function prepareRedrive(
  { jobId, allowOtherCode }: Extract<StartEvent, { kind: 'redrive' }>,
  before: PlanDocument | undefined,
  { store, codeHash }: StepEnvironment,
): Promise<{ isCommitted: boolean }> {
  if (before !== undefined) await assertOwned(store, { jobId, outputPrefix: before.outputPrefix });
  const isDone = before !== undefined && (await isCommitted(jobId, before.outputPrefix, store));
  if (before !== undefined && !isDone && !allowOtherCode) {
    const accepted = await findDocument<SettingsDocument>(store, settingsKey(jobId));
    assertSameCode({ jobId, started: accepted?.codeHash ?? before.codeHash, deployed: codeHash });
  }
  await store.delete([cancelKey(jobId), failureKey(jobId), attemptsKey(jobId)]);
  return { isCommitted: isDone };
}
