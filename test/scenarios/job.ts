/** Word count whose tasks meet, wait to be killed, or fail at first. Markers are files, which all threads can see. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';

/** Long, because the machine may be busy. */
const PATIENCE_MS = 180_000;
const CHECK_INTERVAL_MS = 5;

export default defineJob({
  name: 'scenario',
  description: 'Counts words while workers fail',
  input: textLines(),
  key: 'string',
  value: 'number',
  params: {
    marks: { type: 'string', description: 'the folder of the markers' },
    harm: {
      type: 'string',
      default: 'none',
      choices: [
        'none',
        'meet',
        'wait-to-be-killed',
        'wait-for-many-kills',
        'fail-first-attempts',
        'hang-once',
        'fill-heap-once',
      ],
      description: 'what happens to the tasks',
    },
  },
  setup: () => ({ records: 0, groups: 0 }),
  map(line, { emit, count, params, state, position }) {
    state.records++;
    if (state.records === 100 && params.harm !== 'none') {
      harmMap(params.harm, params.marks, position().offsetBytes);
    }
    count('lines');
    for (const word of line.split(' ')) emit(word, 1);
  },
  combine: 'sum',
  reduce(word, counts, { emit, params, state }) {
    if (++state.groups === 5 && params.harm === 'fail-first-attempts')
      failOnce(params.marks, `reduce-${word}`);
    let sum = 0;
    for (const count of counts) sum += count;
    emit(word, sum);
  },
  output: tsv(),
});

function harmMap(harm: string, marks: string, offsetBytes: number): void {
  switch (harm) {
    case 'meet':
      // Two tasks wait here for each other. They continue only if both run at the same time.
      mark(marks, `met-${offsetBytes}`);
      waitUntil(() => readdirSync(marks).filter((name) => name.startsWith('met-')).length >= 2);
      return;
    case 'wait-to-be-killed':
      if (markOnce(marks, 'ready-to-be-killed')) waitUntil(() => false);
      return;
    case 'wait-for-many-kills':
      waitUntil(() => existsSync(join(marks, 'many-killed')));
      return;
    case 'fail-first-attempts':
      failOnce(marks, `map-${offsetBytes}`);
      return;
    case 'hang-once':
      if (markOnce(marks, 'hung')) for (;;);
      return;
    case 'fill-heap-once': {
      if (!markOnce(marks, 'filled')) return;
      const kept: unknown[] = [];
      for (;;) kept.push({ at: kept.length, list: [kept.length] });
    }
  }
}

function failOnce(marks: string, name: string): void {
  if (markOnce(marks, name)) throw new Error(`the first attempt fails (${name})`);
}

/** Creates the marker. Returns whether this call was the first. */
function markOnce(marks: string, name: string): boolean {
  try {
    writeFileSync(join(marks, name), '', { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function mark(marks: string, name: string): void {
  writeFileSync(join(marks, name), '');
}

function waitUntil(condition: () => boolean): void {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`nothing happened for ${PATIENCE_MS} ms`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, CHECK_INTERVAL_MS);
  }
}
