/** Reads decimal numbers from bytes, without making text of the common ones. */

const DIGIT_0 = 0x30;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
/** Any 15 digits are exact as a double, and so is 10^22. Dividing one by the other rounds once, as it should. */
const EXACT_DIGITS_MAX = 15;
const POWERS_OF_TEN = Array.from({ length: EXACT_DIGITS_MAX + 1 }, (_, exponent) => 10 ** exponent);
const DECIMAL = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

/** The number in bytes[start, end): a sign, digits with a point among them, an exponent. NaN for anything else. */
export function numberIn(bytes: Buffer, start: number, end: number): number {
  const sign = bytes[start];
  const isSigned = start < end && (sign === MINUS || sign === PLUS);
  let digits = 0;
  let fraction = -1;
  let value = 0;
  for (let at = isSigned ? start + 1 : start; at < end; at++) {
    const digit = bytes[at]! - DIGIT_0;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
      if (fraction >= 0) fraction++;
    } else if (bytes[at] === POINT && fraction < 0) {
      fraction = 0;
    } else {
      return slowNumber(bytes, start, end);
    }
  }
  if (digits === 0 || digits > EXACT_DIGITS_MAX) return slowNumber(bytes, start, end);
  if (fraction > 0) value /= POWERS_OF_TEN[fraction]!;
  return isSigned && sign === MINUS ? -value : value;
}

function slowNumber(bytes: Buffer, start: number, end: number): number {
  const text = bytes.toString('latin1', start, end);
  return DECIMAL.test(text) ? Number(text) : Number.NaN;
}
