/** The campaigns `schedules` and `mutants` of `npm run fuzz`. */
import { availableParallelism } from 'node:os';
import { expectedResults } from './expected-results.ts';
import { MUTANTS } from './mutants.ts';
import { minimalTrace } from './run-schedule.ts';
import { runSchedules } from './run-schedules.ts';

export interface SchedulesRange {
  readonly seed: number;
  readonly count: number;
  readonly minutes: number;
}

/** Failing seeds after which a campaign stops. */
const FOUND_MAX = 20;

/** @returns how many schedules had problems */
export async function fuzzSchedules({ seed, count, minutes }: SchedulesRange): Promise<number> {
  const startedMs = performance.now();
  const expected = await expectedResults();
  const found: number[] = [];
  const tally = { schedules: 0, succeeded: 0, fired: 0, requests: 0 };
  await runSchedules({
    seed,
    count,
    expected,
    onEnd: (end) => {
      tally.schedules += 1;
      tally.succeeded += end.hasSucceeded ? 1 : 0;
      tally.fired += end.fired ? 1 : 0;
      tally.requests += end.requests;
      if (end.problems.length > 0) {
        found.push(end.seed);
        console.log(`schedules --seed ${end.seed} --count 1: ${end.problems.join('\n    ')}`);
      }
      if (process.stderr.isTTY)
        process.stderr.write(`\r${tally.schedules} of ${count}, ${found.length} with problems\r`);
      return found.length < FOUND_MAX && performance.now() - startedMs < minutes * 60_000;
    },
  });
  if (count === 1 && found.length > 0) console.log((await minimalTrace(seed, expected)).join('\n'));
  const minutesTaken = ((performance.now() - startedMs) / 60_000).toFixed(1);
  console.log(
    `schedules from seed ${seed}: ${tally.schedules} schedules, ${tally.fired} with faults, ${tally.succeeded} with a result, ${tally.requests} requests, ${found.length} with problems, ${minutesTaken} min on ${availableParallelism()} cores`,
  );
  return found.length;
}

/** Runs each broken build until a schedule finds it. @returns how many were not found */
export async function fuzzMutants({ seed, count }: SchedulesRange): Promise<number> {
  const expected = await expectedResults();
  let survivors = 0;
  for (const name of Object.keys(MUTANTS)) {
    const found: { seed: number; problem: string }[] = [];
    let schedules = 0;
    await runSchedules({
      seed,
      count,
      expected,
      preload: new URL('./mutants.ts', import.meta.url),
      env: { MAPREDUCE_MUTANT: name },
      onEnd: (end) => {
        schedules += 1;
        const [problem] = end.problems;
        if (problem !== undefined) found.push({ seed: end.seed, problem });
        return found.length === 0;
      },
    });
    const [first] = found;
    if (first === undefined) survivors += 1;
    console.log(
      first === undefined
        ? `${name}: NOT FOUND in ${schedules} schedules`
        : `${name}: found after ${schedules} schedules, by seed ${first.seed}: ${first.problem.split('\n')[0]!.slice(0, 200)}`,
    );
  }
  return survivors;
}
