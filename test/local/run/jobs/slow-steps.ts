import { defineJob, textLines, tsv } from 'serverless-mapreduce';

/** Takes many short steps in one call of a function or, with `slow: nothing`, one long step. */
export default defineJob({
  name: 'slow-steps',
  description: 'Takes longer than the stall timeout in one place',
  input: textLines(),
  params: {
    slow: {
      type: 'string',
      choices: ['map', 'count', 'combine', 'values', 'emit', 'nothing'],
      description: 'what takes time, in steps',
    },
  },
  key: 'string',
  value: 'string',
  map(line, { emit, count, params }) {
    for (let i = 0; i < 30; i++) {
      if (params.slow === 'map') pass(100);
      if (params.slow === 'count') {
        pass(100);
        count('steps');
      }
      if (params.slow !== 'count' || i === 0) emit(line, params.slow === 'combine' ? 'slow' : 'x');
    }
  },
  combine(_a, b) {
    if (b === 'slow') pass(100);
    return b;
  },
  reduce(key, values, { emit, params }) {
    for (const value of values) {
      for (let i = 0; i < 30; i++) {
        if (params.slow === 'emit') {
          pass(100);
          emit(key, i);
        }
      }
      if (params.slow === 'values') pass(100);
      if (params.slow === 'nothing') pass(600_000);
      emit(key, value);
    }
  },
  output: tsv(),
});

function pass(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {}
}
