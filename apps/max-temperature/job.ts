import { defineJob, textLines, tsv } from 'serverless-mapreduce';

// Contains no mean, because the mean of means is not the mean. Sums and numbers of readings can be added.
type Summary = readonly [highest: number, lowest: number, sum: number, readings: number];

const merge = (a: Summary, b: Summary): Summary => [
  Math.max(a[0], b[0]),
  Math.min(a[1], b[1]),
  a[2] + b[2],
  a[3] + b[3],
];

/** Accepts only digits and a point. Number() also accepts hexadecimal numbers and exponents, and returns 0 for spaces. */
const DECIMAL = /^[+-]?(?:\d{1,15}(?:\.\d*)?|\.\d+)$/;
const YEAR = /^\d{4}/;

export default defineJob({
  name: 'max-temperature',
  description: 'The highest, lowest and mean temperature of each station or year',
  input: textLines(),
  params: {
    by: {
      type: 'string',
      choices: ['station', 'year'],
      default: 'station',
      description: 'group the readings by station or by year',
    },
  },
  key: 'string',
  value: ['number', 'number', 'number', 'number'],
  map(line, { emit, count, params }) {
    const [station, date, reading] = line.split(',').map((column) => column.trim());
    const key = params.by === 'station' ? station : date && YEAR.exec(date)?.[0];
    if (!key || reading === undefined) count('bad lines');
    else if (reading === '') count('lines without a reading');
    else if (!DECIMAL.test(reading)) count('bad lines');
    else {
      // Adding 0 turns -0 into 0, which would be printed as -0.
      const celsius = Number(reading) + 0;
      emit(key, [celsius, celsius, celsius, 1]);
    }
  },
  combine: merge,
  reduce(key, values, { emit }) {
    const [highest, lowest, sum, readings] = Iterator.from(values).reduce(merge);
    emit(key, [highest, lowest, Number((sum / readings).toFixed(2)) + 0, readings]);
  },
  output: tsv(),
});
