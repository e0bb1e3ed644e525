import { defineJob, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'line-text',
  description: 'How often each line occurs',
  input: textLines(),
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  reduce: 'sum',
  output: tsv(),
});
