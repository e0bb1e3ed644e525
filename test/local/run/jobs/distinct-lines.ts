import { defineJob, distinct, json, textLines, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'distinct-lines',
  description: 'All different lines, under one key',
  input: textLines(),
  key: 'string',
  value: json<readonly string[]>(),
  map: (line, { emit }) => emit('lines', [line]),
  combine: distinct(),
  reduce: 'combined',
  output: tsv(),
});
