import { describe, expect, it } from 'vitest';
import { defineJob } from '../../src/api/define-job.ts';
import { first, textLines, tsv } from '../../src/index.ts';

/** Callers from JavaScript can pass anything. */
const define = defineJob as unknown as (definition: Record<string, unknown>) => ReturnType<typeof defineJob>;

const WORD_COUNT = {
  name: 'word-count',
  description: 'How often each word occurs',
  input: textLines(),
  key: 'string',
  value: 'number',
  map: () => {},
  reduce: 'sum',
  output: tsv(),
};

describe('defineJob()', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'a name with capitals',
      { name: 'Words' },
      "name must be 1 to 63 lower-case letters, digits and dashes, and must not start with a dash; received 'Words'",
    ],
    ['a mistyped field', { combne: 'sum' }, "unknown field 'combne'. Did you mean 'combine'?"],
    [
      'a field of another system',
      { mapperClass: 'X' },
      "unknown field 'mapperClass'. A job has the fields name,",
    ],
    ['no map', { map: undefined }, 'map must be a function (record, context); received undefined'],
    [
      'an input that is not a format',
      { input: 'text' },
      "input must be an input format, for example textLines(), or an object of them by name; received 'text'",
    ],
    [
      'an output that is not a format',
      { output: {} },
      'output must be an output format, for example tsv(), or recordWise() with a write function of your own, or an object of them by name; received an object with no fields',
    ],
    ['a setup that is not a function', { setup: 1 }, 'setup must be a function (params); received 1'],
    [
      'no key',
      { key: undefined },
      "key must be the type of the keys that map emits, for example 'string'; received undefined",
    ],
    ['no value', { value: undefined }, 'value must be the type of the values'],
    ['an unknown key type', { key: 'text' }, `key: "text" is not a type of keys`],
    [
      'an unknown reducer',
      { reduce: 'average' },
      "reduce must be a function (key, values, context) or one of 'sum', 'min'",
    ],
    [
      'an unknown combiner',
      { combine: 'concat' },
      "combine must be a function (accumulated, value) or one of 'sum', 'min', 'max'",
    ],
    [
      'a sum of strings',
      { value: 'string' },
      "reduce 'sum' needs value: 'number' or a tuple of numbers; received 'string'",
    ],
    [
      "'combined' without a combiner",
      { reduce: 'combined' },
      "'combined' folds the values with the job's combine, which is missing",
    ],
    [
      "'count' with a combiner",
      { reduce: 'count', combine: 'sum' },
      "combine would merge values that 'count' must count one by one. Remove combine",
    ],
    [
      "'each' with a combiner",
      { reduce: 'each', combine: 'sum' },
      "combine would merge values that 'each' must emit unchanged. Remove combine",
    ],
    [
      'a partition that is not a function',
      { partition: 'hash' },
      'partition must be a function (key, partitions, params) or byRange()',
    ],
    ['no reducers', { reducers: 0 }, 'reducers must be a whole number from 1 to 10000; received 0'],
    [
      'a key without a reduce',
      { reduce: undefined },
      'key needs a reduce; without reduce the job is map-only',
    ],
    [
      'a parameter of an unknown type',
      { params: { n: { type: 'int' } } },
      "params.n.type must be 'string', 'number' or 'boolean'",
    ],
    [
      'a default of another type',
      { params: { n: { type: 'number', default: '1' } } },
      "params.n.default must be a number; received '1'",
    ],
    [
      'a default that JSON cannot hold',
      { params: { n: { type: 'number', default: Number.POSITIVE_INFINITY } } },
      'params.n.default must be a finite number; received Infinity',
    ],
    [
      'a default that is not one of the choices',
      { params: { c: { type: 'string', choices: ['a', 'b'], default: 'z' } } },
      "params.c.default must be one of 'a', 'b'; received 'z'",
    ],
    [
      'a parameter with a space in its name',
      { params: { 'a b': { type: 'number' } } },
      'must have a name of letters, digits',
    ],
  ])(
    'refuses %s, and names the job, the field, the value received and what is allowed',
    (_what, change, message) => {
      const attempt = () => define({ ...WORD_COUNT, ...change });

      expect(attempt).toThrow(expect.objectContaining({ name: 'JobDefinitionError' }));
      expect(attempt).toThrow(message);
      expect(attempt).toThrow(/^job '/);
    },
  );

  // The oracle of combine-rules.ts: folds the same values in one piece and in every two pieces.
  it('allows exactly the pairs of combine and reduce whose result does not depend on the splits', () => {
    const operations: Record<string, (values: number[]) => number[]> = {
      sum: (values) => [values.reduce((a, b) => a + b)],
      min: (values) => [Math.min(...values)],
      max: (values) => [Math.max(...values)],
      count: (values) => [values.length],
      each: (values) => values,
      // Associative, and not one of the named ones.
      own: (values) => [values.reduce((a, b) => a * b)],
      none: (values) => values,
    };
    const values = [3, 5, 2, 7];
    for (const combine of ['none', 'sum', 'min', 'max', 'own']) {
      for (const reduce of ['sum', 'min', 'max', 'count', 'each', 'combined']) {
        if (combine === 'none' && reduce === 'combined') continue;
        const reducer = operations[reduce === 'combined' ? combine : reduce]!;
        const results = [0, 1, 2, 3, 4].map((cut) =>
          reducer(
            [values.slice(0, cut), values.slice(cut)].flatMap((part) =>
              part.length === 0 ? [] : operations[combine]!(part),
            ),
          ).join(),
        );
        const isRight = results.every((result) => result === reducer(values).join());
        const given =
          combine === 'none' ? undefined : combine === 'own' ? (a: number, b: number) => a * b : combine;

        const attempt = () => define({ ...WORD_COUNT, combine: given, reduce });

        if (isRight) expect(attempt, `${combine} and ${reduce}`).not.toThrow();
        else expect(attempt, `${combine} and ${reduce}`).toThrow(/^job 'word-count': combine would /);
      }
    }
  });

  it('lists the allowed pairs when it refuses one', () => {
    expect(() => define({ ...WORD_COUNT, combine: 'max', reduce: 'sum' })).toThrow(
      "combine would give reduce: 'sum' the partial results of another function, so the result would depend on the splits. Remove combine, or replace reduce: 'sum' with 'max', 'combined', or with a function that accepts combined values; received 'max'",
    );
    expect(() => define({ ...WORD_COUNT, combine: first(), reduce: 'sum' })).toThrow(
      "replace reduce: 'sum' with 'combined', or with a function that accepts combined values; received a function",
    );
  });

  it.each(['none', 'sum', 'min', 'max', 'own'])(
    'accepts a reduce function with any combiner: %s',
    (combine) => {
      const given = combine === 'none' ? undefined : combine === 'own' ? Math.hypot : combine;
      expect(() => define({ ...WORD_COUNT, combine: given, reduce: () => {} })).not.toThrow();
    },
  );

  it.each([
    ['a generator function', function* () {}],
    ['an async function', async () => {}],
    ['an async generator function', async function* () {}],
  ])('refuses %s in every field that takes a function', (kind, refused) => {
    for (const [field, change] of [
      ['map', { map: refused }],
      ['setup', { setup: refused }],
      ['combine', { combine: refused, reduce: 'combined' }],
      ['partition', { partition: refused }],
      ['reduce', { reduce: refused }],
      ['input.read', { input: { ...textLines(), read: refused } }],
      ['output.write', { output: { ...tsv(), createWriter: () => ({ write: refused }) } }],
    ] as const) {
      expect(() => define({ ...WORD_COUNT, ...change })).toThrow(
        `job 'word-count': ${field} is ${kind}; it must be an ordinary, synchronous function. Remove '`,
      );
    }
  });

  it.each(['sum', 'min', 'max'])('combines by %s on the map side if only reduce names it', (named) => {
    expect(define({ ...WORD_COUNT, reduce: named }).shuffle?.combine).toBe(named);
  });

  it("adds no combiner for a reduce function or 'each'", () => {
    expect(define({ ...WORD_COUNT, reduce: () => {} }).shuffle?.combine).toBeUndefined();
    expect(define({ ...WORD_COUNT, reduce: 'each' }).shuffle?.combine).toBeUndefined();
  });

  it('makes a map-only job without reduce', () => {
    const { name, description, input, map, output } = WORD_COUNT;

    expect(define({ name, description, input, map, output }).shuffle).toBeUndefined();
  });
});

