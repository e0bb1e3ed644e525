import { defineJob, records, textLines } from 'serverless-mapreduce';

export default defineJob({
  name: 'typed-parts',
  description: 'The length of each line, as typed parts',
  input: textLines(),
  key: ['string', 'number'],
  value: 'number',
  map: (line, { emit }) => emit([line, line.length], -0),
  reduce: 'each',
  output: records(['string', 'number'], 'number'),
});
