/**
 * Where the threads of a run wait: for a task, for each other at the end of a stage, and in their tasks. The times come from
 * the report of the job, from the rows of its attempts, and from the profile of each thread.
 *
 *     start   plan  map                                barrier  reduce         commit  end
 *     |......|.....|--task--|--task----|--task--|      |.......|--task--|     |.......|...|   worker 0
 *     |......|.....| --task------|--task------------|  |.......|--task-----|  |.......|...|   worker 1
 *                  before    between            tail
 */
import type { AttemptRow } from '../src/report/attempt-rows.ts';
import type { JobReport } from '../src/report/report.ts';
import { formatSeconds, formatTable } from './table.ts';

/** A span of time in milliseconds since 1970. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** When a thread was busy, according to its profile. */
export interface BusyThread {
  /** 0 is the main thread. Workers have ascending numbers, in the order in which they started. */
  readonly threadId: number;
  readonly busy: readonly Span[];
}

export interface Idle {
  /** `coordinator`, `worker 0`, ... */
  readonly threads: readonly string[];
  readonly windows: readonly WindowIdle[];
  readonly stages: readonly StageIdle[];
}

export interface WindowIdle {
  readonly title: string;
  readonly lengthMs: number;
  /** For each thread, how long it ran. Undefined if it has no profile. */
  readonly busyMs: readonly (number | undefined)[];
  /** For each thread, how long it was not busy although it had a task. Undefined for the coordinator. */
  readonly waitsMs: readonly (number | undefined)[];
  /** For each thread, how long it had no task. Undefined for the coordinator. */
  readonly withoutTaskMs: readonly (number | undefined)[];
}

export interface StageIdle {
  readonly stage: string;
  /** From the first worker that had no task any more to the end of the stage. */
  readonly tailMs: number;
  readonly workers: readonly {
    readonly tasks: number;
    readonly beforeMs: number;
    readonly betweenMs: number;
    readonly tailMs: number;
  }[];
}

export interface RunTimes {
  /** From the start of the process to its end. */
  readonly process: Span;
  readonly report: Pick<JobReport, 'startedAt' | 'wallMs' | 'stages'>;
  readonly rows: readonly Pick<AttemptRow, 'taskId' | 'environment' | 'startedAt' | 'endedAt'>[];
  readonly workers: number;
  readonly profiles: readonly BusyThread[];
}

export function idleOf(run: RunTimes): Idle {
  const tasksOf = Array.from({ length: run.workers }, (_, worker) => tasksOfWorker(run, worker));
  const profiles = run.profiles.toSorted((a, b) => a.threadId - b.threadId);
  const windows = windowsOf(run);
  return {
    threads: ['coordinator', ...tasksOf.map((_, worker) => `worker ${worker}`)],
    windows: windows.map(({ title, span }) => ({
      title,
      lengthMs: lengthMs(span),
      busyMs: [undefined, ...tasksOf].map(
        (_, thread) => profiles[thread] && overlapMs(profiles[thread].busy, span),
      ),
      waitsMs: [
        undefined,
        ...tasksOf.map((tasks, worker) => {
          const busy = profiles[worker + 1]?.busy;
          return busy && sumOf(tasks, (task) => waitsMs(busy, intersection(task, span)));
        }),
      ],
      withoutTaskMs: [
        undefined,
        ...tasksOf.map((tasks) => Math.max(0, lengthMs(span) - overlapMs(tasks, span))),
      ],
    })),
    stages: windows
      .filter(({ isStage }) => isStage)
      .map(({ title, span }) => stageIdle(title, span, tasksOf)),
  };
}

function tasksOfWorker({ rows }: RunTimes, worker: number): Span[] {
  return rows
    .filter(({ environment, startedAt }) => environment === `worker ${worker}` && startedAt !== undefined)
    .map(({ startedAt, endedAt }) => ({ startMs: Date.parse(startedAt!), endMs: Date.parse(endedAt) }))
    .sort((a, b) => a.startMs - b.startMs);
}

/** The stages, and what lies before, between and after them, without gaps. */
function windowsOf({
  process: ofProcess,
  report,
}: RunTimes): { title: string; span: Span; isStage: boolean }[] {
  const jobMs = Date.parse(report.startedAt);
  const bounds: { title: string; endMs: number; isStage: boolean }[] = [
    { title: 'start', endMs: jobMs, isStage: false },
  ];
  for (const [index, { stage, startMs = 0, wallMs }] of report.stages.entries()) {
    const title = index === 0 ? 'plan' : 'barrier';
    bounds.push({ title, endMs: jobMs + startMs, isStage: false });
    bounds.push({ title: stage, endMs: jobMs + startMs + wallMs, isStage: true });
  }
  bounds.push({ title: 'commit', endMs: jobMs + report.wallMs, isStage: false });
  bounds.push({ title: 'end', endMs: ofProcess.endMs, isStage: false });
  let startMs = ofProcess.startMs;
  return bounds.map(({ title, endMs, isStage }) => {
    const span = { startMs, endMs: Math.max(startMs, endMs) };
    startMs = span.endMs;
    return { title, span, isStage };
  });
}

