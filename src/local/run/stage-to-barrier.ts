/**
 * A stage and the barrier behind it: the coordinator runs the tasks, the barrier counts what has really been committed.
 * Tasks that it does not find, or finds damaged, are run again, a bounded number of times.
 */
import { MapReduceError } from '../../base/errors.ts';
import type { Stage } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import type { TaskSpec } from '../../plan/task.ts';
import type { AttemptFailure, StageReport } from '../../report/report.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import { stageFigures } from '../../stages/stage-figures.ts';
import type { StageOutcome } from '../schedule/stage-options.ts';

export interface Barrier {
  /** Indexes of the tasks to run again; everything else is there only when there are none. */
  readonly missing: readonly number[];
  /** What the committed attempts did, by task. */
  readonly summaries: readonly TaskSummary[];
}

export interface StageEnd<B extends Barrier> {
  readonly barrier: B;
  readonly report: StageReport;
  readonly failures: readonly AttemptFailure[];
}

export async function runToBarrier<B extends Barrier>(options: {
  readonly stage: Stage;
  /** All tasks of the stage, by index. */
  readonly tasks: readonly TaskSpec[];
  /** Those to run at first; by default all. */
  readonly first?: readonly TaskSpec[];
  readonly run: (tasks: readonly TaskSpec[]) => Promise<StageOutcome>;
  readonly close: () => Promise<B>;
}): Promise<StageEnd<B>> {
  const { stage, tasks, first = tasks, run, close } = options;
  const outcomes = [await run(first)];
  for (;;) {
    const barrier = await close();
    if (barrier.missing.length === 0) return ended(barrier, tasks.length, outcomes);
    if (outcomes.length > LIMITS.shuffleRepairsMax) {
      throw new MapReduceError(
        'TaskFailedError',
        `${barrier.missing.length} ${stage} tasks, the first of them ${tasks[barrier.missing[0]].taskId}, said that they had committed, and after ${outcomes.length} rounds there is still nothing of them. Look for whoever else removes or damages files there`,
        { details: { taskId: tasks[barrier.missing[0]].taskId } },
      );
    }
    outcomes.push(await run(barrier.missing.map((index) => tasks[index])));
  }
}

/** Attempts and time of all rounds; records and bytes of what was committed in the end. */
function ended<B extends Barrier>(barrier: B, tasks: number, outcomes: readonly StageOutcome[]): StageEnd<B> {
  const { stage } = outcomes[0].report;
  const ofRounds = (field: 'attempts' | 'failedAttempts' | 'backupAttempts' | 'wallMs') =>
    outcomes.reduce((sum, { report }) => sum + report[field], 0);
  return {
    barrier,
    report: {
      stage,
      tasks,
      attempts: ofRounds('attempts'),
      failedAttempts: ofRounds('failedAttempts'),
      backupAttempts: ofRounds('backupAttempts'),
      wallMs: ofRounds('wallMs'),
      ...stageFigures(barrier.summaries),
    },
    failures: outcomes.flatMap(({ failures }) => failures),
  };
}
