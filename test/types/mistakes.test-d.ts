/** Compiled by `tsc --noEmit`, never run: mistakes that do not compile, and where the compiler points. */
import { defineJob, json, lines, type OutputFormat, textLines, tsv } from '../../src/index.ts';

const common = { name: 'types', description: 'Only compiled', input: textLines() } as const;
declare const textOnly: OutputFormat<string, string>;

defineJob({
  ...common,
  // @ts-expect-error no such type of key
  key: 'int',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  reduce: () => {},
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error a combiner answers with what it was given
  combine: (a, b) => String(a + b),
  reduce: 'combined',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'string',
  map: (line, { emit }) => emit(line, line),
  // @ts-expect-error strings cannot be added up
  combine: 'sum',
  reduce: 'combined',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'string',
  map: (line, { emit }) => emit(line, line),
  // @ts-expect-error nor can they here
  reduce: 'sum',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: json<number>(),
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error JSON is not added up, even where it is a number: declare value: 'number'
  reduce: 'sum',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error the output holds text only
  reduce: 'sum',
  output: textOnly,
});

defineJob({
  ...common,
  key: 'number',
  value: 'string',
  map: (line, { emit }) => emit(line.length, line),
  // @ts-expect-error its keys too are text
  reduce: 'each',
  output: textOnly,
});

defineJob({
  ...common,
  key: 'string',
  value: ['number', 'number'],
  map: (line, { emit }) => emit(line, [1, 2]),
  // @ts-expect-error a tuple is no line
  reduce: 'each',
  output: lines(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error it is spelt reducers
  reducer: 3,
  reduce: 'sum',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error a partition function answers a number
  partition: (key) => key,
  reduce: 'sum',
  output: tsv(),
});

// @ts-expect-error a key and a value call for a reduce
defineJob({ ...common, key: 'string', value: 'number', map: () => {}, output: tsv() });

defineJob({
  ...common,
  params: {
    // @ts-expect-error a parameter's default is of its type
    most: { type: 'number', default: '3', description: 'At most' },
  },
  map: () => {},
  output: tsv(),
});

// Pairs whose result would depend on the splits.
defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  combine: 'max',
  // @ts-expect-error sums of maxima depend on the splits
  reduce: 'sum',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  combine: 'sum',
  // @ts-expect-error it would count partial sums
  reduce: 'count',
  output: tsv(),
});

// What a function returns is lost: it must emit.
const counting = { ...common, key: 'string', value: 'number', output: tsv() } as const;

defineJob({
  ...counting,
  // @ts-expect-error a generator
  *map(line) {
    yield [line, 1];
  },
  reduce: 'sum',
});

defineJob({
  ...counting,
  // @ts-expect-error an async function
  async map(line, { emit }) {
    emit(line, 1);
  },
  reduce: 'sum',
});

defineJob({
  ...counting,
  // @ts-expect-error pairs
  map: (line) => line.split(' ').map((word) => [word, 1]),
  reduce: 'sum',
});

defineJob({
  ...counting,
  // @ts-expect-error what && leaves
  map: (line, { emit }) => line !== '' && emit(line, 1),
  reduce: 'sum',
});

defineJob({
  ...counting,
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error the pair, as other frameworks have it
  reduce: (key, values) => [key, [...values].length],
});

defineJob({
  ...counting,
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error an async generator
  reduce: async function* (key, values) {
    yield [key, [...values].length];
  },
});

// @ts-expect-error the lines, not emitted
defineJob({ ...common, map: (line) => [line], output: lines() });

defineJob({
  ...counting,
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error a combiner is synchronous
  combine: async (a, b) => a + b,
  reduce: 'combined',
});

defineJob({
  ...counting,
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error so is a partition function
  partition: async (key, partitions) => key.length % partitions,
  reduce: 'sum',
});
