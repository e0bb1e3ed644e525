import { defineJob, textLines, tsv } from 'serverless-mapreduce';
import { forEachWord } from './words.ts';

export default defineJob({
  name: 'word-count',
  description: 'How often each word occurs',
  input: textLines(),
  params: {
    case: {
      type: 'string',
      choices: ['lower', 'keep'],
      default: 'lower',
      description: 'lower: "The" and "the" are one word; keep: they are two',
    },
  },
  key: 'string',
  value: 'number',
  map(line, { emit, params }) {
    forEachWord(line, params.case, (word) => emit(word, 1));
  },
  reduce: 'sum',
  output: tsv(),
});
