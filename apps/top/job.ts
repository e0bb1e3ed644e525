import { defineJob, json, lines, textLines, topN } from 'serverless-mapreduce';

interface Ranked {
  readonly line: string;
  readonly number: number;
}

const MOST = 1000;
/** Numbers as jobs write them, including exponents. Other parsers would accept the start of `12 apples` and `0x10`. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const largest = topN<Ranked>(MOST, (a, b) => b.number - a.number || (a.line < b.line ? -1 : 1));

export default defineJob({
  name: 'top',
  description:
    'The lines with the largest numbers in their last column, such as the most frequent words of a word count',
  input: textLines(),
  params: {
    n: { type: 'number', default: 10, description: `how many lines, at most ${MOST}` },
    separator: {
      type: 'string',
      choices: ['tab', 'comma'],
      default: 'tab',
      description: 'what stands before the last column',
    },
  },
  setup({ n, separator }) {
    if (!Number.isInteger(n) || n < 1 || n > MOST) {
      throw new RangeError(`n must be a whole number from 1 to ${MOST}; received ${n}`);
    }
    return separator === 'tab' ? '\t' : ',';
  },
  key: 'string',
  value: json<readonly Ranked[]>(),
  map(line, { emit, count, state: separator }) {
    const text = line.slice(line.lastIndexOf(separator) + 1).trim();
    const number = NUMBER.test(text) ? Number(text) : Number.NaN;
    if (Number.isFinite(number)) emit('top', [{ line, number }]);
    else count('bad lines');
  },
  combine: largest,
  reduce(_key, values, { emit, params }) {
    const ranked = Iterator.from(values).reduce(largest);
    for (const { line } of ranked.slice(0, params.n)) emit(null, line);
  },
  reducers: 1,
  output: lines(),
});
