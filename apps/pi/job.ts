import { defineJob, generate, sumOf, tsv } from 'serverless-mapreduce';

/** Mirrors the digits of a number at the point: 6 is 110 in base 2, which gives 0.011, or 3/8. */
function mirrored(index: number, base: number): number {
  let result = 0;
  let weight = 1;
  for (let rest = index; rest > 0; rest = Math.floor(rest / base)) {
    weight /= base;
    result += (rest % base) * weight;
  }
  return result;
}

export default defineJob({
  name: 'pi',
  description: 'Estimates pi: the share of points in a square that lie in its circle',
  params: {
    points: { type: 'number', default: 1_000_000, description: 'how many points' },
  },
  input: generate('points'),
  key: 'string',
  // Two sums: points in the circle, all points.
  value: ['number', 'number'],
  map(point, { emit }) {
    const x = mirrored(point + 1, 2) - 0.5;
    const y = mirrored(point + 1, 3) - 0.5;
    emit('points', [x * x + y * y <= 0.25 ? 1 : 0, 1]);
  },
  combine: 'sum',
  reduce(_key, values, { emit }) {
    const [inside, all] = sumOf(values);
    emit('points', all);
    emit('inside', inside);
    emit('pi', (4 * inside) / all);
  },
  reducers: 1,
  output: tsv(),
});
