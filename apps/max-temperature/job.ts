import { defineJob, textLines, tsv } from 'serverless-mapreduce';

// No mean among them: the mean of means would be wrong, while sums and numbers of readings add up.
type Summary = readonly [highest: number, lowest: number, sum: number, readings: number];

const merge = (a: Summary, b: Summary): Summary => [
  Math.max(a[0], b[0]),
  Math.min(a[1], b[1]),
  a[2] + b[2],
  a[3] + b[3],
];

export default defineJob({
  name: 'max-temperature',
  description: 'The highest, lowest and mean temperature of each station or year',
  input: textLines(),
  params: {
    by: {
      type: 'string',
      choices: ['station', 'year'],
      default: 'station',
      description: 'what the readings are gathered by',
    },
  },
  key: 'string',
  value: ['number', 'number', 'number', 'number'],
  map(line, { emit, count, params }) {
    const [station, date, reading] = line.split(',');
    const celsius = reading ? Number(reading) : Number.NaN;
    if (Number.isNaN(celsius)) count('lines without a reading');
    else emit(params.by === 'station' ? station : date.slice(0, 4), [celsius, celsius, celsius, 1]);
  },
  combine: merge,
  reduce(key, values, { emit }) {
    const [highest, lowest, sum, readings] = Iterator.from(values).reduce(merge);
    emit(key, [highest, lowest, Number((sum / readings).toFixed(2)), readings]);
  },
  output: tsv(),
});
