/**
 * What a progress display knows, derived from the job's events. It has no side effects: each event produces a new state.
 *
 *     waiting -> running -> done
 */
import type { Stage } from '../../base/ids.ts';
import type { JobEvent, StageProgress } from '../../report/report.ts';

/** Rates are averages over this time: steady enough to read, and still current. */
const RATE_WINDOW_MS = 5_000;

export interface ProgressState {
  readonly files: number;
  readonly inputBytes: number;
  /** In the order in which they run; empty until the job is planned. */
  readonly stages: readonly StageState[];
  readonly failedAttempts: number;
  readonly backupAttempts: number;
  /** The latest attempt that failed, and why. */
  readonly lastFailure: string | undefined;
}

export interface StageState {
  readonly stage: Stage;
  readonly tasks: number;
  readonly state: 'waiting' | 'running' | 'done';
  readonly done: number;
  readonly running: number;
  readonly failedAttempts: number;
  readonly records: number;
  readonly bytes: number;
  readonly bytesTotal: number | undefined;
  readonly elapsedMs: number;
  /** Samples of the last seconds, oldest first. Rates are taken between the first and the last. */
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly elapsedMs: number;
  readonly records: number;
  readonly bytes: number;
}

export const NOTHING_YET: ProgressState = {
  files: 0,
  inputBytes: 0,
  stages: [],
  failedAttempts: 0,
  backupAttempts: 0,
  lastFailure: undefined,
};

export function afterEvent(state: ProgressState, event: JobEvent): ProgressState {
  switch (event.kind) {
    case 'planned':
      return {
        ...state,
        files: event.files,
        inputBytes: event.bytes,
        stages: event.stages.map(({ stage, tasks }) => waiting(stage, tasks)),
      };
    case 'stage-started':
      return withStage(state, event.stage, () => ({
        ...waiting(event.stage, event.tasks),
        state: 'running',
      }));
    case 'progress':
      return withStage(state, event.progress.stage, (stage) => afterProgress(stage, event.progress));
    case 'stage-ended': {
      const { stage, tasks, failedAttempts, recordsRead, bytesRead, wallMs } = event.report;
      return withStage(state, stage, (before) => ({
        ...before,
        state: 'done',
        done: tasks,
        running: 0,
        failedAttempts,
        records: recordsRead,
        bytes: bytesRead,
        elapsedMs: wallMs,
      }));
    }
    case 'attempt-started':
      return event.backup ? { ...state, backupAttempts: state.backupAttempts + 1 } : state;
    case 'attempt-failed':
      return {
        ...state,
        failedAttempts: state.failedAttempts + 1,
        lastFailure: `${event.attemptId}: ${event.error.name}: ${event.error.message}`,
      };
    case 'notice':
    case 'attempt-ended':
    case 'committed':
      return state;
  }
}

export interface Rates {
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
}

/**
 * Over the last seconds of a running stage, or over all the time of one that is done. Undefined when nothing has moved.
 */
export function ratesOf(stage: StageState): Rates | undefined {
  const last: Sample = stage;
  const oldest = stage.state === 'running' ? stage.samples[0] : undefined;
  const first: Sample = oldest ?? { elapsedMs: 0, records: 0, bytes: 0 };
  const seconds = (last.elapsedMs - first.elapsedMs) / 1000;
  if (seconds <= 0 || last.bytes <= first.bytes) return undefined;
  return {
    recordsPerSecond: Math.max(0, last.records - first.records) / seconds,
    bytesPerSecond: (last.bytes - first.bytes) / seconds,
  };
}

/** How much of the stage is done, in [0, 1]: by bytes where their total is known, else by tasks. */
export function fractionDone({ state, tasks, done, running, bytes, bytesTotal }: StageState): number {
  if (state !== 'running') return state === 'done' ? 1 : 0;
  if (tasks === 0) return 0;
  if (!bytesTotal) return done / tasks;
  // Attempts read ahead, backup attempts read the same bytes again, and what has been read must still be written.
  return Math.min(bytes / bytesTotal, (done + running) / tasks, done === tasks ? 1 : 0.99);
}

/** Extrapolated for a running stage. Undefined while too little is known. */
export function remainingMsOf(stage: StageState): number | undefined {
  const fraction = fractionDone(stage);
  if (stage.state !== 'running' || fraction === 0 || stage.elapsedMs < 1_000) return undefined;
  return (stage.elapsedMs * (1 - fraction)) / fraction;
}

function waiting(stage: Stage, tasks: number): StageState {
  return {
    stage,
    tasks,
    state: 'waiting',
    done: 0,
    running: 0,
    failedAttempts: 0,
    records: 0,
    bytes: 0,
    bytesTotal: undefined,
    elapsedMs: 0,
    samples: [{ elapsedMs: 0, records: 0, bytes: 0 }],
  };
}

function afterProgress(before: StageState, progress: StageProgress): StageState {
  const { done, running, failedAttempts, records, bytes, bytesTotal, elapsedMs } = progress;
  const { rateWindowMs = RATE_WINDOW_MS } = progress;
  const samples = [...before.samples, { elapsedMs, records, bytes }];
  const oldest = samples.findLastIndex((sample) => elapsedMs - sample.elapsedMs >= rateWindowMs);
  return {
    ...before,
    done,
    running,
    failedAttempts,
    records,
    bytes,
    bytesTotal,
    elapsedMs,
    samples: samples.slice(Math.max(0, oldest)),
  };
}

function withStage(
  state: ProgressState,
  name: Stage,
  change: (stage: StageState) => StageState,
): ProgressState {
  return { ...state, stages: state.stages.map((stage) => (stage.stage === name ? change(stage) : stage)) };
}
