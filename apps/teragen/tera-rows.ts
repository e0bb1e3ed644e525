/**
 * The rows of the sort benchmark (sortbenchmark.org), byte for byte as `gensort` and Hadoop's TeraGen write them:
 *
 *     0          10      12                        44            48                         96            100
 *     | key      | 00 11 | row number, 32 digits   | 88 99 aa bb | 12 digits, each 4 times  | cc dd ee ff |
 *
 * The key is the upper 10 bytes of a random number of 128 bits, and the 12 digits are its lower 6 bytes. All digits are
 * hexadecimal, in upper case.
 */
const ROW_BYTES = 100;
const KEY_BYTES = 10;
const ROW_NUMBER_AT = 12;
const ROW_NUMBER_DIGITS = 32;
const FILLER_AT = 48;
const LOW_BYTES_AT = 10;
const DIGITS = Buffer.from('0123456789ABCDEF');

// A linear congruential generator: the next number is (A * number + C) mod 2^128. A is from L'Ecuyer, "Tables of linear
// congruential generators of different sizes and good lattice structure", 1999. C spells the first key: JimGrayRIP.
const A = 0x2360ed051fc65da44385df649fccf645n;
const C = 0x4a696d47726179524950202020202001n;

/** Makes one row after the other quickly, and jumps to any row: tasks start in the middle. */
export class TeraRows {
  readonly #row = emptyRow();
  readonly #random = Buffer.alloc(16);
  #state = 0n;
  #nextRow = 0;

  /** Returns the bytes of a row, valid until the next call. Rows are numbered from 0. */
  at(row: number): Buffer {
    const state = row === this.#nextRow ? step(this.#state) : randomAt(row);
    this.#state = state;
    this.#nextRow = row + 1;
    const random = this.#random;
    random.writeBigUInt64BE(state >> 64n, 0);
    random.writeBigUInt64BE(BigInt.asUintN(64, state), 8);
    const bytes = this.#row;
    random.copy(bytes, 0, 0, KEY_BYTES);
    bytes.write(row.toString(16).toUpperCase().padStart(ROW_NUMBER_DIGITS, '0'), ROW_NUMBER_AT, 'latin1');
    for (let at = FILLER_AT, i = LOW_BYTES_AT; i < random.length; i++, at += 8) {
      bytes.fill(DIGITS[random[i]! >> 4]!, at, at + 4);
      bytes.fill(DIGITS[random[i]! & 15]!, at + 4, at + 8);
    }
    return bytes;
  }
}

function step(state: bigint): bigint {
  return BigInt.asUintN(128, A * state + C);
}

/** The random number of a row: as if step() was called row + 1 times, but in about 2 * log2(row) multiplications. */
function randomAt(row: number): bigint {
  let state = 0n;
  // What 1, 2, 4, 8, ... steps do together is again a multiplication and an addition.
  let a = A;
  let c = C;
  for (let steps = BigInt(row) + 1n; steps > 0n; steps >>= 1n) {
    if (steps & 1n) state = BigInt.asUintN(128, a * state + c);
    c = BigInt.asUintN(128, a * c + c);
    a = BigInt.asUintN(128, a * a);
  }
  return state;
}

/** What all rows have in common. */
function emptyRow(): Buffer {
  const row = Buffer.alloc(ROW_BYTES);
  row.write('0011', KEY_BYTES, 'hex');
  row.write('8899aabb', 44, 'hex');
  row.write('ccddeeff', 96, 'hex');
  return row;
}
