/** Compiled by `tsc --noEmit`, never run: the types that a job's author gets by inference, and mistakes that must not compile. */
import { expectTypeOf } from 'vitest';
import {
  type BytesRange,
  byRange,
  csv,
  defineJob,
  distinct,
  gzip,
  inFiles,
  inFolders,
  type Job,
  json,
  jsonLines,
  jsonPairs,
  type KeyCodec,
  lines,
  type ParametersOf,
  recordWise,
  type Sink,
  type Source,
  textLines,
  topN,
  tsv,
} from '../../src/index.ts';

const common = { name: 'types', description: 'Only compiled', input: textLines() } as const;

// combine and reduce receive the types that map emits; contexts are destructured without annotations.
const wordCount = defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map(line, { emit, count, file, position, params, state }) {
    expectTypeOf(line).toEqualTypeOf<string>();
    expectTypeOf(emit).toEqualTypeOf<(key: string | BytesRange, value: number) => void>();
    expectTypeOf(count).toEqualTypeOf<(counter: string, amount?: number) => void>();
    expectTypeOf(file).toEqualTypeOf<string>();
    expectTypeOf(position().offsetBytes).toEqualTypeOf<number>();
    expectTypeOf(params).toEqualTypeOf<ParametersOf<Record<never, never>>>();
    expectTypeOf(state).toEqualTypeOf<undefined>();
    emit(line, 1);
    // @ts-expect-error the value is a number
    emit(line, 'one');
    // @ts-expect-error the key is a string
    emit(1, 1);
  },
  combine: (accumulated, value) => {
    expectTypeOf(accumulated).toEqualTypeOf<number>();
    expectTypeOf(value).toEqualTypeOf<number>();
    return accumulated + value;
  },
  reduce(key, values, { emit }) {
    expectTypeOf(key).toEqualTypeOf<string>();
    expectTypeOf(values).toEqualTypeOf<Iterable<number>>();
    emit(key, [...values].length);
    // @ts-expect-error a symbol is not a column
    emit(key, Symbol('x'));
  },
  output: tsv(),
});
expectTypeOf(wordCount).toEqualTypeOf<Job>();

// Inline input, arrow functions, a context that is not destructured.
defineJob({
  name: 'arrows',
  description: '',
  input: textLines(),
  key: 'string',
  value: 'number',
  map: (line, context) => {
    expectTypeOf(line).toEqualTypeOf<string>();
    context.emit(line, 1);
  },
  reduce: 'sum',
  output: tsv(),
});

// Parameters: types by `type`, unions by `choices`; state from setup.
defineJob({
  ...common,
  params: {
    pattern: { type: 'string', description: 'What to look for' },
    case: { type: 'string', choices: ['lower', 'keep'], default: 'lower', description: 'Case' },
    most: { type: 'number', default: 3, description: 'At most' },
    invert: { type: 'boolean', default: false, description: 'The others' },
  },
  setup: (params) => {
    expectTypeOf(params.pattern).toEqualTypeOf<string>();
    return { pattern: new RegExp(params.pattern), seen: 0 };
  },
  key: 'string',
  value: 'number',
  map(line, { emit, params, state }) {
    expectTypeOf(params.pattern).toEqualTypeOf<string>();
    expectTypeOf(params.case).toEqualTypeOf<'lower' | 'keep'>();
    expectTypeOf(params.most).toEqualTypeOf<number>();
    expectTypeOf(params.invert).toEqualTypeOf<boolean>();
    expectTypeOf(state.pattern).toEqualTypeOf<RegExp>();
    state.seen++;
    // @ts-expect-error no such parameter
    params.nothing;
    if (state.pattern.test(line)) emit(line, 1);
  },
  reduce(key, values, { emit, params, state }) {
    expectTypeOf(params.case).toEqualTypeOf<'lower' | 'keep'>();
    expectTypeOf(state.pattern).toEqualTypeOf<RegExp>();
    for (const value of values) emit(key, value);
  },
  partition(key, partitions, params) {
    expectTypeOf(key).toEqualTypeOf<string>();
    expectTypeOf(params.most).toEqualTypeOf<number>();
    return key.length % partitions;
  },
  output: tsv(),
});

