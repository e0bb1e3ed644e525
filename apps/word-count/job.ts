import { defineJob, textLines, tsv, wordsOf } from 'serverless-mapreduce';

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
  map: (line, { emitAll, params }) => emitAll(wordsOf(line, params.case), 1),
  reduce: 'sum',
  output: tsv(),
});
