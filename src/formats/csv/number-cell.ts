import { raw } from '../../codec/raw-bytes.ts';

const MINUS = 0x2d;
const POINT = 0x2e;
const DIGIT_0 = 0x30;

/** Whole numbers of this many digits are exact, and so are their quotients by powers of ten up to 10^22, once rounded. */
const EXACT_DIGITS_MAX = 15;
const POWERS_OF_10 = Array.from({ length: EXACT_DIGITS_MAX + 1 }, (_, exponent) => 10 ** exponent);

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const WHOLE_NUMBER = /^([+-]?)0*(\d+)$/;

/**
 * The number that the text in `bytes[start, end)` stands for, the same as Number(text). It may be written as String()
 * writes numbers, NaN and Infinity included, or with a plus sign, leading zeros, or no digits on one side of the point.
 * Undefined for other text, for numbers that are too large, and for whole numbers that would lose digits.
 */
export function numberIn(bytes: Buffer, start: number, end: number): number | undefined {
  const quick = plainDecimal(bytes, start, end);
  return Number.isNaN(quick) ? numberOf(raw(bytes).latin1Slice(start, end)) : quick;
}

/** For short decimals without an exponent, which most numbers are: 3 to 15 ns. NaN for all other text. */
function plainDecimal(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  let at = isNegative ? start + 1 : start;
  const sizeBytes = end - at;
  // A quotient of exact numbers is rounded once, as Number() rounds.
  if (sizeBytes > EXACT_DIGITS_MAX || sizeBytes <= 0) return Number.NaN;
  let value = 0;
  let pointAt = -1;
  for (; at < end; at++) {
    const digit = bytes[at]! - DIGIT_0;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
    } else if (digit === POINT - DIGIT_0 && pointAt === -1 && sizeBytes > 1) {
      pointAt = at;
    } else {
      return Number.NaN;
    }
  }
  if (pointAt !== -1) value /= POWERS_OF_10[end - pointAt - 1]!;
  return isNegative ? -value : value;
}

function numberOf(text: string): number | undefined {
  if (!NUMBER.test(text)) {
    if (text === 'NaN') return Number.NaN;
    if (text === 'Infinity') return Number.POSITIVE_INFINITY;
    return text === '-Infinity' ? Number.NEGATIVE_INFINITY : undefined;
  }
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  if (Number.isSafeInteger(value)) return value;
  const [, sign, digits] = WHOLE_NUMBER.exec(text) ?? [];
  return digits === undefined || String(value) === (sign === '-' ? `-${digits}` : digits) ? value : undefined;
}

/** Says why numberIn() refused the text, and what to do. */
export function whyNoNumber(text: string): { readonly what: string; readonly remedy: string } {
  if (NUMBER.test(text)) {
    return WHOLE_NUMBER.test(text)
      ? {
          what: 'has more digits than a number can hold',
          remedy: "Declare the column as 'string', and use BigInt(text) in map to compute with it.",
        }
      : { what: 'is too large for a number', remedy: "Declare the column as 'string'." };
  }
  return {
    what: 'is not a number',
    remedy: "Correct it, or declare the column as 'string' and convert it in map.",
  };
}
