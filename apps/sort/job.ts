import { byRange, defineJob, lines, textLines } from 'serverless-mapreduce';

/** Returns the first `length` code points, so that no character is cut in half; the whole line if `length` is 0. */
function firstCharacters(line: string, length: number): string {
  if (length === 0 || line.length <= length) return line;
  let end = 0;
  for (let i = 0; i < length && end < line.length; i++) end += line.codePointAt(end)! > 0xffff ? 2 : 1;
  return line.slice(0, end);
}

export default defineJob({
  name: 'sort',
  description: 'The lines in order, across all parts; of equal keys, the line that came first stays first',
  input: textLines(),
  params: {
    'key-length': {
      type: 'number',
      default: 0,
      description: 'sort by this many characters at the start of a line; 0: by the whole line',
    },
  },
  setup({ 'key-length': length }) {
    if (!Number.isInteger(length) || length < 0) {
      throw new RangeError(`key-length must be a whole number from 0 up; received ${length}`);
    }
    return { length };
  },
  key: 'string',
  value: 'string',
  map: (line, { emit, state }) => emit(firstCharacters(line, state.length), line),
  partition: byRange(),
  reduce: 'each',
  output: lines(),
});