// Tuple keys, bytes, json.
interface Row {
  readonly file: string;
  readonly counts: readonly number[];
}
defineJob({
  ...common,
  key: ['string', 'number', ['bytes', 'string']],
  value: json<Row>(),
  map(line, { emit }) {
    emit([line, 1, [new Uint8Array(1), 'x']], { file: 'a', counts: [1] });
    // @ts-expect-error a part is missing
    emit([line, 1], { file: 'a', counts: [1] });
    // @ts-expect-error counts are numbers
    emit([line, 1, [new Uint8Array(1), 'x']], { file: 'a', counts: ['1'] });
  },
  combine(accumulated, value) {
    expectTypeOf(accumulated).toEqualTypeOf<Row>();
    return { file: value.file, counts: [...accumulated.counts, ...value.counts] };
  },
  partition: byRange(),
  reduce([word, position, [bytes, text]], values, { emit }) {
    expectTypeOf(word).toEqualTypeOf<string>();
    expectTypeOf(position).toEqualTypeOf<number>();
    expectTypeOf(bytes).toEqualTypeOf<Uint8Array>();
    expectTypeOf(text).toEqualTypeOf<string>();
    for (const value of values) {
      expectTypeOf(value).toEqualTypeOf<Row>();
      emit(word, value.counts);
    }
  },
  output: jsonPairs(),
});

// Named combiners: numbers and tuples of numbers.
defineJob({
  ...common,
  key: 'string',
  value: ['number', 'number'],
  map: (line, { emit }) => emit(line, [1, 2]),
  combine: 'max',
  reduce: 'max',
  output: tsv(),
});

// A combiner may return a tuple as a literal.
defineJob({
  ...common,
  key: 'string',
  value: ['number', 'number', 'string'],
  map: (line, { emit }) => emit(line, [1, 2, line]),
  combine: (a, b) => [a[0] + b[0], Math.max(a[1], b[1]), b[2]],
  reduce: 'combined',
  output: tsv(),
});

// Ready-made combiners take their types from the job.
defineJob({
  ...common,
  key: 'string',
  value: json<readonly Row[]>(),
  map: (line, { emit }) => emit(line, [{ file: line, counts: [] }]),
  combine: topN(3, (a, b) => {
    expectTypeOf(a).toEqualTypeOf<Row>();
    return a.counts.length - b.counts.length;
  }),
  reduce: 'combined',
  output: jsonPairs(),
});
defineJob({
  ...common,
  key: 'string',
  value: json<readonly string[]>(),
  map: (line, { emit, file }) => emit(line, [file]),
  combine: distinct(),
  reduce: 'combined',
  output: tsv(),
});

// Map-only.
defineJob({
  ...common,
  params: { pattern: { type: 'string', description: 'What to look for' } },
  setup: ({ pattern }) => new RegExp(pattern),
  map(line, { emit, state }) {
    expectTypeOf(line).toEqualTypeOf<string>();
    expectTypeOf(state).toEqualTypeOf<RegExp>();
    if (state.test(line)) emit(null, line);
    // @ts-expect-error an object is not a line
    emit(null, { line });
  },
  output: lines(),
});

// Records of a custom input format.
declare const rows: Source<Row>;
declare const counted: Sink<string, number>;
defineJob({
  name: 'own-formats',
  description: '',
  input: rows,
  key: 'number',
  value: 'string',
  map: (row, { emit }) => emit(row.counts.length, row.file),
  reduce: (key, values, { emit }) => {
    emit([...values].join(), key);
    // @ts-expect-error this output holds numbers
    emit('x', 'y');
    // @ts-expect-error with strings as keys
    emit(key, 1);
  },
  output: counted,
});

