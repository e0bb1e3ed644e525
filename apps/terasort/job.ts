import { byRange, defineJob, fixedLength } from 'serverless-mapreduce';

const KEY_BYTES = 10;

export default defineJob({
  name: 'terasort',
  description: 'Sorts rows of 100 bytes by their first 10 bytes, across all parts',
  input: fixedLength(100),
  key: 'bytes',
  value: 'bytes',
  map: (row, { emit }) => emit(row.subarray(0, KEY_BYTES), row),
  partition: byRange(),
  reduce: 'each',
  output: fixedLength(100),
});
