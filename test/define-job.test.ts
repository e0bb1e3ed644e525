import { describe, expect, it } from 'vitest';
import { defineJob } from '../src/define-job.ts';
import { textLines, tsv } from '../src/index.ts';

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
      "would merge the values that reduce: 'count' is to count",
    ],
    [
      "'each' with a combiner",
      { reduce: 'each', combine: 'sum' },
      "would fold some of the values that reduce: 'each'",
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
