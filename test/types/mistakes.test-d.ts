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
  reduce: 'each',
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
