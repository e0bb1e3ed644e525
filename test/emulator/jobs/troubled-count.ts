/**
 * word-count that gets into trouble at a given word, in the middle of its task. Test and functions meet in a folder, since
 * emulators run functions as processes of this machine:
 *
 *     <task>                   a task's first attempt has got there
 *     <task>.<process id>      an attempt stands still there, until there is
 *     <task>.<process id>.go
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';

/** More than a test waits for anything. */
const STANDSTILL_MS_MAX = 400_000;

export default defineJob({
  name: 'troubled-count',
  description: 'How often each word occurs, in spite of everything',
  input: textLines(),
  params: {
    map: {
      type: 'string',
      choices: ['none', 'stand still', 'hang', 'buffers', 'heap'],
      default: 'none',
      description:
        'what happens at the word in map: waits to be told to go on, never goes on, keeps too much',
    },
    reduce: {
      type: 'string',
      choices: ['none', 'stand still', 'hang', 'buffers', 'heap'],
      default: 'none',
      description: 'what happens at the word in reduce',
    },
    word: { type: 'string', default: '', description: 'where' },
    attempts: { type: 'string', choices: ['first', 'all'], default: 'first', description: 'to which' },
    meetIn: { type: 'string', default: '', description: 'the folder' },
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
        // What ends it may be late on a busy machine, whose memory others need as well.
        pause(20);
      }
    case 'heap':
      for (;;) kept.push(new Array(100_000).fill(kept.length + 0.5));
  }
}

function standStill(marker: string): void {
  writeFileSync(marker, '');
  const giveUpAt = Date.now() + STANDSTILL_MS_MAX;
  while (!existsSync(`${marker}.go`)) {
    if (Date.now() > giveUpAt) throw new Error(`nobody came for ${marker}`);
    pause(10);
  }
}

/** Without giving up the thread, as a call of user code does. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function isFirst(marker: string): boolean {
  try {
    writeFileSync(marker, '', { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
