/** Word count whose map misbehaves on one line if requested, once or always. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'words',
  description: 'Counts words, and misbehaves on demand',
  input: textLines(),
  key: 'string',
  value: 'number',
  params: {
    /** What to do at a line that holds the word `trigger`. */
    misbehave: {
      type: 'string',
      default: 'no',
      choices: ['no', 'exit', 'hang', 'throw', 'fill-the-heap', 'throw-always', 'exit-often', 'bad-value'],
      description: 'what to do at the trigger',
    },
    marks: { type: 'string', default: '', description: 'a folder that remembers what has been done' },
  },
  map(line, { emit, params, count }) {
    if (params.misbehave !== 'no' && line.includes('trigger'))
      misbehave(params.misbehave, params.marks, line);
    if (params.misbehave === 'bad-value' && line.includes('trigger'))
      emit('x', 'no number' as unknown as number);
    count('lines');
    for (const word of line.match(/[a-z]+/g) ?? []) emit(word, 1);
  },
  combine: 'sum',
  reduce: 'sum',
  output: tsv(),
});

function misbehave(how: string, marks: string, line: string): void {
  if (how === 'throw-always') throw new RangeError('no such word');
  if (how === 'exit-often' && Math.random() < 0.3) process.exit(3);
  const mark = join(marks, `${how}-${line.replace(/\W/g, '-')}`);
  if (existsSync(mark)) return;
  writeFileSync(mark, '');
  switch (how) {
    case 'exit':
      process.exit(7);
      break;
    case 'hang':
      for (;;);
    case 'throw':
      throw new Error('once only');
    case 'fill-the-heap': {
      const kept: unknown[] = [];
      for (;;) kept.push({ at: kept.length, list: [kept.length] });
    }
  }
}