// Custom codecs bring their type, inside tuples too.
declare const dates: KeyCodec<Date>;
defineJob({
  ...common,
  key: [dates, 'string'],
  value: dates,
  map(line, { emit }) {
    emit([new Date(0), line], new Date(0));
    // @ts-expect-error a date is not a string
    emit([new Date(0), line], '1970-01-01');
  },
  reduce([date], values, { emit }) {
    expectTypeOf(date).toEqualTypeOf<Date>();
    expectTypeOf(values).toEqualTypeOf<Iterable<Date>>();
    emit(date.toISOString(), 1);
  },
  output: tsv(),
});

// Statements, a bare emit and an early return all return nothing.
defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map(line, { emit }) {
    if (line === '') return;
    if (line === '#') return undefined;
    for (const word of line.split(' ')) emit(word, 1);
  },
  combine: 'sum',
  reduce: (key, values, { emit }) => emit(key, [...values].length),
  output: tsv(),
});
defineJob({ ...common, map: (line, { emit }) => emit(null, line), output: lines() });
declare const handOn: (line: string, context: { emit: (key: string, value: number) => void }) => void;
defineJob({ ...common, key: 'string', value: 'number', map: handOn, reduce: 'sum', output: tsv() });

// Several outputs: emit is an object with a function for each, typed by its format.
interface Stranger {
  readonly user: string;
}
defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  reduce(user, values, { emit }) {
    expectTypeOf(emit.strangers).toEqualTypeOf<(key: unknown, value: Stranger) => void>();
    expectTypeOf(emit.starts).parameter(0).toEqualTypeOf<string>();
    emit.starts('2024-01-01', { user, count: [...values].length });
    emit.starts('2024-01-01', [user, 1]);
    emit.strangers(null, { user });
    emit.counts(user, 1);
    // @ts-expect-error a mistyped column
    emit.starts('2024-01-01', { usr: user, count: 1 });
    // @ts-expect-error the key is the day, a string
    emit.starts(20240101, { user, count: 1 });
    // @ts-expect-error no such output
    emit.others(null, { user });
    // @ts-expect-error one of several must be named
    emit(null, { user });
    // @ts-expect-error not a stranger
    emit.strangers(null, { name: user });
  },
  output: {
    starts: inFolders((day: string) => ({ dt: day }), gzip(csv(['user', 'count']))),
    strangers: jsonLines<Stranger>(),
    counts: inFiles({ targetBytes: 1_000_000 }, tsv()),
  },
});

// The same without a reduce, and with several inputs.
defineJob({
  name: 'both',
  description: '',
  input: { users: textLines(), events: jsonLines<{ readonly at: string }>() },
  map: {
    users: (user, { emit }) => emit.names(null, user),
    events(event, { emit }) {
      emit.times(event, event);
      // @ts-expect-error names are text
      emit.names(null, event);
    },
  },
  output: {
    names: lines(),
    // Both parameters are inferred from the annotation and from the sink.
    times: inFolders((key: { readonly at: string }, value) => {
      expectTypeOf(value).toEqualTypeOf<{ readonly at: string }>();
      return `at=${key.at}/${value.at}`;
    }, jsonLines<{ readonly at: string }>()),
  },
});

defineJob({
  ...common,
  map: (line, { emit }) => emit(line, line),
  output: inFolders((key) => {
    expectTypeOf(key).toEqualTypeOf<unknown>();
    return { x: String(key) };
  }, lines()),
});

defineJob({
  ...common,
  key: 'string',
  value: 'number',
  map: (line, { emit }) => emit(line, 1),
  // @ts-expect-error a record must say which of several outputs it goes to
  reduce: 'sum',
  output: { all: tsv(), rows: tsv() },
});

defineJob({
  ...common,
  map: (line, { emit }) => emit(line, line),
  output: recordWise({
    name: 'own',
    extension: 'own',
    write(key, value: string, out) {
      expectTypeOf(key).toEqualTypeOf<unknown>();
      out.reserve(value.length);
    },
  }),
});
