/**
 * A process that runs schedules: `worker.ts <file of expected results> <first seed> <count> <step>` runs every step-th
 * seed, and prints one line of JSON for each: the seed and its ScheduleEnd.
 */
import { readFileSync } from 'node:fs';
import type { ExpectedResult } from '../../../simulation/schedules/small-jobs.ts';
import { runSchedule } from './run-schedule.ts';

const [file = '', ...numbers] = process.argv.slice(2);
const [first = 0, count = 0, step = 1] = numbers.map(Number);
const expected = JSON.parse(readFileSync(file, 'utf8')) as ExpectedResult[];
for (let seed = first; seed < first + count; seed += step) {
  const end = await runSchedule(seed, expected);
  process.stdout.write(`${JSON.stringify({ seed, ...end })}\n`);
}
