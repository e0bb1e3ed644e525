/**
 * Computes the CRC-32 of two concatenated byte sequences from the CRC-32 of each: crc(ab) = crc(a) * x^(8 |b|) + crc(b),
 * in polynomials with coefficients modulo 2, modulo the polynomial of CRC-32. It takes about 100 steps per bit of |b|.
 *
 * Source: crc32_combine() of zlib 1.3.
 */

/** The bits are reversed, as in zlib: the highest bit is x^0. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X = 0x40000000;

export function combineCrc32(first: number, second: number, secondBytes: number): number {
  return (multiply(powerOfX8(secondBytes), first) ^ second) >>> 0;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/** x^(8 * exponent), by squaring. */
function powerOfX8(exponent: number): number {
  let power = ONE;
  let square = multiply(multiply(X, X), multiply(X, X));
  square = multiply(square, square);
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(square, power);
    square = multiply(square, square);
  }
  return power;
}
