/** Simulates tasks that Lambda throttles, with the retriers of the rendered machine. */
import { describe, expect, it } from 'vitest';
import type { Retrier, TaskState } from '../../infra/machine/asl.ts';
import { seededRandom } from '../../simulation/seeded-random.ts';
import { GOLDEN } from './rendered.ts';

const { States } = GOLDEN[0]!.render();

function taskState(name: string): TaskState {
  const children = Object.values(States).flatMap((state) =>
    state.Type === 'Map' ? Object.entries(state.ItemProcessor.States) : [],
  );
  const [, state] = [...Object.entries(States), ...children].find(([each]) => each === name)!;
  if (state.Type !== 'Task') throw new Error(`${name} is a ${state.Type}, not a Task`);
  return state;
}

const MAP_TASK = taskState('MapTask');

interface Load {
  /** All of them are ready to start at the same time. */
  readonly tasks: number;
  /** Functions that the account may run at the same time. */
  readonly slots: number;
  readonly taskSeconds: number;
}

interface Outcome {
  readonly failed: number;
  readonly hours: number;
  /** How often Lambda throttled the unluckiest task. */
  readonly refusalsMax: number;
}

describe('more tasks than the account may run at the same time', () => {
  it.each<Load>([
    { tasks: 11, slots: 10, taskSeconds: 900 },
    { tasks: 50, slots: 10, taskSeconds: 30 },
    { tasks: 800, slots: 10, taskSeconds: 30 },
    { tasks: 800, slots: 10, taskSeconds: 180 },
    { tasks: 800, slots: 100, taskSeconds: 900 },
  ])(
    '$tasks tasks of $taskSeconds s, $slots at a time, all succeed, in little more time than the work takes',
    (load) => {
      const { tasks, slots, taskSeconds } = load;
      const hoursAtBest = (Math.ceil(tasks / slots) * taskSeconds) / 3_600;

      for (const seed of [1, 2, 3]) {
        const { failed, hours } = simulate(load, throttleRetrier(MAP_TASK), seed);

        expect(failed, `seed ${seed}`).toBe(0);
        expect(hours).toBeLessThan(hoursAtBest * 1.1 + 0.1);
      }
    },
  );

  it('would fail with 10 retries, which shows that the simulation can fail', () => {
    const impatient = { ...throttleRetrier(MAP_TASK), MaxAttempts: 10 };

    const { failed, refusalsMax } = simulate({ tasks: 50, slots: 10, taskSeconds: 30 }, impatient, 1);

    expect(failed).toBeGreaterThan(0);
    expect(refusalsMax).toBe(10);
  });

  it.each(['Plan', 'MapBarrier', 'ReduceBarrier', 'Commit', 'RecordFailure'])(
    '%s waits for the tasks of other jobs for hours',
    (name) => {
      const { failed } = simulate(
        { tasks: 11, slots: 10, taskSeconds: 900 },
        throttleRetrier(taskState(name)),
        1,
      );

      expect(failed).toBe(0);
      expect(patienceHours(throttleRetrier(taskState(name)))).toBeGreaterThan(4);
    },
  );

  it('waiting for a start uses none of the attempts that a task has for its own failures', () => {
    const { Retry } = MAP_TASK;

    expect(throttleRetrier(MAP_TASK).ErrorEquals).toEqual(['Lambda.TooManyRequestsException']);
    expect(Retry.filter(({ ErrorEquals }) => ErrorEquals.includes('Lambda.ServiceException'))).toHaveLength(
      1,
    );
  });
});

function throttleRetrier({ Retry }: TaskState): Retrier {
  return Retry.find(({ ErrorEquals }) => ErrorEquals.includes('Lambda.TooManyRequestsException'))!;
}

/** The average: with full jitter each wait is a random part of the delay. */
function patienceHours(retrier: Retrier): number {
  let seconds = 0;
  for (let attempt = 0; attempt < retrier.MaxAttempts; attempt++) seconds += delayMax(retrier, attempt) / 2;
  return seconds / 3_600;
}

function delayMax(
  { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds = Infinity }: Retrier,
  attempt: number,
) {
  return Math.min(MaxDelaySeconds, IntervalSeconds * BackoffRate ** attempt);
}

/** Advances by a tenth of a second. A start that finds no free slot is throttled, and retried as the retrier says. */
function simulate({ tasks, slots, taskSeconds }: Load, retrier: Retrier, seed: number): Outcome {
  const random = seededRandom(seed);
  const ticksPerSecond = 10;
  const refusals = new Array<number>(tasks).fill(0);
  const startsAt = new Map<number, number[]>([[0, refusals.map((_, task) => task)]]);
  const endsAt = new Map<number, number>();
  let free = slots;
  let [done, failed, tick] = [0, 0, 0];
  for (; done + failed < tasks; tick++) {
    const ended = endsAt.get(tick) ?? 0;
    free += ended;
    done += ended;
    for (const task of startsAt.get(tick) ?? []) {
      if (free > 0) {
        free--;
        const end = tick + taskSeconds * ticksPerSecond;
        endsAt.set(end, (endsAt.get(end) ?? 0) + 1);
      } else if (refusals[task] === retrier.MaxAttempts) {
        failed++;
      } else {
        const delay = random() * delayMax(retrier, refusals[task]!++) * ticksPerSecond;
        const next = tick + Math.max(1, Math.round(delay));
        startsAt.set(next, [...(startsAt.get(next) ?? []), task]);
      }
    }
  }
  return { failed, hours: tick / ticksPerSecond / 3_600, refusalsMax: Math.max(...refusals) };
}
