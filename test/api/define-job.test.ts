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
      "name is 1 to 63 lower-case letters, digits and dashes; received 'Words'",
    ],
    ['no map', { map: undefined }, 'map is a function (record, context); received undefined'],
    [
      'an input that is none',
      { input: 'text' },
      "input is an input format, for example textLines(); received 'text'",
    ],
    [
      'an output that is none',
      { output: {} },
      'output is an output format, for example tsv(); received an object with no fields',
    ],
    ['a setup that is none', { setup: 1 }, 'setup is a function (params); received 1'],
    [
      'no key',
      { key: undefined },
      "key is the type of the keys that map emits, for example 'string'; received undefined",
    ],
    ['no value', { value: undefined }, 'value is the type of the values'],
    ['an unknown key type', { key: 'text' }, `key: "text" is no type of a key`],
    [
      'an unknown reducer',
      { reduce: 'average' },
      "reduce is a function (key, values, context) or one of 'sum', 'min'",
    ],
    [
      'an unknown combiner',
      { combine: 'concat' },
      "combine is a function (accumulated, value) or one of 'sum', 'min', 'max'",
    ],
    [
      'a sum of strings',
      { value: 'string' },
      "reduce by name works on value: 'number' or a tuple of numbers",
    ],
    [
      "'combined' without a combiner",
      { reduce: 'combined' },
      "'combined' folds by the job's combine, which is missing",
    ],
    [
      "'count' with a combiner",
      { reduce: 'count', combine: 'sum' },
      'combine would merge values that count must count one by one. Drop combine',
    ],
    [
      "'each' with a combiner",
      { reduce: 'each', combine: 'sum' },
      'combine would merge values that each must emit unchanged. Drop combine',
    ],
    [
      'a partition that is none',
      { partition: 'hash' },
      'partition is a function (key, partitions, params) or byRange()',
    ],
    ['no reducers', { reducers: 0 }, 'reducers is a whole number from 1 to 10000; received 0'],
    [
      'a key without a reduce',
      { reduce: undefined },
      'key needs a reduce beside it; without reduce the job is map-only',
    ],
    [
      'a parameter of no type',
      { params: { n: { type: 'int' } } },
      "params.n.type is 'string', 'number' or 'boolean'",
    ],
    [
      'a default of another type',
      { params: { n: { type: 'number', default: '1' } } },
      "params.n.default is a number; received '1'",
    ],
    [
      'a default that no plan can hold',
      { params: { n: { type: 'number', default: Number.POSITIVE_INFINITY } } },
      'params.n.default is a finite number; received Infinity',
    ],
    [
      'a default that is no choice',
      { params: { c: { type: 'string', choices: ['a', 'b'], default: 'z' } } },
      "params.c.default is one of 'a', 'b'; received 'z'",
    ],
    [
      'a parameter with a space in its name',
      { params: { 'a b': { type: 'number' } } },
      'is named by letters, digits',
    ],
  ])('refuses %s, naming the job, the field, what came and what is allowed', (_what, change, message) => {
    const attempt = () => define({ ...WORD_COUNT, ...change });

    expect(attempt).toThrow(expect.objectContaining({ name: 'JobDefinitionError' }));
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^job '/);
  });

  // The oracle of combine-rules.ts: folds the same values in one piece and in every two pieces.
  it('allows just the pairs of combine and reduce that do not depend on the splits', () => {
    const operations: Record<string, (values: number[]) => number[]> = {
      sum: (values) => [values.reduce((a, b) => a + b)],
      min: (values) => [Math.min(...values)],
      max: (values) => [Math.max(...values)],
      count: (values) => [values.length],
      each: (values) => values,
      // Associative, and none of the named ones.
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

  it('names the pairs that are allowed where one is not', () => {
    expect(() => define({ ...WORD_COUNT, combine: 'max', reduce: 'sum' })).toThrow(
      "combine would give reduce: 'sum' partial results that it was not made for, so that the result would depend on the splits. Drop combine, or let reduce be 'max', 'combined', or a function that takes what combine returns for values, in the place of 'sum'; received 'max'",
    );
    expect(() => define({ ...WORD_COUNT, combine: first(), reduce: 'sum' })).toThrow(
      "let reduce be 'combined', or a function that takes what combine returns for values, in the place of 'sum'; received a function",
    );
  });

  it.each(['none', 'sum', 'min', 'max', 'own'])(
    'leaves a reduce function to its author: combine %s',
    (combine) => {
      const given = combine === 'none' ? undefined : combine === 'own' ? Math.hypot : combine;
      expect(() => define({ ...WORD_COUNT, combine: given, reduce: () => {} })).not.toThrow();
    },
  );

  it.each([
    ['a generator function', function* () {}],
    ['an async function', async () => {}],
    ['an async generator function', async function* () {}],
  ])('refuses %s wherever it calls a function of the user', (kind, refused) => {
    for (const [field, change] of [
      ['map', { map: refused }],
      ['setup', { setup: refused }],
      ['combine', { combine: refused, reduce: 'combined' }],
      ['partition', { partition: refused }],
      ['reduce', { reduce: refused }],
      ['input.createParser', { input: { ...textLines(), createParser: refused } }],
      ['output.write', { output: { ...tsv(), write: refused } }],
    ] as const) {
      expect(() => define({ ...WORD_COUNT, ...change })).toThrow(
        `job 'word-count': ${field} is ${kind}; it must be an ordinary, synchronous function. Drop '`,
      );
    }
  });

  it.each(['sum', 'min', 'max'])('combines by %s on the map side where only reduce says so', (named) => {
    expect(define({ ...WORD_COUNT, reduce: named }).shuffle?.combine).toBe(named);
  });

  it('does not combine for a function or for each', () => {
    expect(define({ ...WORD_COUNT, reduce: () => {} }).shuffle?.combine).toBeUndefined();
    expect(define({ ...WORD_COUNT, reduce: 'each' }).shuffle?.combine).toBeUndefined();
  });

  it('makes a map-only job where there is no reduce', () => {
    const { name, description, input, map, output } = WORD_COUNT;

    expect(define({ name, description, input, map, output }).shuffle).toBeUndefined();
  });
});
