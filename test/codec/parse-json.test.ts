import fc from 'fast-check';
import { parse as parseIndependently } from 'lossless-json';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/codec/parse-json.ts';

/** Parsed in order, in one process: V8 expects of each object the names of those before it. */
const PAIRS: readonly (readonly [first: string, second: string])[] = [
  ['\\', '"'],
  ['\\', '\n'],
  ['x\\', 'x\t'],
  ['C:\\', 'C:\n'],
  ['\\\\', '\\n'],
  ['\\u', '\u0000a'],
];

describe('parseJson', () => {
  test.each(['a', 'é', 'Ā', '\ue000'])('returns the names as written, after a first name %j', (lead) => {
    for (const [first, second] of PAIRS) {
      parseJson(JSON.stringify({ [lead]: 0, [first]: 1 }));

      const value = parseJson(JSON.stringify({ [lead]: 0, [second]: 1 }));

      expect(Object.keys(value as object)).toEqual([lead, second]);
    }
  });

  test('agrees with an independent parser for sequences of objects with similar names', () => {
    const unit = fc.constantFrom(
      '\\',
      '"',
      '\n',
      '\t',
      '\u0000',
      '\u001f',
      'n',
      't',
      'u',
      '0',
      'a',
      '/',
      'é',
      'Ā',
      '\ud800',
      '😀',
    );
    const name = fc.oneof(
      { weight: 4, arbitrary: fc.string({ unit, maxLength: 4 }) },
      { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', '0', '7', 'a', 'toJSON') },
    );
    const leaf = fc.oneof(fc.string({ unit, maxLength: 4 }), fc.integer(), fc.constant(null), fc.boolean());
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('value'), { maxLength: 3 }),
        fc
          .array(fc.tuple(name, tie('value')), { maxLength: 4 })
          .map((entries) => Object.fromEntries(entries)),
      ),
    }));
    const spacing = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(fc.array(fc.tuple(value, spacing), { minLength: 1, maxLength: 8 }), (values) => {
        for (const [original, space] of values) {
          const text = escapedAtRandom(JSON.stringify(original, undefined, space));

          const parsed = parseJson(text);

          const expected = parseIndependently(text, undefined, Number);
          expect(JSON.stringify(parsed)).toBe(JSON.stringify(expected));
          expect(JSON.stringify(parsed)).toBe(JSON.stringify(original));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('keeps the last value of a duplicate name, however each is escaped', () => {
    expect(parseJson('{"a":1,"\\u0061":2}')).toEqual({ a: 2 });
    expect(parseJson('{"\\n":1,"b":0,"\\u000a":2}')).toEqual({ '\n': 2, b: 0 });
  });

  test('makes own properties of __proto__, escaped or not, and of their contents', () => {
    const value = parseJson(
      '{"__proto__":{"\\n":1},"\\u005f_proto__":{"\\t":2},"\\n":{"__proto__":{"\\"":3}}}',
    );

    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(JSON.stringify(value)).toBe('{"__proto__":{"\\t":2},"\\n":{"__proto__":{"\\"":3}}}');
  });

  test.each([
    '{"\\n":1',
    '{"\\x":1}',
    '{"a\\":1}',
    '"\\',
    '{"\n":1}',
    '{"\\n":1}}',
    '',
    '\\',
    '{"a"\\u003a":x"}',
  ])('refuses %j as JSON.parse does', (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  test.each([
    '{"\\n":1,"a":}',
    '{"\\n":1,\n "b" 2}',
    '{"a\\tb":1,"c":tru}',
    '["p",x"\\n":1,"p"]',
    '{"\\n":1}}',
  ])('reports what is wrong with %j as it was written, at its own positions', (text) => {
    const message = messageOf(() => JSON.parse(text));

    expect(messageOf(() => parseJson(text))).toBe(message);
  });

  test('accepts any depth that JSON.parse accepts', () => {
    const depth = 200_000;
    const text = `${'{"\\n":'.repeat(depth)}1${'}'.repeat(depth)}`;

    let value = parseJson(text);
    let found = 0;
    for (; typeof value === 'object'; found++) value = (value as Record<string, unknown>)['\n'];

    expect(found).toBe(depth);
  });

  test('accepts a name and a value of millions of characters', () => {
    const long = '"\\'.repeat(1_000_000);

    expect(Object.entries(parseJson(JSON.stringify({ [long]: long })) as object)).toEqual([[long, long]]);
  });

  test('looks at each character once in a long text with escapes in every value', () => {
    const rows = Array.from({ length: 200_000 }, (_, i) => ({ a: `"${i}"`, b: '\\'.repeat(i % 5) }));
    const text = JSON.stringify(rows);

    expect(parseJson(text)).toEqual(rows);
  });

  test('searches a long value with many escapes only once for its closing quote', () => {
    const text = JSON.stringify({ a: 'line\n'.repeat(4_000_000) });

    expect(Object.keys(parseJson(text) as object)).toEqual(['a']);
  }, 30_000);
});

function messageOf(act: () => unknown): string {
  try {
    act();
    return 'no error';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Writes some characters as \uXXXX: JSON may escape any character. */
function escapedAtRandom(text: string): string {
  return text.replaceAll(/[a-zé0-9](?=[^"]*"\s*:)/g, (character, at: number) => {
    const isEscape = /\\u[0-9a-f]{0,3}$|\\$/.test(text.slice(Math.max(0, at - 5), at));
    const isInString = !isEscape && (text.slice(0, at).match(/(?<!\\)(?:\\\\)*"/g)?.length ?? 0) % 2 === 1;
    return isInString && at % 3 === 0
      ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
      : character;
  });
}
