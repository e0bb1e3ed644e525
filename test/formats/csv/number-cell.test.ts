import fc from 'fast-check';
import { expect, it } from 'vitest';
import { numberIn } from '../../../src/formats/csv/number-cell.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';

const parsed = (text: string) => {
  const bytes = Buffer.from(`1${text}2`);
  return numberIn(bytes, 1, bytes.length - 1);
};

it('numbers as String() writes them are read back', () => {
  fc.assert(
    fc.property(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger()), (value) => {
      expect(parsed(Object.is(value, -0) ? '-0' : String(value))).toBe(value);
    }),
    PROPERTY_RUNS,
  );
  for (const value of [
    0,
    -0,
    2 ** 53,
    2 ** 60,
    2 ** 69,
    1e21,
    5e-324,
    1.7976931348623157e308,
    NaN,
    Infinity,
    -Infinity,
  ]) {
    expect(parsed(Object.is(value, -0) ? '-0' : String(value))).toBe(value);
  }
});

it('short and long decimals are exactly Number(text)', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 20 });
  fc.assert(
    fc.property(
      fc.constantFrom('', '-', '+'),
      digits,
      digits,
      fc.constantFrom('', 'e5', 'E-7', 'e+300'),
      (sign, whole, part, exponent) => {
        const text = `${sign}${whole}.${part}${exponent}`;
        const value = Number(text);

        if (whole + part === '') expect(parsed(text)).toBe(undefined);
        else expect(parsed(text)).toBe(Number.isFinite(value) ? value : undefined);
      },
    ),
    PROPERTY_RUNS,
  );
});

it('whole numbers that would lose digits are refused', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
      const text = String(value);
      const number = Number(text);

      expect(parsed(text)).toBe(Number.isSafeInteger(number) || String(number) === text ? number : undefined);
    }),
    PROPERTY_RUNS,
  );
  expect(parsed('9007199254740993')).toBe(undefined);
  expect(parsed('-00012345678901234567')).toBe(undefined);
});

it('other text is no number', () => {
  for (const text of [
    '',
    ' ',
    '1 ',
    ' 1',
    '-',
    '+',
    '.',
    '-.',
    '1.2.3',
    '1,5',
    '0x10',
    '1e',
    'e5',
    '1e5.5',
    'nan',
    'infinity',
    '1_000',
    '--1',
    '١',
    '1e999',
    '-1e999',
    'Infinity1',
  ]) {
    expect(parsed(text), text).toBe(undefined);
  }
});
