/** Word counts. */
import { defineJob, type Job, json, textLines, tsv } from '../../src/index.ts';

const COMMON = { description: '', input: textLines() } as const;
/** The same job written three ways. */
export const counting: Readonly<Record<string, Job>> = {
  'named reducer': defineJob({
    ...COMMON,
    name: 'named',
    key: 'string',
    value: 'number',
    map: (line, { emit }) => {
      for (const word of line.split(' ')) emit(word, 1);
    },
    reduce: 'sum',
    output: tsv(),
  }),
  'functions without a combiner': defineJob({
    ...COMMON,
    name: 'functions',
    key: 'string',
    value: 'number',
    map: (line, { emit }) => {
      for (const word of line.split(' ')) emit(word, 1);
    },
    reduce: (word, ones, { emit }) => {
      let sum = 0;
      for (const one of ones) sum += one;
      emit(word, sum);
    },
    output: tsv(),
  }),
  'JSON folded by a function': defineJob({
    ...COMMON,
    name: 'json',
    key: 'string',
    value: json<{ times: number }>(),
    map: (line, { emit }) => {
      for (const word of line.split(' ')) emit(word, { times: 1 });
    },
    combine: (a, b) => ({ times: a.times + b.times }),
    reduce: (word, values, { emit }) => {
      let sum = 0;
      for (const { times } of values) sum += times;
      emit(word, sum);
    },
    output: tsv(),
  }),
};
