import { defineJob, fixedLength, tsv } from 'serverless-mapreduce';

export default defineJob({
  name: 'first-bytes',
  description: 'How often each byte starts a record of 10 bytes',
  input: fixedLength(10),
  key: 'number',
  value: 'number',
  map: (record, { emit }) => emit(record[0]!, 1),
  reduce: 'sum',
  output: tsv(),
});
