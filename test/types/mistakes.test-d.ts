/** Compiled by `tsc --noEmit`, never run: mistakes that must not compile, and where the compiler reports them. */
import * as z from 'zod';
import {
  bytesLines,
  csv,
  defineJob,
  gzip,
  json,
  jsonDocuments,
  jsonLines,
  lines,
  records,
  type Sink,
  textLines,
  tsv,
  zstd,
} from '../../src/index.ts';

const common = { name: 'types', description: 'Only compiled', input: textLines() } as const;
declare const textOnly: Sink<string, string>;

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
  // @ts-expect-error a combiner must return the type of its arguments
  combine: (a, b) => String(a + b),
  reduce: 'combined',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: ['number', 'number'],
  map: (line, { emit }) => emit(line, [1, 2]),
  // @ts-expect-error a combiner must return every element of the tuple
  combine: (a, b) => [a[0] + b[0]],
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
  // @ts-expect-error nor by a reducer
  reduce: 'sum',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: json<number>(),
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error JSON is not added up, even if it is a number: declare value: 'number'
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
  // @ts-expect-error its keys must be text too
  reduce: 'each',
  output: textOnly,
});

defineJob({
  ...common,
  key: 'string',
  value: ['number', 'number'],
  map: (line, { emit }) => emit(line, [1, 2]),
  // @ts-expect-error a tuple is not a line
  reduce: 'each',
  output: lines(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error the field is called reducers
  reducer: 3,
  reduce: 'sum',
  output: tsv(),
});

defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error a partition function must return a number
  partition: (key) => key,
  reduce: 'sum',
  output: tsv(),
});

// @ts-expect-error a key and a value need a reduce
defineJob({ ...common, key: 'string', value: 'number', map: () => {}, output: tsv() });

defineJob({
  ...common,
  params: {
    // @ts-expect-error a parameter's default must have its type
    most: { type: 'number', default: '3', description: 'At most' },
  },
  map: () => {},
  output: tsv(),
});

// Pairs of combine and reduce whose result would depend on the splits.
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

// A returned value would be lost: functions must emit.
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
  // @ts-expect-error the value of &&
  map: (line, { emit }) => line !== '' && emit(line, 1),
  reduce: 'sum',
});

defineJob({
  ...counting,
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error the pair, as in other frameworks
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

// @ts-expect-error lines that are returned, not emitted
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
  // @ts-expect-error a partition function is synchronous
  partition: async (key, partitions) => key.length % partitions,
  reduce: 'sum',
});

// Rows that do not fit the output.
const rows = { ...common, key: 'string', value: 'number', map: () => {} } as const;

defineJob({
  ...rows,
  // @ts-expect-error a mistyped column
  reduce: (word, _counts, { emit }) => emit(null, { word, cuont: 1 }),
  output: csv(['word', 'count']),
});

defineJob({
  ...rows,
  reduce: (word, _counts, { emit }) => {
    emit(null, [word, 1]);
    emit(null, { word, count: 1 });
    // @ts-expect-error a cell is missing
    emit(null, [word]);
    // @ts-expect-error a function is not a cell, but an object that JSON holds is
    emit(null, { word, count: Symbol('x') });
  },
  output: gzip(csv(['word', 'count'])),
});

defineJob({
  ...rows,
  // @ts-expect-error the rows have another type
  reduce: (word, _counts, { emit }) => emit(null, { word: 1, count: word }),
  output: zstd(jsonLines<{ word: string; count: number }>()),
});

defineJob({
  ...rows,
  // @ts-expect-error a number is not a row of CSV
  reduce: 'sum',
  output: csv(['word', 'count']),
});

// Input that the map does not fit.
const schema = z.object({ id: z.string(), age: z.number() });
const fromInput = { name: 'types', description: 'Only compiled', output: tsv() } as const;

defineJob({
  ...fromInput,
  input: jsonLines(schema),
  key: 'string',
  value: 'number',
  // @ts-expect-error the schema has no such field
  map: (user, { emit }) => emit(user.name, user.age),
  reduce: 'sum',
});

defineJob({
  ...fromInput,
  input: jsonDocuments({ path: 'Records', schema }),
  key: 'string',
  value: 'number',
  // @ts-expect-error the schema says that it is a number
  map: (user, { emit }) => emit(user.age, 1),
  reduce: 'sum',
});

// @ts-expect-error no such field
jsonLines<{ id: string }>({ select: ['ids'] });

// @ts-expect-error the path is a list of names
jsonDocuments({ path: [1] });

// @ts-expect-error no such type
records('string', 'float');

defineJob({
  ...fromInput,
  input: records('string', ['number', 'string']),
  key: 'string',
  value: 'number',
  // @ts-expect-error the first part of the value is a number
  map: ([, [count]], { emit }) => emit(count, 1),
  reduce: 'sum',
});

defineJob({
  ...fromInput,
  input: records('string', 'number'),
  key: 'string',
  value: 'number',
  map: ([word, count], { emit }) => emit(word, count),
  // @ts-expect-error the output has numbers as keys
  reduce: (word, _counts, { emit }) => emit(word, 1),
  output: records('number', 'number'),
});

defineJob({
  ...common,
  input: bytesLines(),
  key: ['string', 'bytes'],
  value: json<string>(),
  map(line, { emit }) {
    emit([line, line.range(1)], 'text');
    // @ts-expect-error JSON is made of a string, not of a range of bytes
    emit([line, line], line);
  },
  reduce: (key, values, { emit }) => emit(key, [...values].length),
  output: jsonLines(),
});

defineJob({
  ...common,
  input: bytesLines(),
  key: 'number',
  value: 'number',
  // @ts-expect-error a number is not a range of bytes: line.number() reads one
  map: (line, { emit }) => emit(line, 1),
  reduce: 'sum',
  output: tsv(),
});