describe('defineJob() with named inputs', () => {
  const named = { ...WORD_COUNT, input: { a: textLines(), b: textLines() } };
  const maps = { a: WORD_COUNT.map, b: WORD_COUNT.map };

  it('makes one input of each name, in order', () => {
    const { inputs } = define({ ...named, map: maps });

    expect(inputs.map(({ name, map }) => [name, map])).toEqual([
      ['a', WORD_COUNT.map],
      ['b', WORD_COUNT.map],
    ]);
  });

  it.each([
    [
      'an input without its map',
      { map: { a: WORD_COUNT.map } },
      /map\.b must be a function \(record, context\)/,
    ],
    ['one map for all', {}, /map\.a must be a function/],
    ['a map of no input', { map: { ...maps, c: WORD_COUNT.map } }, /map\.c belongs to no input/],
    [
      'an input that is no format',
      { input: { a: textLines(), b: 'text' }, map: maps },
      /input\.b must be an input format/,
    ],
    ['no inputs', { input: {}, map: {} }, /input must be an input format.*or an object of them by name/],
    [
      'a name with a space',
      { input: { 'a b': textLines() }, map: { 'a b': WORD_COUNT.map } },
      /input\.a b must have a name of letters/,
    ],
    ['an async map', { map: { ...maps, b: async () => {} } }, /map\.b is an async function/],
  ])('refuses %s', (_, change, message) => {
    expect(() => define({ ...named, ...change })).toThrow(message);
  });
});

describe("defineJob()'s onBadRecord", () => {
  it.each([{ skip: 0 }, { skip: 100, thrown: true }])('accepts %j', (onBadRecord) => {
    expect(define({ ...WORD_COUNT, onBadRecord }).onBadRecord).toEqual(onBadRecord);
  });

  it.each([
    {},
    5,
    { skip: -1 },
    { skip: 1.5 },
    { skip: '5' },
    { skip: 5, thrown: 'yes' },
    { skip: 5, limit: 3 },
    null,
  ])('refuses %j', (onBadRecord) => {
    expect(() => define({ ...WORD_COUNT, onBadRecord })).toThrow(/onBadRecord must be \{ skip: n \}/);
  });
});
