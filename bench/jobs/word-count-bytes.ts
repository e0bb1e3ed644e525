import { bytesLines, defineJob, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'word-count-bytes',
  description: 'Word count without strings of the words',
  input: bytesLines(),
  key: 'string',
  value: 'number',
  map: (line, { emitAll }) => emitAll(line.words(), 1),
  reduce: 'sum',
  output: tsv(),
});
