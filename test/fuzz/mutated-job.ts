import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'mutated',
  description: 'Count words without a combiner, so that the shuffle contains every word',
  input: textLines(),
  key: 'string',
  value: 'number',
  map(line, { emit }) {
    for (const word of line.split(/\s+/)) if (word !== '') emit(word, 1);
  },
  reduce(key, values, { emit }) {
    let count = 0;
    for (const value of values) count += value;
    emit(key, count);
  },
  output: tsv(),
});
