/** Small jobs that several test files run. */
import type { JobInput } from '../../src/api/job.ts';
import { byRange, defineJob, type Job, lines, textLines, tsv } from '../../src/index.ts';

/** The job with another map, which takes and returns anything. */
export function withMap(job: Job, map: (...args: never[]) => unknown): Job {
  return { ...job, inputs: job.inputs.map((input) => ({ ...input, map: map as JobInput['map'] })) };
}

export const wordCount: Job = defineJob({
  name: 'word-count',
  description: 'Count how often each word occurs',
  input: textLines(),
  key: 'string',
  value: 'number',
  map: (line, { emit }) => {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: 'sum',
  output: tsv(),
});

export const lineCount: Job = defineJob({
  name: 'line-count',
  description: 'Count how often each line occurs',
  input: textLines(),
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  reduce: 'sum',
  output: tsv(),
});

/** Map-only. */
export const copy: Job = defineJob({
  name: 'copy',
  description: 'Copy every line',
  input: textLines(),
  map: (line, { emit }) => emit(null, line),
  output: lines(),
});

/** Map-only, with a key and a value in each line of the output. */
export const keepAll: Job = defineJob({
  name: 'keep-all',
  description: 'Write every line with the number 1',
  input: textLines(),
  map: (line, { emit }) => emit(line, 1),
  output: tsv(),
});

export { default as countInFolders } from '../../simulation/schedules/jobs/count-in-folders.ts';

/** Range-partitioned, so that planning samples the input. It fails at a line that says `throw`. */
export const sortLines: Job = defineJob({
  name: 'sort-lines',
  description: 'Sort the lines',
  input: textLines(),
  key: 'string',
  value: 'string',
  map: (line, { emit }) => {
    if (line === 'throw') throw new Error('a bad line');
    emit(line, '');
  },
  partition: byRange(),
  reduce: 'each',
  output: lines(),
});
