import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { SchemaRefusal, type StandardSchema, schemaCheck } from '../../src/formats/standard-schema.ts';

const SCHEMAS = {
  zod: z.object({ id: z.string(), age: z.number().positive(), tags: z.array(z.string()) }),
  valibot: v.object({ id: v.string(), age: v.pipe(v.number(), v.gtValue(0)), tags: v.array(v.string()) }),
  arktype: type({ id: 'string', age: 'number > 0', tags: 'string[]' }),
};

/** A schema without a library. */
function schemaOf<T>(validate: StandardSchema<T>['~standard']['validate']): StandardSchema<T> {
  return { '~standard': { version: 1, vendor: 'mine', validate } };
}

function refusal(check: (record: unknown) => unknown, record: unknown): string {
  const checked = check(record);
  if (!(checked instanceof SchemaRefusal)) throw new Error('the schema accepts the record');
  return checked.message;
}

describe.each(Object.entries(SCHEMAS))('a schema of %s', (vendor, schema) => {
  const check = schemaCheck<{ id: string; age: number; tags: string[] }>(schema, 'jsonLines()');

  it('accepts a record that matches', () => {
    expect(check({ id: 'a', age: 3, tags: ['x'] })).toEqual({ id: 'a', age: 3, tags: ['x'] });
  });

  it('refuses a record that does not match, and the message names library, path, value and remedy', () => {
    const message = refusal(check, { id: 'a', age: 'old', tags: [] });

    expect(message).toMatch(
      new RegExp(
        `^the schema \\(${vendor}\\) refuses the record: age is "old": .*number.*\\. Correct the record or the schema$`,
      ),
    );
  });

  it('names a missing field and an element of an array', () => {
    expect(refusal(check, { id: 'a', age: 1, tags: ['x', 7] })).toContain('tags[1] is 7: ');
    expect(refusal(check, { id: 'a', tags: [] })).toContain('age is missing: ');
  });

  it('refuses a record that is no object', () => {
    expect(refusal(check, null)).toContain('it is null: ');
  });
});

describe('schemaCheck()', () => {
  it('returns what a schema makes of the record', () => {
    const check = schemaCheck(
      z.object({ at: z.string().transform((text) => new Date(text)) }),
      'jsonLines()',
    );

    expect(check({ at: '2024-01-01' })).toEqual({ at: new Date('2024-01-01') });
    expectTypeOf(check).returns.toEqualTypeOf<{ at: Date } | SchemaRefusal>();
  });

  it('infers the output of valibot and arktype too', () => {
    const length = v.pipe(
      v.string(),
      v.transform((text) => text.length),
    );

    expectTypeOf(schemaCheck(length, 'f')).returns.toEqualTypeOf<number | SchemaRefusal>();
    expectTypeOf(schemaCheck(type({ n: 'string.numeric.parse' }), 'f')).returns.toEqualTypeOf<
      { n: number } | SchemaRefusal
    >();
  });

  it('shortens values and lists at most three issues', () => {
    const message = refusal(schemaCheck(z.array(z.string()), 'f'), [1, 2, 3, 4, { x: 'y'.repeat(1000) }]);

    expect(message).toContain('[2] is 3: ');
    expect(message).toContain('; and 2 more. ');
    expect(message.length).toBeLessThan(500);
    expect(refusal(schemaCheck(z.number(), 'f'), 'y'.repeat(5000)).length).toBeLessThan(300);
  });

  it('quotes names that are not identifiers', () => {
    expect(refusal(schemaCheck(z.object({ 'a b': z.string() }), 'f'), { 'a b': 1 })).toContain(
      '["a b"] is 1',
    );
  });

  it('refuses a schema without a reason with the record', () => {
    expect(
      refusal(
        schemaCheck(
          schemaOf(() => ({ issues: [] })),
          'f',
        ),
        { a: 1 },
      ),
    ).toContain('{"a":1}');
  });

  it('does not trust the path of an issue', () => {
    const schema = schemaOf(() => ({
      issues: [{ message: 'no', path: ['a', { key: 'b' }, 0, Symbol('s')] }],
    }));

    expect(refusal(schemaCheck(schema, 'f'), { a: null })).toContain('a.b[0]["Symbol(s)"] is missing: no');
  });

  it.each([
    ['zod', z.string().refine(async () => true)],
    ['mine', schemaOf(async () => ({ value: 1 }))],
    ['mine', schemaOf(() => Promise.reject(new Error('unhandled')))],
  ])('refuses an asynchronous schema of %s by name when it shows', async (vendor, schema) => {
    const check = schemaCheck<unknown>(schema, 'jsonLines()');

    expect(() => check('x')).toThrow(
      expect.objectContaining({
        name: 'JobDefinitionError',
        message: expect.stringContaining(`the schema (${vendor}) of jsonLines() is asynchronous`),
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('refuses an asynchronous schema of valibot at once', () => {
    expect(() => schemaCheck(v.objectAsync({ a: v.string() }), 'csv()')).toThrow(
      'the schema (valibot) of csv() is asynchronous',
    );
  });

  it('reports a schema that throws, with the record', () => {
    const check = schemaCheck(
      schemaOf(() => {
        throw new TypeError('boom');
      }),
      'f',
    );

    expect(() => check({ a: 1 })).toThrow(
      expect.objectContaining({
        name: 'UserCodeError',
        message: 'the schema (mine) threw TypeError: boom for the record {"a":1}',
        details: { userStack: expect.stringContaining('boom') },
      }),
    );
  });

  it('reports a schema that returns nothing', () => {
    const check = schemaCheck(
      schemaOf(() => undefined as never),
      'f',
    );

    expect(() => check(1)).toThrow('the schema (mine) returned undefined for the record 1');
  });

  it.each([undefined, null, 5, {}, { '~standard': null }, { '~standard': { version: 2, validate() {} } }])(
    'refuses %j as a schema',
    (schema) => {
      expect(() => schemaCheck(schema as never, 'jsonLines()')).toThrow(
        expect.objectContaining({
          name: 'JobDefinitionError',
          message: expect.stringMatching(/^jsonLines\(\) received .* as its schema\. Pass a schema of/),
        }),
      );
    },
  );
});
