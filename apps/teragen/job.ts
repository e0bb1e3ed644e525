import { defineJob, fixedLength, generate } from 'serverless-mapreduce';
import { TeraRows } from './tera-rows.ts';

export default defineJob({
  name: 'teragen',
  description: 'Generates the input of the sort benchmark: rows of 100 bytes, as gensort and TeraGen do',
  params: {
    rows: { type: 'number', default: 1_000_000, description: 'how many rows, of 100 bytes each' },
  },
  input: generate('rows'),
  setup: () => new TeraRows(),
  map: (row, { emit, state }) => emit(null, state.at(row)),
  output: fixedLength(100),
});
