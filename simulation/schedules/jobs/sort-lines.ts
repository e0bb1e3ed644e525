import { byRange, defineJob, lines, textLines } from '../../../src/index.ts';

export default defineJob({
  name: 'sort-lines',
  description: 'Sort the lines',
  input: textLines(),
  key: 'string',
  value: 'string',
  map: (line, { emit }) => emit(line, ''),
  partition: byRange(),
  reduce: 'each',
  output: lines(),
});
