import { defineJob, json, lines, records } from 'serverless-mapreduce';

export default defineJob({
  name: 'from-typed-parts',
  description: 'How often each pair occurs',
  input: records(['string', 'number'], 'number'),
  key: json<unknown>(),
  value: 'number',
  map: ([[line, length], value], { emit }) => emit([line, length, Object.is(value, -0)], 1),
  reduce: (key, values, { emit }) => emit(null, `${JSON.stringify(key)} ${[...values].length}`),
  output: lines(),
});
