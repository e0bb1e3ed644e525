/**
 * Runs jobs in the simulated AWS under seeded schedules of faults, in processes of their own. `npm run fuzz -- schedules`
 * runs more of them, and repeats one: `npm run fuzz -- schedules --seed <n> --count 1`.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ExpectedResult } from '../../simulation/schedules/small-jobs.ts';
import { expectedResults } from '../fuzz/schedules/expected-results.ts';
import { MUTANTS } from '../fuzz/schedules/mutants.ts';
import type { ScheduleEnd } from '../fuzz/schedules/run-schedule.ts';
import { runSchedules } from '../fuzz/schedules/run-schedules.ts';

const SCHEDULES = 1_000;
const LONG_MS = 600_000;

describe('jobs in a simulated AWS in which anything may go wrong', () => {
  let expected: ExpectedResult[];

  beforeAll(async () => {
    expected = await expectedResults();
  }, LONG_MS);

  it(
    `publish the bytes of the embedded run, or nothing, in ${SCHEDULES} schedules`,
    async () => {
      const problems: string[] = [];
      const tally = { schedules: 0, succeeded: 0, fired: 0 };

      await runSchedules({
        seed: 1,
        count: SCHEDULES,
        expected,
        onEnd: (end) => {
          tally.schedules += 1;
          tally.succeeded += end.hasSucceeded ? 1 : 0;
          tally.fired += end.fired ? 1 : 0;
          if (end.problems.length > 0) problems.push(`--seed ${end.seed}: ${end.problems.join('; ')}`);
          return problems.length < 5;
        },
      });

      expect(problems).toEqual([]);
      expect(tally.schedules).toBe(SCHEDULES);
      expect(tally.succeeded).toBeGreaterThan(SCHEDULES * 0.9);
      expect(tally.fired).toBeGreaterThan(SCHEDULES * 0.8);
    },
    LONG_MS,
  );

  it(
    'run the same way again, whatever ran before in the same process',
    async () => {
      const endsIn = async (processes: number) => {
        const ends: (ScheduleEnd & { seed: number })[] = [];
        const onEnd = (end: (typeof ends)[number]) => ends.push(end) > 0;
        await runSchedules({ seed: 50, count: 20, processes, expected, onEnd });
        return ends.sort((a, b) => a.seed - b.seed);
      };

      expect(await endsIn(2)).toEqual(await endsIn(1));
    },
    LONG_MS,
  );

  it.each(Object.entries(MUTANTS))(
    'are not published correctly by a broken build: %s',
    async (name, { knownSeed }) => {
      const problems: string[] = [];

      await runSchedules({
        seed: knownSeed,
        count: SCHEDULES,
        processes: 1,
        expected,
        preload: new URL('../fuzz/schedules/mutants.ts', import.meta.url),
        env: { MAPREDUCE_MUTANT: name },
        onEnd: (end) => {
          problems.push(...end.problems);
          return problems.length === 0;
        },
      });

      expect(problems).not.toEqual([]);
    },
    LONG_MS,
  );
});
