import { basename } from 'node:path';
import { defineJob, tsv, wholeFiles } from 'serverless-mapreduce';

export default defineJob({
  name: 'file-sizes',
  description: 'The size of each file',
  input: wholeFiles(),
  key: 'string',
  value: 'number',
  map: (bytes, { file, emit }) => emit(basename(file), bytes.length),
  reduce: 'sum',
  output: tsv(),
});
