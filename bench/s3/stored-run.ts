/**
 * One action of `--s3-overhead` in a process of its own, so that its CPU seconds are those of the action: runs the tasks of a
 * job, one after the other, on an S3 store or on a file store; or prepares or checks it.
 *
 *     node stored-run.ts '<StoredAction as JSON>'
 *
 * Both stores get the same plan, the same memory and the compression of jobs on AWS. The S3 store is set up as in a function,
 * so that a reducer copies large cells to a local folder. For the file store the tasks run as in an embedded run.
 */
import { createHash } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { type AppName, apps } from '../../apps/index.ts';
import { DEPLOYMENT_DEFAULTS } from '../../infra/functions/deployment-defaults.ts';
import type { Job } from '../../src/api/job.ts';
import { describeJob } from '../../src/api/job-description.ts';
import { resolveParameters } from '../../src/api/parameters.ts';
import {
  memoryBudgetBytes,
  readAheadBytes,
  stagingSpace,
  uploadBytes,
} from '../../src/aws/model/function-memory.ts';
import { TASK_MEMORY_MB } from '../../src/aws/model/job-shape.ts';
import { systemClock } from '../../src/base/clock.ts';
import { type AttemptId, jobId } from '../../src/base/ids.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { newProgress } from '../../src/base/progress.ts';
import { runStages } from '../../src/local/run/job-stages.ts';
import type { AttemptHandle, ExecutorPool } from '../../src/local/schedule/executor-pool.ts';
import { runTask } from '../../src/local/threads/run-task.ts';
import { listStoredInputs } from '../../src/plan/inputs/list-stored-inputs.ts';
import { planJob } from '../../src/plan/plan-job.ts';
import type { JobLayout, JobPlan, TaskSpec } from '../../src/plan/task.ts';
import { AttemptMeter } from '../../src/report/attempt-meter.ts';
import { isPartPath } from '../../src/report/result-names.ts';
import { removePrefix } from '../../src/stages/commit-job.ts';
import { resultParts } from '../../src/stages/result-parts.ts';
import { FileStore } from '../../src/storage/file/file-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createS3Client } from '../../src/storage/s3/s3-client.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';

export interface StoredAction {
  /** `put` creates the bucket and copies the input into it; `digest` hashes the result; `remove` removes the job's objects. */
  readonly action: 'put' | 'run' | 'digest' | 'remove';
  /** Where the objects of the job are. The input of a file store is the file itself. */
  readonly store: { readonly folder: string } | { readonly bucket: string };
  readonly app: string;
  /** As on the command line: `key-length` and `10`. */
  readonly params: Readonly<Record<string, string>>;
  /** The path of the input, an absolute path of a file. */
  readonly input: string;
  /** Default: the number of reducers that the plan chooses. */
  readonly reducers?: number;
  readonly splitSizeBytes?: number;
  /** The file that receives the result as JSON. */
  readonly answerFile: string;
}

/** What `run` prints. */
export interface StoredRun {
  readonly maps: number;
  readonly reducers: number;
  /** Requests by operation; empty for a file store. */
  readonly requests: Readonly<Record<string, number>>;
}

const LAYOUT: JobLayout = { workPrefix: 'work/', outputPrefix: 'output/' };
const FUNCTION_BYTES = TASK_MEMORY_MB * MiB;

if (import.meta.main) {
  // The cast: s3-overhead.ts passes it.
  const action = JSON.parse(process.argv[2]!) as StoredAction;
  writeFileSync(action.answerFile, JSON.stringify(await perform(action)));
}

async function perform(action: StoredAction): Promise<StoredRun | Record<string, string>> {
  const stores = storesOf(action);
  switch (action.action) {
    case 'put':
      return await put(action, stores);
    case 'run':
      return await run(action, stores);
    case 'digest':
      return await digests(stores.store);
    case 'remove':
      return await remove(stores.store);
  }
}

interface Stores {
  readonly inputs: ObjectStore;
  /** The names of the input in `inputs`. */
  readonly names: readonly string[];
  readonly store: ObjectStore;
  readonly requests: () => Readonly<Record<string, number>>;
}

function storesOf({ store: place, input }: StoredAction): Stores {
  if ('folder' in place) {
    const store = new FileStore({ root: place.folder });
    return { inputs: new FileStore({ root: '/' }), names: [input], store, requests: () => ({}) };
  }
  const store = new S3Store({
    bucket: place.bucket,
    client: createS3Client(),
    limits: { readAheadBytes: readAheadBytes(FUNCTION_BYTES), uploadBytes: uploadBytes(FUNCTION_BYTES) },
  });
  return { inputs: store, names: [inputKey(input)], store, requests: () => store.requestCounts };
}

