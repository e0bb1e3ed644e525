/**
 * Runs the same history of faults on both hosts: the stages of the embedded run and the Lambda steps, each with the real
 * tasks on a store in memory. Both must recreate the same objects and end the same way, with the same bytes.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../simulation/seeded-random.ts';
import type { Job } from '../../src/api/job.ts';
import { describeJob } from '../../src/api/job-description.ts';
import { resolveParameters } from '../../src/api/parameters.ts';
import { cancelKey } from '../../src/aws/protocol/keys.ts';
import { isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import { type AttemptId, jobId, type Stage, type TaskId, taskId } from '../../src/base/ids.ts';
import { committedKey } from '../../src/commit/layout.ts';
import { runStages } from '../../src/local/run/job-stages.ts';
import type { AttemptHandle, ExecutorPool } from '../../src/local/schedule/executor-pool.ts';
import { runTask } from '../../src/local/threads/run-task.ts';
import { listStoredInputs } from '../../src/plan/inputs/list-stored-inputs.ts';
import { planJob } from '../../src/plan/plan-job.ts';
import { stagesOf, taskCounts } from '../../src/plan/stages.ts';
import type { JobLayout, JobPlan, TaskSpec } from '../../src/plan/task.ts';
import type { PartReport } from '../../src/report/report.ts';
import { isPartPath } from '../../src/report/result-names.ts';
import { readShuffleFooter } from '../../src/shuffle/shuffle-object.ts';
import { AWS_BOUNDS, type Decision } from '../../src/stages/advance.ts';
import { resultParts } from '../../src/stages/result-parts.ts';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectInfo, ObjectStore, WriteOptions } from '../../src/storage/object-store.ts';
import { environmentOf, scratchFolder } from '../commit/environment.ts';
import { countInFolders, keepAll, wordCount } from '../helpers/jobs.ts';
import { SimulatedMachine } from './simulated-machine.ts';

const HISTORIES = 120;
/** With several files per task, only the commits differ. */
const HISTORIES_OF_FILES = 40;
const MAPS = 3;
const REDUCERS = 2;

const TEXT = Array.from({ length: 300 }, (_, line) => `word-${line % 37} line-${line} end\n`).join('');
const SPLIT_BYTES = Math.ceil(TEXT.length / MAPS);

/**
 * What happens when an attempt is about to commit:
 * - `dies`: it ends with an error that is retryable
 * - `is lost`: it commits, and the object vanishes
 * - `is damaged`: it commits, and the object changes
 * - `runs twice`: it commits, and then finds that another attempt committed first
 * - `cannot succeed`: it ends with an error that every other attempt would repeat
 * - `is cancelled`: the job is cancelled
 */
type Fault = 'dies' | 'is lost' | 'is damaged' | 'runs twice' | 'cannot succeed' | 'is cancelled';

/** Faults by task and attempt, counted from 0 over the whole job: `m-00001#2`. */
type History = ReadonlyMap<string, Fault>;

function historyOf(seed: number, stages: readonly (readonly [Stage, number])[]): History {
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const anyTask = (): TaskId => {
    const [stage, tasks] = pick(stages);
    return taskId(stage, Math.floor(random() * tasks));
  };
  const faults = new Map<string, Fault>();
  const kind = random();
  if (kind < 0.2) {
    // The same fault of one task repeats until a bound ends the job.
    const [task, fault] = [anyTask(), pick<Fault>(['dies', 'is lost'])];
    for (let attempt = 0; attempt < 40; attempt++) faults.set(`${task}#${attempt}`, fault);
  } else if (kind < 0.35) {
    faults.set(`${anyTask()}#0`, pick<Fault>(['cannot succeed', 'is cancelled']));
  } else {
    for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
      const fault = pick<Fault>(['dies', 'is lost', 'is damaged', 'runs twice']);
      faults.set(`${anyTask()}#${Math.floor(random() * 2)}`, fault);
    }
  }
  return faults;
}

const LAYOUT: JobLayout = { workPrefix: 'work/job/', outputPrefix: 'output/job/' };
/** Settings are cached by the address of the store, so each job has a store with a different name. */
let stores = 0;

class FaultyCommits extends ForwardingStore {
  readonly happened = new Set<Fault>();
  readonly #history: History;
  readonly #taskOf: ReadonlyMap<string, TaskId>;
  readonly #attempts = new Map<TaskId, number>();
  readonly #cancel: () => Promise<void>;
  readonly #store: ObjectStore;

  constructor(
    store: ObjectStore,
    {
      history,
      tasks,
      job,
      cancel,
    }: {
      history: History;
      tasks: readonly TaskId[];
      job: Job;
      cancel: (store: ObjectStore) => Promise<void>;
    },
  ) {
    super(store);
    this.#store = store;
    this.#history = history;
    const { extension, severalFiles } = job.output;
    const settings = {
      reducers: job.shuffle === undefined ? 0 : REDUCERS,
      merge: false,
      ...(severalFiles ? { severalFiles: true as const } : {}),
    };
    this.#taskOf = new Map(tasks.map((task) => [committedKey(LAYOUT, task, { settings, extension }), task]));
    this.#cancel = () => cancel(store);
  }

