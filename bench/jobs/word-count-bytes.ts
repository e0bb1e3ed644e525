import { bytesLines, defineJob, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'word-count-bytes',
  description: 'How often each word occurs, counted without making strings of the words',
  input: bytesLines(),
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
    line.words((word) => emit(word, 1), params.case);
  },
  reduce: 'sum',
  output: tsv(),
});
