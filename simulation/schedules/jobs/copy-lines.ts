import { defineJob, lines, textLines } from '../../../src/index.ts';

export default defineJob({
  name: 'copy-lines',
  description: 'Copy every line',
  input: textLines(),
  map: (line, { emit }) => emit(null, line),
  output: lines(),
});