  override async put(key: string, body: Uint8Array, options: WriteOptions = {}): Promise<ObjectInfo> {
    const task = options.ifNoneMatch === '*' ? this.#taskOf.get(key) : undefined;
    const fault = task === undefined ? undefined : this.#next(task);
    switch (fault) {
      case 'dies':
        throw new MapReduceError('WorkerDiedError', 'it died');
      case 'cannot succeed':
        throw new MapReduceError('DiskFullError', 'no space left');
      case 'is cancelled':
        await this.#cancel();
        throw new MapReduceError('CancelledError', 'the job was cancelled');
      default: {
        const object = await super.put(key, body, options);
        if (fault === 'is lost') await super.delete([key]);
        if (fault === 'is damaged') await this.#damage(object);
        if (fault === 'runs twice') return await super.put(key, body, options);
        return object;
      }
    }
  }

  #next(task: TaskId): Fault | undefined {
    const attempt = this.#attempts.get(task) ?? 0;
    this.#attempts.set(task, attempt + 1);
    const fault = this.#history.get(`${task}#${attempt}`);
    if (fault !== undefined) this.happened.add(fault);
    return fault;
  }

  /** Flips a bit in the first block of a shuffle object, which a reducer detects, or truncates a part, which its barrier detects. */
  async #damage(object: ObjectInfo): Promise<void> {
    const { key, metadata } = object;
    const bytes = Buffer.from(await super.get(key));
    const footer = await readShuffleFooter(this.#store, object).catch(() => undefined);
    if (footer !== undefined) bytes[footer.extents[0]!.startBytes + 8]! ^= 0x40;
    await super.put(key, footer === undefined ? bytes.subarray(1) : bytes, { metadata });
  }
}

/** What a host did, for a comparison of both. */
interface Outcome {
  /** `SUCCEEDED`, or the name of the error. */
  readonly end: string;
  readonly parts: Readonly<Record<string, string>>;
  readonly discarded: readonly string[];
  /** The tasks that ran again in stages before the last one. */
  readonly rerun: readonly string[];
  readonly happened: ReadonlySet<Fault>;
}

function whatWasDone(decisions: readonly Decision[], last: Stage): Pick<Outcome, 'discarded' | 'rerun'> {
  const discarded = decisions.flatMap((decision) => (decision.kind === 'close' ? decision.discard : []));
  const rerun = decisions.flatMap((decision) =>
    decision.kind === 'run' && decision.tasks !== 'all' && decision.stage !== last
      ? decision.tasks.map((index) => taskId(decision.stage, index))
      : [],
  );
  return { discarded: discarded.sort(), rerun: rerun.sort() };
}

/** Returns the parts by name, without the attempts in the names of several files. */
async function partsIn(store: ObjectStore, listed?: readonly PartReport[]): Promise<Record<string, string>> {
  const names = listed?.map(({ name }) => name);
  const parts: Record<string, string> = {};
  for await (const { key } of store.list(LAYOUT.outputPrefix)) {
    const name = key.slice(LAYOUT.outputPrefix.length);
    if (!isPartPath(name) || names?.includes(name) === false) continue;
    const plainName = name.replace(/(part-[mr]-\d{5})\.[^.]+(?=\..*\.?)/, '$1');
    expect(parts[plainName]).toBeUndefined();
    parts[plainName] = (await store.get(key)).toString();
  }
  return parts;
}

async function inputStore(): Promise<MemoryStore> {
  const store = new MemoryStore({ name: `two-hosts-${stores++}` });
  await store.put('data/text', Buffer.from(TEXT));
  return store;
}

function planOf(job: Job, store: ObjectStore): Promise<JobPlan> {
  return listStoredInputs(store, ['data/']).then((files) =>
    planJob({
      job,
      jobId: jobId('job'),
      params: resolveParameters(job, {}),
      files: [files],
      inputs: store,
      splitSizeBytes: SPLIT_BYTES,
      ...(job.shuffle === undefined ? {} : { reducers: REDUCERS }),
      compression: { codec: 'none' },
      merge: false,
    }),
  );
}

