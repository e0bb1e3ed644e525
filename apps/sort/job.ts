import { byRange, defineJob, lines, textLines } from 'serverless-mapreduce';

export default defineJob({
  name: 'sort',
  description: 'The lines in order, across all parts; of equal keys, the line that came first stays first',
  input: textLines(),
  params: {
    'key-length': {
      type: 'number',
      default: 0,
      description: 'how many characters at the start of a line it is sorted by; 0: the whole line',
    },
  },
  setup({ 'key-length': length }) {
    if (!Number.isInteger(length) || length < 0) {
      throw new RangeError(`key-length is a whole number from 0 up; received ${length}`);
    }
    return { keyEnd: length === 0 ? undefined : length };
  },
  key: 'string',
  value: 'string',
  map: (line, { emit, state }) => emit(line.slice(0, state.keyEnd), line),
  partition: byRange(),
  reduce: 'each',
  output: lines(),
});
