import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { json } from '../../src/codec/json-value.ts';
import { resolveKeyCodec, resolveValueCodec } from '../../src/codec/resolve.ts';
import { tsv } from '../../src/formats/tsv.ts';
import { anyKeyNumber, anyNumber, anyText, RUNS } from '../codec/laws.ts';
import { written, writtenFromBytes } from './written.ts';

const anyCellText = fc.oneof(
  anyText,
  fc.string({ unit: fc.constantFrom('a', 'é', '\x01'), minLength: 20, maxLength: 80 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 20, maxLength: 80 }),
  fc.string({ unit: fc.constantFrom('\t', '\n', '\r', '\\', 't', 'n', 'é', '"'), maxLength: 12 }),
);

describe('a line', () => {
  const cases: [name: string, key: unknown, value: unknown, line: string][] = [
    ['key, tab, value', 'be', 3, 'be\t3\n'],
    ['tuples as several columns', ['be', 'Hamlet'], [3, 0.5], 'be\tHamlet\t3\t0.5\n'],
    ['escapes for tab, newline, return and backslash', 'a\tb\nc\rd\\e', 'x', 'a\\tb\\nc\\rd\\\\e\tx\n'],
    ['null and undefined as nothing', null, undefined, '\t\n'],
    ['booleans and bigints', true, 12345678901234567890n, 'true\t12345678901234567890\n'],
    ['numbers as String writes them', [-0, NaN], [1e21, -1.5e-7], '0\tNaN\t1e+21\t-1.5e-7\n'],
    ['objects as JSON', 'k', { a: [1, 'x\ty'] }, 'k\t{"a":[1,"x\\\\ty"]}\n'],
    ['arrays inside arrays as JSON', 'k', [1, [2, 'b']], 'k\t1\t[2,"b"]\n'],
    ['bytes as UTF-8 text', 'k', Buffer.from('é\n'), 'k\té\\n\n'],
    ['an empty array as nothing', 'k', [], 'k\t\n'],
  ];

  for (const [name, key, value, line] of cases) {
    test(name, () => {
      expect(written(tsv(), { key, value })).toBe(line);
    });
  }
});

test('any text can be read back from its line', () => {
  fc.assert(
    fc.property(fc.array(anyCellText, { minLength: 1, maxLength: 3 }), anyCellText, (key, value) => {
      const line = written(tsv(), { key, value });

      expect(line.endsWith('\n')).toBe(true);
      expect(line.slice(0, -1).split('\t').map(unescapeCell)).toEqual([...key, value]);
    }),
    RUNS,
  );
});

test('numbers are written as by String()', () => {
  fc.assert(
    fc.property(anyNumber, anyNumber, (key, value) => {
      expect(written(tsv(), { key, value })).toBe(`${key}\t${value}\n`);
    }),
    RUNS,
  );
  for (const value of [0, 9, 10, 99, 100, 999_999_999, 1e9, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, -1, -10]) {
    expect(written(tsv(), { key: '', value })).toBe(`\t${value}\n`);
  }
});

describe('the line written from encoded bytes is the same', () => {
  const keys = {
    string: anyCellText,
    number: anyKeyNumber,
    bytes: anyCellText.map((text) => new Uint8Array(Buffer.from(text))),
  } as const;
  const values = { string: anyCellText, number: anyNumber, bytes: keys.bytes } as const;

  for (const keyType of ['string', 'number', 'bytes'] as const) {
    for (const valueType of ['string', 'number', 'bytes'] as const) {
      test(`for a key of type ${keyType} and a value of type ${valueType}`, () => {
        const codecs = { key: resolveKeyCodec(keyType), value: resolveValueCodec(valueType) };
        fc.assert(
          fc.property(
            keys[keyType] as fc.Arbitrary<unknown>,
            values[valueType] as fc.Arbitrary<unknown>,
            (key, value) => {
              expect(writtenFromBytes(tsv(), codecs, { key, value })).toBe(written(tsv(), { key, value }));
            },
          ),
          RUNS,
        );
      });
    }
  }

  test('tuples and json have no encoded writer, since they must be decoded', () => {
    expect(
      tsv().createWriter().encodedWriter?.(resolveKeyCodec('string'), resolveValueCodec(json())),
    ).toBeUndefined();
    expect(
      tsv()
        .createWriter()
        .encodedWriter?.(resolveKeyCodec(['string']), resolveValueCodec('number')),
    ).toBeUndefined();
  });
});

test('values that no column can hold are refused', () => {
  expect(() => written(tsv(), { key: 'k', value: () => 1 })).toThrow(
    expect.objectContaining({ name: 'UnencodableValueError' }),
  );
  expect(() => written(tsv(), { key: 'k', value: { a: new Map() } })).toThrow(
    'tsv cannot hold {} (Map) at $.a.',
  );
});

function unescapeCell(cell: string): string {
  const letters: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };
  return cell.replace(/\\(.)/g, (_, letter: string) => letters[letter]!);
}