function stageIdle(stage: string, span: Span, tasksOf: readonly (readonly Span[])[]): StageIdle {
  const workers = tasksOf.map((all) => {
    const tasks = all.filter(({ startMs }) => startMs >= span.startMs - 1 && startMs < span.endMs);
    const [first, last] = [tasks[0], tasks.at(-1)];
    if (first === undefined || last === undefined) {
      return { tasks: 0, beforeMs: 0, betweenMs: 0, tailMs: span.endMs - span.startMs };
    }
    return {
      tasks: tasks.length,
      beforeMs: Math.max(0, first.startMs - span.startMs),
      betweenMs: last.endMs - first.startMs - tasks.reduce((sum, task) => sum + task.endMs - task.startMs, 0),
      tailMs: Math.max(0, span.endMs - last.endMs),
    };
  });
  return { stage, tailMs: Math.max(0, ...workers.map(({ tailMs }) => tailMs)), workers };
}

function overlapMs(spans: readonly Span[], window: Span): number {
  return spans.reduce((sum, span) => sum + lengthMs(intersection(span, window)), 0);
}

function waitsMs(busy: readonly Span[], task: Span): number {
  return lengthMs(task) - overlapMs(busy, task);
}

/** Has the length 0 if they do not meet. */
function intersection(a: Span, b: Span): Span {
  const startMs = Math.max(a.startMs, b.startMs);
  return { startMs, endMs: Math.max(startMs, Math.min(a.endMs, b.endMs)) };
}

function lengthMs({ startMs, endMs }: Span): number {
  return endMs - startMs;
}

export function describeIdle({ threads, windows, stages }: Idle): string {
  const seconds = (ms: number | undefined) => (ms === undefined ? '' : formatSeconds(ms));
  const total: WindowIdle = {
    title: 'all',
    lengthMs: sumOf(windows, (window) => window.lengthMs)!,
    busyMs: threads.map((_, thread) => sumOf(windows, ({ busyMs }) => busyMs[thread])),
    waitsMs: threads.map((_, thread) => sumOf(windows, ({ waitsMs }) => waitsMs[thread])),
    withoutTaskMs: threads.map((_, thread) => sumOf(windows, ({ withoutTaskMs }) => withoutTaskMs[thread])),
  };
  const rows = [...windows, total].map((window) => [
    window.title,
    seconds(window.lengthMs),
    ...threads.flatMap((_, thread) =>
      [window.busyMs, window.waitsMs, window.withoutTaskMs]
        .slice(0, thread === 0 ? 1 : 3)
        .map((times) => seconds(times[thread])),
    ),
  ]);
  const columns = threads.flatMap((name, thread) =>
    thread === 0 ? [`${name} busy`] : [`${name} busy`, 'waits', 'no task'],
  );
  const tails = stages.flatMap(({ stage, workers }) =>
    workers.map(({ tasks, beforeMs, betweenMs, tailMs }, worker) => [
      `${stage}, worker ${worker}`,
      String(tasks),
      ...[beforeMs, betweenMs, tailMs].map(formatSeconds),
    ]),
  );
  return [
    'What the threads do, in seconds. Busy is what the profiler saw run. A worker waits if it is not busy with its task, such as',
    'for a file; without a task, it may be busy too, such as with starting or with the plan',
    formatTable(['', 'length', ...columns], rows),
    '',
    'Workers without a task during a stage, in seconds: before the first task, between tasks, and after the last one',
    formatTable(['', 'tasks', 'before', 'between', 'tail'], tails),
    describeShares(total, stages),
  ].join('\n');
}

function describeShares(total: WindowIdle, stages: readonly StageIdle[]): string {
  const workers = total.withoutTaskMs.slice(1);
  const threadMs = total.lengthMs * workers.length;
  const share = (ms: number) => `${((100 * ms) / Math.max(threadMs, 1e-9)).toFixed(1)} %`;
  const inStages = stages.flatMap((stage) => stage.workers);
  const withoutMs = sumOf(workers, (ms) => ms) ?? 0;
  const [beforeMs, betweenMs, tailMs] = (['beforeMs', 'betweenMs', 'tailMs'] as const).map(
    (kind) => sumOf(inStages, (worker) => worker[kind]) ?? 0,
  ) as [number, number, number];
  const outsideMs = withoutMs - beforeMs - betweenMs - tailMs;
  return (
    `Workers had no task for ${share(withoutMs)} of their time: outside of stages ${share(outsideMs)}, before their first task ` +
    `${share(beforeMs)}, between tasks ${share(betweenMs)}, in tails ${share(tailMs)}`
  );
}

/** Undefined if every value is. */
function sumOf<T>(all: readonly T[], pick: (each: T) => number | undefined): number | undefined {
  const values = all.map(pick).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
