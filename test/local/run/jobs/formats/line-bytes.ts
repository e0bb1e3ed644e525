import { bytesLines, defineJob, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'line-bytes',
  description: 'How often each line occurs',
  input: bytesLines(),
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  reduce: 'sum',
  output: tsv(),
});
