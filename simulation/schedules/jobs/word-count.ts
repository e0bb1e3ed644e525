import { defineJob, textLines, tsv } from '../../../src/index.ts';

export default defineJob({
  name: 'word-count',
  description: 'Count how often each word occurs',
  input: textLines(),
  key: 'string',
  value: 'number',
  map(line, { emit, count }) {
    count('lines');
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: 'sum',
  output: tsv(),
});
