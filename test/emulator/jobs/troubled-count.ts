/**
 * A word count that gets into trouble at a given word, in the middle of a task. The test and the functions communicate
 * through files in a folder, because emulators run functions as processes of this machine:
 *
 *     <task>                   the first attempt of the task has reached the word
 *     <task>.<process id>      an attempt waits there for the next file
 *     <task>.<process id>.go
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';
import { pause, waitForFile } from './wait.ts';

export default defineJob({
  name: 'troubled-count',
  description: 'Count how often each word occurs, despite faults',
  input: textLines(),
  params: {
    map: {
      type: 'string',
      choices: ['none', 'stand still', 'hang', 'buffers', 'heap'],
      default: 'none',
      description:
        'what happens at the word in map: it waits for permission to continue, hangs, or keeps too much memory',
    },
    reduce: {
      type: 'string',
      choices: ['none', 'stand still', 'hang', 'buffers', 'heap'],
      default: 'none',
      description: 'what happens at the word in reduce',
    },
    word: { type: 'string', default: '', description: 'the word' },
    attempts: {
      type: 'string',
      choices: ['first', 'all'],
      default: 'first',
      description: 'the attempts that get into trouble',
    },
    meetIn: { type: 'string', default: '', description: 'the folder of these files' },
  },
  key: 'string',
  value: 'number',
  map(line, { emit, count, params, file, position }) {
    count('lines');
    for (const word of line.match(/\p{L}+/gu) ?? []) {
      if (word === params.word) runInto(params.map, `${file}-${position().offsetBytes}`, params);
      emit(word, 1);
    }
  },
  reduce(word, counts, { emit, count, params }) {
    count('words');
    if (word === params.word) runInto(params.reduce, 'reduce', params);
    let sum = 0;
    for (const each of counts) sum += each;
    emit(word, sum);
  },
  output: tsv(),
});

function runInto(
  trouble: string,
  task: string,
  { attempts, meetIn }: { attempts: string; meetIn: string },
): void {
  if (trouble === 'none') return;
  const marker = join(meetIn, encodeURIComponent(task));
  if (!isFirst(marker) && attempts === 'first') return;
  const kept: unknown[] = [];
  switch (trouble) {
    case 'stand still':
      standStill(`${marker}.${process.pid}`);
      return;
    case 'hang':
      for (;;) pause(1_000);
    case 'buffers':
      for (;;) {
        kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
        // Slowly: other processes need memory until this one is killed.
        pause(20);
      }
    case 'heap':
      for (;;) kept.push(new Array(100_000).fill(kept.length + 0.5));
  }
}

function standStill(marker: string): void {
  writeFileSync(marker, '');
  waitForFile(`${marker}.go`);
}

function isFirst(marker: string): boolean {
  try {
    writeFileSync(marker, '', { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