async function throughTheSteps(job: Job, plan: JobPlan, history: History): Promise<Outcome> {
  const store = new FaultyCommits(await inputStore(), {
    history,
    tasks: tasksIn(plan),
    job,
    cancel: async (bucket) => {
      await bucket.put(cancelKey(jobId('job')), Buffer.alloc(0));
    },
  });
  const decisions: Decision[] = [];
  await using machine = await SimulatedMachine.start({ [job.name]: job }, store);
  machine.onDecision = (decision) => decisions.push(decision);
  const reducers = job.shuffle === undefined ? {} : { reducers: REDUCERS };
  const request = { app: job.name, inputs: ['data/'], splitSizeBytes: SPLIT_BYTES, ...reducers };
  const ended = await machine.execute({ jobId: 'job', request });
  const hasSucceeded = ended.status === 'SUCCEEDED';
  const isCancelled = (await store.head(cancelKey(jobId('job')))) !== undefined;
  return {
    end: ended.status === 'FAILED' ? (isCancelled ? 'CancelledError' : ended.failure.error) : ended.status,
    parts: hasSucceeded ? await partsIn(store) : {},
    ...whatWasDone(decisions, stagesOf(plan.settings).at(-1)!),
    happened: store.happened,
  };
}

async function throughTheStages(job: Job, plan: JobPlan, history: History): Promise<Outcome> {
  using scratch = scratchFolder();
  const controller = new AbortController();
  const store = new FaultyCommits(await inputStore(), {
    history,
    tasks: tasksIn(plan),
    job,
    cancel: async () => controller.abort(),
  });
  const decisions: Decision[] = [];
  const run = async (spec: TaskSpec, attempt: AttemptId) =>
    await runTask(spec, attempt, {
      ...environmentOf(job, { store, scratch: scratch.path }),
      settings: plan.settings,
      layout: LAYOUT,
    });
  const pool: ExecutorPool = {
    workers: [0],
    canKill: false,
    start: (_, spec, attempt): AttemptHandle => ({
      result: run(spec, attempt),
      progress: () => undefined,
      checks: () => 0,
      cancel: () => {},
      kill: () => {},
    }),
  };
  const { extension } = job.output;
  let listed: PartReport[] = [];
  let end = 'SUCCEEDED';
  try {
    await runStages(
      {
        job: describeJob(job),
        plan,
        store,
        layout: LAYOUT,
        pool,
        policy: { backoffMsBase: 1, backoffMsMax: 1 },
        bounds: AWS_BOUNDS,
        signal: controller.signal,
        onDecision: (decision) => decisions.push(decision),
      },
      async (summaries) => {
        listed = await resultParts(plan, { store, layout: LAYOUT, extension, summaries });
      },
    );
  } catch (error) {
    if (!isMapReduceError(error)) throw error;
    // If a task has used up its attempts, failure.json names its last error; the embedded run throws that as the cause.
    end =
      isMapReduceError(error, 'TaskFailedError') && isMapReduceError(error.cause)
        ? error.cause.name
        : error.name;
  }
  return {
    end,
    parts: end === 'SUCCEEDED' ? await partsIn(store, listed) : {},
    ...whatWasDone(decisions, stagesOf(plan.settings).at(-1)!),
    happened: store.happened,
  };
}

function tasksIn(plan: JobPlan): TaskId[] {
  const counts = taskCounts(plan);
  return stagesOf(plan.settings).flatMap((stage) =>
    Array.from({ length: counts[stage] }, (_, index) => taskId(stage, index)),
  );
}

describe.each([
  ['with a reduce', wordCount],
  ['without one', keepAll],
  ['with a reduce and several files per task', countInFolders],
])('both hosts, given one history of a job %s,', (_, job) => {
  it('recreate the same objects and end the same way, with the same bytes', async () => {
    const plan = await planOf(job, await inputStore());
    const counts = taskCounts(plan);
    const stages = stagesOf(plan.settings).map((stage) => [stage, counts[stage]] as const);
    const undisturbed = await throughTheStages(job, plan, new Map());
    const seen = { ends: new Set<string>(), faults: new Set<Fault>(), discarded: 0, rerun: 0 };
    const isOneEach = !job.output.severalFiles;
    expect(Object.keys(undisturbed.parts).length === counts[stages.at(-1)![0]]).toBe(isOneEach);

    for (let seed = 1; seed <= (isOneEach ? HISTORIES : HISTORIES_OF_FILES); seed++) {
      const history = historyOf(seed, stages);
      const steps = await throughTheSteps(job, plan, history);
      const embedded = await throughTheStages(job, plan, history);

      expect({ ...embedded, seed, history }).toEqual({ ...steps, seed, history });
      if (steps.end === 'SUCCEEDED') expect(steps.parts).toEqual(undisturbed.parts);
      seen.ends.add(steps.end);
      for (const fault of steps.happened) seen.faults.add(fault);
      seen.discarded += steps.discarded.length;
      seen.rerun += steps.rerun.length;
    }

    // Each outcome must really have occurred.
    const ends = ['CancelledError', 'DiskFullError', 'SUCCEEDED', 'TaskFailedError', 'WorkerDiedError'];
    if (isOneEach) expect([...seen.ends].sort()).toEqual(ends);
    expect(seen.faults.size).toBe(6);
    if (job.shuffle !== undefined && isOneEach) {
      expect(seen.discarded).toBeGreaterThan(3);
      expect(seen.rerun).toBeGreaterThan(10);
    }
  });
});