function inputKey(path: string): string {
  return `input${path}`;
}

async function put(
  { store: place, input }: StoredAction,
  { store }: Stores,
): Promise<Record<string, string>> {
  if ('bucket' in place) {
    await createS3Client().send(new CreateBucketCommand({ Bucket: place.bucket }));
    const upload = await store.upload(inputKey(input));
    for await (const chunk of createReadStream(input, { highWaterMark: MiB })) await upload.write(chunk);
    await upload.complete();
  }
  return {};
}

async function run(action: StoredAction, stores: Stores): Promise<StoredRun> {
  const { default: job } = await apps[action.app as AppName].load();
  const plan = await planJob({
    job,
    jobId: jobId('s3-overhead'),
    params: resolveParameters(job, action.params),
    files: [await listStoredInputs(stores.inputs, stores.names)],
    inputs: stores.inputs,
    smallSplitsMax: LIMITS.smallSplitsMax,
    ...(action.reducers === undefined ? {} : { reducers: action.reducers }),
    ...(action.splitSizeBytes === undefined ? {} : { splitSizeBytes: action.splitSizeBytes }),
    compression: { codec: 'zstd', level: 1 },
    merge: false,
  });
  const scratch = await mkdtemp(join(tmpdir(), 's3-overhead-'));
  try {
    await runTasks(job, { plan, stores, scratch, isFar: 'bucket' in action.store });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { maps: plan.splits.length, reducers: plan.settings.reducers, requests: stores.requests() };
}

async function runTasks(
  job: Job,
  options: { plan: JobPlan; stores: Stores; scratch: string; isFar: boolean },
): Promise<void> {
  const {
    plan,
    stores: { store },
  } = options;
  const pool: ExecutorPool = {
    workers: [0],
    canKill: false,
    start: (_, spec, attempt): AttemptHandle => ({
      result: runAttempt(job, { ...options, spec, attempt }),
      progress: () => undefined,
      checks: () => 0,
      cancel: () => {},
      kill: () => {},
    }),
  };
  const { extension } = job.output;
  await runStages(
    { job: describeJob(job), plan, store, layout: LAYOUT, pool, policy: {} },
    async (summaries) => await resultParts(plan, { store, layout: LAYOUT, extension, summaries }),
  );
}

async function runAttempt(
  job: Job,
  {
    plan,
    stores: { inputs, store },
    scratch,
    isFar,
    spec,
    attempt,
  }: {
    plan: JobPlan;
    stores: Stores;
    scratch: string;
    isFar: boolean;
    spec: TaskSpec;
    attempt: AttemptId;
  },
): ReturnType<typeof runTask> {
  const scratchFolder = join(scratch, attempt);
  await mkdir(scratchFolder);
  const { scratchMb } = DEPLOYMENT_DEFAULTS;
  const environment = 's3-overhead';
  const memoryBytes = () => process.memoryUsage.rss();
  try {
    return await runTask(spec, attempt, {
      job,
      settings: plan.settings,
      layout: LAYOUT,
      inputs,
      store,
      scratchFolder,
      ...(isFar ? { staging: stagingSpace({ memoryMb: TASK_MEMORY_MB, scratchMb }) } : {}),
      memoryBytes: memoryBudgetBytes(FUNCTION_BYTES),
      meter: new AttemptMeter({ clock: systemClock, now: () => new Date(), environment, memoryBytes }),
      progress: newProgress(),
      control: { check: () => {} },
    });
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

/** The SHA-256 of each part of the result. */
async function digests(store: ObjectStore): Promise<Record<string, string>> {
  const parts: Record<string, string> = {};
  for await (const { key } of store.list(LAYOUT.outputPrefix)) {
    const name = key.slice(LAYOUT.outputPrefix.length);
    if (!isPartPath(name)) continue;
    const hash = createHash('sha256');
    for await (const chunk of store.stream(key)) hash.update(chunk);
    parts[name] = hash.digest('hex');
  }
  return parts;
}

async function remove(store: ObjectStore): Promise<Record<string, string>> {
  for (const prefix of [LAYOUT.workPrefix, LAYOUT.outputPrefix]) await removePrefix(store, prefix);
  return {};
}
